"""Mirrors and mixes training images, alike on any number of devices."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key


def flip_images(
    image: Float[Array, "b h w c"], key: Key[Array, ""], first: Int[Array, ""]
) -> Float[Array, "b h w c"]:
    """Mirrors half the images; image i of the global batch depends on (key, i) alone.

    Args:
      image: this device's part of the batch.
      key: the step's key.
      first: index in the global batch of this device's first image.
    """

    def draw(index: Int[Array, ""]) -> Bool[Array, ""]:
        return jax.random.bernoulli(jax.random.fold_in(key, index))

    mirror = jax.vmap(draw)(first + jnp.arange(image.shape[0]))
    return jnp.where(mirror[:, None, None, None], image[:, :, ::-1], image)


def mix_pairs(
    image: Float[Array, "b h w c"],
    label: Float[Array, "b y"],
    key: Key[Array, ""],
    first: Int[Array, ""],
    *,
    alpha: float,
) -> tuple[Float[Array, "b h w c"], Float[Array, "b y"]]:
    """Mixes images 2i and 2i + 1 of the global batch, whose order is random anyway.

    Mixup (Zhang et al. 2018, arXiv:1710.09412). The pair's share depends on (key, i)
    alone, and a pair is never spread over two devices, so the number of devices changes
    nothing. A label that is unknown for one of the two is unknown for the mixture.

    Args:
      image: this device's part of the batch, an even number of images.
      label: 0, 1 or NaN (unknown).
      key: the step's key.
      first: index in the global batch of this device's first image.
      alpha: shares come from Beta(alpha, alpha); small ones mix little.
    """
    pairs = image.shape[0] // 2

    def draw(pair: Int[Array, ""]) -> Float[Array, ""]:
        return jax.random.beta(jax.random.fold_in(key, pair), alpha, alpha)

    share = jnp.repeat(jax.vmap(draw)(first // 2 + jnp.arange(pairs)), 2)

    def mix(values: Float[Array, "b *_"]) -> Float[Array, "b *_"]:
        partner = values.reshape(pairs, 2, *values.shape[1:])[:, ::-1]
        own = share.reshape(-1, *[1] * (values.ndim - 1))
        return own * values + (1.0 - own) * partner.reshape(values.shape)

    return mix(image), mix(label)
