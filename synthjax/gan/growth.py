"""Real images as a growing network sees them: smaller, and faded like its own."""

import jax.numpy as jnp
from jaxtyping import Array, Float, UInt

from synthjax.data.images.transforms import to_image
from synthjax.gan.networks.convolution import mean_down


def real_images(
    pixels: UInt[Array, "b h w c"], resolution: int, fade: Float[Array, ""] | None
) -> Float[Array, "b i j c"]:
    """Images of `resolution` px in -1..1, by 2x2 means rounded to whole pixels.

    Args:
      pixels: of the data set's resolution, a power of two times `resolution`.
      resolution: that is trained now.
      fade: weight of the newest resolution's layers; at 0 an image has the detail of
        half the resolution, as a generator's has whose last layers do not count yet
        (Karras et al. 2018, arXiv:1710.10196, appendix A). None is 1.
    """
    if pixels.shape[1] != resolution:
        wide = pixels.astype(jnp.float32)
        while wide.shape[1] > resolution:
            wide = mean_down(wide)
        pixels = jnp.rint(wide).astype(pixels.dtype)
    image = to_image(pixels)
    if fade is None:
        return image
    coarse = enlarge(mean_down(image), resolution)
    return coarse + fade * (image - coarse)


def enlarge(image: Float[Array, "b h w c"], resolution: int) -> Float[Array, "b i j c"]:
    """A whole multiple of the size, every pixel repeated."""
    times = resolution // image.shape[1]
    if times == 1:
        return image
    return jnp.repeat(jnp.repeat(image, times, axis=1), times, axis=2)
