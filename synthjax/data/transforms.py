"""Pixels: the one map between bytes and network values, resize, channels."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8
from PIL import Image

from synthjax.core.errors import StudyError


def to_image(image_u8: UInt8[Array, "*b h w c"]) -> Float[Array, "*b h w c"]:
    """0..255 bytes to -1..1 float32; the same affine map everywhere."""
    return jnp.asarray(image_u8, jnp.float32) / 127.5 - 1.0


def to_image_u8(image: Float[Array, "*b h w c"]) -> UInt8[Array, "*b h w c"]:
    """-1..1 to bytes, rounded to the nearest, clipped; inverse of `to_image`."""
    scaled = jnp.rint((jnp.asarray(image, jnp.float32) + 1.0) * 127.5)
    return jnp.clip(scaled, 0, 255).astype(jnp.uint8)


def resize(
    pixels: UInt8[np.ndarray, "h w c"] | Float[np.ndarray, "h w c"],
    height: int,
    width: int,
) -> UInt8[np.ndarray, "H W c"] | Float[np.ndarray, "H W c"]:
    """Antialiased resize, for every image of every source.

    A triangle filter as wide as one pixel of the coarser grid: it averages when it
    shrinks, interpolates when it enlarges, and never leaves the range of its input.
    Computed in float32; bytes are rounded once at the end. The result has the type of
    the input (float64 becomes float32).
    """
    if pixels.shape[:2] == (height, width):
        return pixels
    planes = [
        Image.fromarray(np.ascontiguousarray(plane, np.float32)).resize(
            (width, height), Image.Resampling.BILINEAR
        )
        for plane in np.moveaxis(pixels, -1, 0)
    ]
    resized = np.stack([np.asarray(plane) for plane in planes], axis=-1)
    if pixels.dtype == np.uint8:
        return np.clip(np.rint(resized), 0, 255).astype(np.uint8)
    return resized


def pad_to_square(
    pixels: UInt8[np.ndarray, "h w c"], value: int = 0
) -> UInt8[np.ndarray, "s s c"]:
    """Add rows or columns of `value`, evenly on both sides, up to a square."""
    height, width = pixels.shape[:2]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    margins = ((top, side - height - top), (left, side - width - left), (0, 0))
    return np.pad(pixels, margins, constant_values=value)


def convert_channels(
    pixels: UInt8[np.ndarray, "h w c"], channels: int
) -> UInt8[np.ndarray, "h w d"]:
    """Grey to RGB by repeating, RGB to grey by luma (ITU-R BT.601).

    Raises:
        StudyError: other numbers of channels than 1 and 3.
    """
    have = pixels.shape[-1]
    if have == channels:
        return pixels
    if (have, channels) == (1, 3):
        return np.repeat(pixels, 3, axis=-1)
    if (have, channels) == (3, 1):
        luma = pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
        return np.rint(luma)[..., None].astype(np.uint8)
    raise StudyError(
        f"cannot convert {have} to {channels} channels; 1 and 3 are known."
    )
