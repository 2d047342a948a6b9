"""What GAN inversion minimises: distances of images, and how far noise is from white."""

import jax.numpy as jnp
from jaxtyping import Array, Float

_SMALLEST = 8  # px; no scale below it is compared, no noise map decorrelated


def distance(
    a: Float[Array, "b h w c"], b: Float[Array, "b h w c"]
) -> Float[Array, " b"]:
    """Sums mean squared differences over scales: full size, and halves down to 8 px.

    A shift by a pixel costs much at full size and little at the coarse ones, which pull
    the search towards the right shapes.
    """
    total = jnp.zeros(a.shape[0], jnp.float32)
    difference = (a - b).astype(jnp.float32)
    while True:
        total = total + jnp.mean(jnp.square(difference), axis=(1, 2, 3))
        if difference.shape[1] // 2 < _SMALLEST:
            return total
        difference = _halve(difference)


def decorrelation(noise: tuple[Float[Array, "b _h _w 1"], ...]) -> Float[Array, " b"]:
    """Measures how far noise maps are from white.

    It sums the squared autocorrelations at a pixel's shift (arXiv:1912.04958, appendix
    D) of every map and its halves down to 8 px, each kept at unit variance, so that no
    image is drawn into them at any scale.
    """
    total = jnp.float32(0)
    for level in noise:
        while True:
            for axis in (1, 2):
                shifted = jnp.roll(level, 1, axis)
                total = total + jnp.square(jnp.mean(level * shifted, axis=(1, 2, 3)))
            if level.shape[1] // 2 < _SMALLEST:
                break
            level = 2.0 * _halve(level)  # the mean of four has half the deviation
    return jnp.broadcast_to(total, noise[0].shape[:1])


def _halve(x: Float[Array, "b h w c"]) -> Float[Array, "b h/2 w/2 c"]:
    b, h, w, c = x.shape
    return x.reshape(b, h // 2, 2, w // 2, 2, c).mean(axis=(2, 4))
