"""What an update puts through the networks: keys, real images, styles, synthetic ones.

Every random number belongs to a sample by its index in the global batch.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, UInt, UInt32

from synthjax.core import rng
from synthjax.core.devices import AXIS
from synthjax.gan.augment.augment import AugmentConfig, augment
from synthjax.gan.generator import draw_latents, draw_noise
from synthjax.gan.growth import real_images
from synthjax.gan.losses import LABEL_LOSSES
from synthjax.gan.networks.api import Networks, Params
from synthjax.gan.schedule import Phase


def sample_keys(root: Key[Array, ""], count: int) -> Key[Array, " b"]:
    """Returns one key for each of this device's `count` samples, by global index."""
    first = jax.lax.axis_index(AXIS) * count
    fold = jax.vmap(lambda index: jax.random.fold_in(root, index))
    return fold(first + jnp.arange(count, dtype=jnp.int32))


def shown_reals(
    pixels: UInt[Array, "b h w c"], phase: Phase, images: UInt32[Array, ""]
) -> Float[Array, "b i j c"]:
    """Returns real images as the phase's networks see them after so many images."""
    fade = phase.fade(images) if phase.fade_over else None
    return real_images(pixels, phase.resolution, fade)


def augment_images(
    image: Float[Array, "b h w c"],
    keys: Key[Array, " b"],
    origin: str,
    p: Float[Array, ""],
    config: AugmentConfig,
) -> Float[Array, "b h w c"]:
    """Augments what the discriminator is to see.

    Args:
      image: about -1..1.
      keys: of the samples.
      origin: "real" or "synthetic", which draw other numbers from the same keys.
      p: probability of each operation.
      config: strengths.
    """
    if config.mode == "none":
        return image
    return augment(image, _fold(keys, f"augment {origin}"), p, config)


def draw_styles(
    networks: Networks,
    params: Params,
    keys: Key[Array, " b"],
    label: Float[Array, "b y"],
    style_mixing: float,
) -> tuple[Float[Array, "b style"], Float[Array, "b n style"]]:
    """Returns a style for each image, and one for each of its layers.

    In the share `style_mixing` of the images the later layers have the style of another
    latent: Karras et al. 2019 (arXiv:1812.04948), section 3.1.
    """
    w = networks.map(params, draw_latents(networks, keys), label)
    count = networks.num_ws
    ws = jnp.broadcast_to(w[:, None], (w.shape[0], count, w.shape[1]))
    if not style_mixing or count < 2:
        return w, ws
    others = _fold(keys, "style mixing")
    other = networks.map(params, draw_latents(networks, others), label)

    def first_other_layer(key: Key[Array, ""]) -> Array:
        layer = jax.random.randint(rng.key(key, "layer"), (), 1, count)
        coin = jax.random.uniform(rng.key(key, "coin"), (), jnp.float32)
        return jnp.where(coin < style_mixing, layer, count)

    own = jnp.arange(count) < jax.vmap(first_other_layer)(others)[:, None]
    return w, jnp.where(own[:, :, None], ws, other[:, None])


def synthesize(
    networks: Networks,
    params: Params,
    keys: Key[Array, " b"],
    label: Float[Array, "b y"],
    style_mixing: float,
) -> tuple[Float[Array, "b h w c"], Float[Array, "b style"]]:
    """Returns images of the generator in training under requested labels, and styles."""
    w, ws = draw_styles(networks, params, keys, label, style_mixing)
    return networks.synthesize(params, ws, draw_noise(networks, keys)), w


def discriminate_with_label_loss(
    networks: Networks,
    params: Params,
    image: Float[Array, "b h w c"],
    label: Float[Array, "b y"],
    label_loss: str | None,
) -> tuple[Float[Array, " b"], Float[Array, " b"] | None]:
    """Returns the discriminator's logit, and the loss of its label head.

    The loss is None without a head, without labels, or without `label_loss`, a name in
    LABEL_LOSSES.
    """
    with_labels = networks.discriminate_with_labels
    if with_labels is None or label_loss is None:
        return networks.discriminate(params, image, label), None
    logit, label_logit = with_labels(params, image, label)
    if label_logit is None:  # there are no labels
        return logit, None
    return logit, LABEL_LOSSES[label_loss](label_logit, label)


def _fold(keys: Key[Array, " b"], name: str) -> Key[Array, " b"]:
    return jax.vmap(lambda key: rng.key(key, name))(keys)
