"""Penalties on gradients and path lengths, and the parameter average."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, UInt32

from synthjax.core import rng
from synthjax.gan.config import ResolvedConfig

Discriminate = Callable[[Float[Array, "b h w c"]], Float[Array, " b"]]

# Added to squares below a root, whose gradient at zero is infinite. It moves a norm by
# at most 1e-7.
_TINY = 1e-14


def r1(
    discriminate: Discriminate, image: Float[Array, "b h w c"]
) -> Float[Array, " b"]:
    """Returns the squared norm of each logit's gradient in its image: ||grad D||^2.

    R1 at real images and R2 at synthetic ones: Mescheder et al. 2018
    (arXiv:1801.04406), eq. 9 and 10, without the weight gamma / 2. The gradient is of
    the sum of the logits, as in StyleGAN2: with minibatch standard deviation it
    includes what a sample does to its group's other logits.

    Args:
      discriminate: images to logits.
      image: real images for R1, synthetic ones, held fixed, for R2; about -1..1.
    """
    gradient = jax.grad(lambda x: jnp.sum(discriminate(x)))(image)
    return jnp.sum(jnp.square(gradient.astype(jnp.float32)), axis=(1, 2, 3))


def interpolate(
    real: Float[Array, "b h w c"],
    synthetic: Float[Array, "b h w c"],
    keys: Key[Array, " b"],
) -> Float[Array, "b h w c"]:
    """Returns images on the lines between real and synthetic ones, for WGAN-GP.

    Gulrajani et al. 2017 (arXiv:1704.00028), algorithm 1. Where on the line is uniform,
    and a function of the sample's own key.
    """

    def draw(key: Key[Array, ""]) -> Float[Array, ""]:
        return jax.random.uniform(rng.key(key, "interpolate"), (), jnp.float32)

    share = jax.vmap(draw)(keys)[:, None, None, None].astype(real.dtype)
    return real + share * (synthetic - real)


def gradient_penalty(
    discriminate: Discriminate, image: Float[Array, "b h w c"], target: float = 1.0
) -> Float[Array, " b"]:
    """Returns (||grad_x D(x)|| - target)^2, without its weight lambda.

    Gulrajani et al. 2017 (arXiv:1704.00028), eq. 3. The gradient is as in `r1`.

    Args:
      discriminate: images to logits.
      image: as `interpolate` gives it, about -1..1.
      target: the norm to keep to, logits per unit of intensity.
    """
    norm = jnp.sqrt(r1(discriminate, image) + jnp.float32(_TINY))
    return jnp.square(norm - jnp.float32(target))


def path_lengths(
    synthesize: Callable[[Float[Array, "b n style"]], Float[Array, "b h w c"]],
    ws: Float[Array, "b n style"],
    keys: Key[Array, " b"],
) -> Float[Array, " b"]:
    """Returns how far images move with their styles: ||J^T y|| in a random direction y.

    Karras et al. 2020 (arXiv:1912.04958), eq. 4 and appendix B. J is the Jacobian of an
    image in its styles; the pixels of y are N(0, 1) / sqrt(h w), so that the length
    does not grow with the resolution. With a style for each of n layers it is the root
    mean square over the layers of each one's norm. Costs one backward pass.

    Args:
      synthesize: styles to images, with nothing shared between samples.
      ws: styles.
      keys: one per sample, of its direction.
    """
    image, pull_back = jax.vjp(synthesize, ws)
    height, width = image.shape[1:3]

    def draw(key: Key[Array, ""]) -> Float[Array, "h w c"]:
        normal = jax.random.normal(
            rng.key(key, "path length"), image.shape[1:], jnp.float32
        )
        return normal / jnp.float32((height * width) ** 0.5)

    direction = jax.vmap(draw)(keys)
    (gradient,) = pull_back(direction.astype(image.dtype))
    square = jnp.sum(jnp.square(gradient.astype(jnp.float32)), axis=2)
    return jnp.sqrt(jnp.mean(square, axis=1) + jnp.float32(_TINY))


def path_length_penalty(
    lengths: Float[Array, " b"], mean: Float[Array, ""]
) -> Float[Array, " b"]:
    """Returns (length - mean)^2, without its weight; eq. 4 of arXiv:1912.04958.

    Args:
      lengths: as `path_lengths` gives them.
      mean: their moving average, which the penalty does not move.
    """
    return jnp.square(lengths - jax.lax.stop_gradient(mean))


def next_path_length_mean(
    mean: Float[Array, ""], lengths_mean: Float[Array, ""], decay: float = 0.01
) -> Float[Array, ""]:
    """Moves the average of path lengths `decay` of the way to the newest ones.

    Args:
      mean: the average so far; 0 to begin with.
      lengths_mean: mean over the global batch, the same on every device.
      decay: the newest mean's share of the average.
    """
    newest = jax.lax.stop_gradient(lengths_mean)
    return mean + jnp.float32(decay) * (newest - mean)


def ema_decay(
    batch_size: float | Float[Array, ""],
    kimg: float | Float[Array, ""],
    half_life_kimg: float,
    rampup: float,
) -> Float[Array, ""]:
    """Returns the decay d of a parameter average, d * average + (1 - d) * new.

    A value's weight halves every `half_life_kimg` thousand real images, whatever the
    (global) batch size. Early on the half-life is at most `rampup` times the `kimg`
    shown so far (0 = no ramp-up), so that the average forgets the initial weights.
    """
    half_life = jnp.asarray(half_life_kimg, jnp.float32)
    if rampup:
        half_life = jnp.minimum(half_life, rampup * jnp.asarray(kimg, jnp.float32))
    images = jnp.maximum(half_life * 1000.0, 1e-6)
    return jnp.exp2(-jnp.asarray(batch_size, jnp.float32) / images)


def ema_decay_at(
    config: ResolvedConfig, images: UInt32[Array, ""], batch_size: int
) -> Float[Array, ""]:
    """Returns the decay that a config has after so many images: constant or not."""
    if config.ema_decay:
        return jnp.asarray(config.ema_decay, jnp.float32)
    return ema_decay(
        batch_size,
        images.astype(jnp.float32) / 1000,
        config.ema_half_life_kimg,
        config.ema_rampup,
    )
