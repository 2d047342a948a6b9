"""Mixes pairs of training images and their labels (Zhang et al. 2018, arXiv:1710.09412)."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key


def mix_pairs(
    image: Float[Array, "b h w c"],
    label: Float[Array, "b y"],
    key: Key[Array, ""],
    first: Int[Array, ""],
    *,
    alpha: float,
) -> tuple[Float[Array, "b h w c"], Float[Array, "b y"]]:
    """Mixes images 2i and 2i + 1 of the global batch, whose order is random anyway.

    The pair's share depends on (key, i) alone, and a pair is never spread over two
    devices, so the number of devices changes nothing. A label that is unknown for one
    of the two is unknown for the mixture.

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

    def mix(values: Array) -> Array:
        partner = values.reshape(pairs, 2, *values.shape[1:])[:, ::-1]
        kept = share.reshape(-1, *[1] * (values.ndim - 1))
        return kept * values + (1.0 - kept) * partner.reshape(values.shape)

    return mix(image), mix(label)
