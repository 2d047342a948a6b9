"""Growing networks: what they are in a phase, and real images as they see them."""

import jax.numpy as jnp
from jaxtyping import Array, Float, UInt, UInt32

from synthjax.data.images.transforms import to_image
from synthjax.gan.networks.api import AnyArray, Networks
from synthjax.gan.networks.convolution import mean_down
from synthjax.gan.schedule import Phase


def networks_at(
    networks: Networks, phase: Phase | None, images: UInt32[AnyArray, ""]
) -> Networks:
    """Returns the networks as they are in a phase after so many images; traceable.

    Without a phase they are fully grown.
    """
    if phase is None or networks.at_resolution is None:
        return networks
    return networks.at_resolution(phase.resolution, phase.fade(images))


def real_images(
    pixels: UInt[Array, "b h w c"],
    resolution: int,
    fade: Float[Array, ""] | None,
) -> Float[Array, "b i j c"]:
    """Returns images of `resolution` px in -1..1, by 2x2 means, in whole pixels.

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
    """Returns images of `resolution` px, a multiple of theirs, every pixel repeated."""
    times = resolution // image.shape[1]
    if times == 1:
        return image
    return jnp.repeat(jnp.repeat(image, times, axis=1), times, axis=2)
