"""The one map between stored pixels and what networks see."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt


def to_image(pixels: UInt[Array | np.ndarray, "*b h w c"]) -> Float[Array, "*b h w c"]:
    """Maps 0..255 (uint8) or 0..65535 (uint16) to -1..1 float32; one affine map."""
    half = jnp.iinfo(pixels.dtype).max / 2
    return jnp.asarray(pixels, jnp.float32) / half - 1.0


def to_pixels(
    image: Float[Array | np.ndarray, "*b h w c"], bits: int
) -> UInt[Array, "*b h w c"]:
    """Maps -1..1 to integers of 8 or 16 bits, rounded to the nearest, clipped.

    Inverse of `to_image`.
    """
    largest = 2**bits - 1
    scaled = jnp.rint((jnp.asarray(image, jnp.float32) + 1.0) * (largest / 2))
    return jnp.clip(scaled, 0, largest).astype(f"uint{bits}")
