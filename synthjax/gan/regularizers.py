"""R1 gradient penalty, truncation, and the decay of the parameter average."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def r1(
    discriminate: Callable[[Float[Array, "b h w c"]], Float[Array, " b"]],
    image: Float[Array, "b h w c"],
) -> Float[Array, " b"]:
    """Squared norm of each logit's gradient in its image, ||grad_x D(x)||^2.

    Mescheder et al. 2018 (arXiv:1801.04406), eq. 9, without the weight gamma / 2. The
    gradient is of the sum of the logits, as in StyleGAN2: with minibatch standard
    deviation it includes what a sample does to its group's other logits.
    """
    gradient = jax.grad(lambda x: jnp.sum(discriminate(x)))(image)
    return jnp.sum(jnp.square(gradient.astype(jnp.float32)), axis=(1, 2, 3))


def truncate(
    w: Float[Array, "b w"], w_mean: Float[Array, " w"], psi: float | Float[Array, ""]
) -> Float[Array, "b w"]:
    """Pull w towards the mean: psi = 1 changes nothing, psi = 0 gives the mean.

    Karras et al. 2019 (arXiv:1812.04948), appendix B.
    """
    return w_mean + psi * (w - w_mean)


def ema_decay(
    batch_size: int | Float[Array, ""],
    kimg: float | Float[Array, ""],
    half_life_kimg: float,
    rampup: float,
) -> Float[Array, ""]:
    """Decay of one step's parameter average: average = d * average + (1 - d) * new.

    A value's weight halves every `half_life_kimg` thousand real images, whatever the
    (global) batch size. Early on the half-life is at most `rampup` times the `kimg`
    shown so far (0 = no ramp-up), so that the average forgets the initial weights.
    """
    half_life = jnp.asarray(half_life_kimg, jnp.float32)
    if rampup:
        half_life = jnp.minimum(half_life, rampup * jnp.asarray(kimg, jnp.float32))
    images = jnp.maximum(half_life * 1000.0, 1e-6)
    return jnp.exp2(-jnp.asarray(batch_size, jnp.float32) / images)
