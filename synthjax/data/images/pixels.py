"""From values of any size to the pixels of a set: one way for every source and arm."""

import dataclasses

import numpy as np
from jaxtyping import Float32, UInt, UInt8
from PIL import Image

from synthjax.core.config import Config, field
from synthjax.core.errors import ConfigError, StudyError
from synthjax.data.images.windowing import WINDOWS

RESOLUTIONS = (16, 32, 64, 128, 256, 512, 1024)
_TINT = 0.02  # of 0..1: channels that differ by more are colour
_BLOCK = 1 << 24  # values of a padded image that are made at a time
_TALL = 64  # times as high as wide is very tall; no radiograph is
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


@dataclasses.dataclass(frozen=True)
class PixelsConfig(Config):
    """How an image of any size and depth becomes pixels of the set."""

    aspect: str = field(
        "pad",
        "how an image becomes square; pad: black margins, crop: the middle, squash: "
        "stretched",
        one_of=("pad", "crop", "squash"),
    )
    bits: int = field(
        8, "bits of a stored pixel; 16 with one channel only", one_of=(8, 16)
    )
    normalise: str = field(
        "none",
        "none, or maximum: the brightest pixel of an image is white",
        one_of=("none", "maximum"),
    )
    pyramid_from: int = field(
        0,
        "resize to this size, then average down by 2x2, pixels; 0: resize directly",
        one_of=(0, *RESOLUTIONS),
    )
    window: str = field(
        "file",
        "window of CT; three: brain, subdural and bone as RGB, file: the file's own",
        one_of=(*WINDOWS, "three", "file"),
    )
    white: int = field(
        0,
        "value shown white in 16-bit PNG and TIFF; 0: such images are refused",
        ge=0,
        le=65535,
    )

    def check_set(self, resolution: int, channels: int) -> None:
        """Raises ConfigError if a set of this shape cannot be made so."""
        if self.pyramid_from and self.pyramid_from < resolution:
            raise ConfigError(
                f"config.data.pixels.pyramid_from={self.pyramid_from}: must not be "
                f"below config.data.resolution={resolution}"
            )
        if self.bits == 16 and channels != 1:
            raise ConfigError(
                "config.data.pixels.bits=16 needs config.data.channels=1 (PNG has no "
                f"16-bit colour here), not {channels}"
            )
        if self.window == "three" and channels != 3:
            raise ConfigError(
                "config.data.pixels.window=three gives one channel for each window; "
                f"set config.data.channels=3, not {channels}"
            )


def fit(
    values: Float32[np.ndarray, "h w c"],
    config: PixelsConfig,
    resolution: int,
    channels: int,
) -> UInt[np.ndarray, "s s d"]:
    """Makes pixels of a set, uint8 or uint16, from values of 0 to 1.

    In this order: grey or RGB; aspect; antialiased resize; division by the maximum, if
    configured; rounding to the nearest (the paper truncates); means over squares, if
    configured, rounded again. So with `pyramid_from` every lower resolution is exactly
    the box mean of the set at that size.
    """
    values = convert_channels(values, channels)
    size = config.pyramid_from or resolution
    if config.aspect == "pad":
        values = resize_padded(values, size)
    else:
        if config.aspect == "crop":
            values = crop_to_square(values)
        values = resize(values, size, size)
    if config.normalise == "maximum":
        values = values / max(float(values.max()), 1e-6)
    pixels = quantise(values, config.bits)
    if size == resolution:
        return pixels
    step = size // resolution
    blocks = pixels.reshape(resolution, step, resolution, step, channels)
    means = blocks.mean(axis=(1, 3), dtype=np.float64)
    return np.rint(means).astype(pixels.dtype)


def quantise(
    values: Float32[np.ndarray, "*shape"], bits: int
) -> UInt[np.ndarray, "*shape"]:
    """Maps 0..1 to integers of 8 or 16 bits, rounded to the nearest, clipped."""
    largest = 2**bits - 1
    return np.rint(np.clip(values, 0, 1) * np.float32(largest)).astype(f"uint{bits}")


def unit(pixels: UInt[np.ndarray, "*shape"]) -> Float32[np.ndarray, "*shape"]:
    """Maps uint8 or uint16 to 0..1; the inverse of `quantise`."""
    return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)


def to_bytes(pixels: UInt[np.ndarray, "*shape"]) -> UInt8[np.ndarray, "*shape"]:
    """Returns pixels of either depth as 8 bits, for display."""
    return pixels if pixels.dtype == np.uint8 else quantise(unit(pixels), 8)


def resize(
    values: Float32[np.ndarray, "h w c"], height: int, width: int
) -> Float32[np.ndarray, "H W c"]:
    """Resizes with antialiasing, every image of every source alike.

    A triangle filter as wide as one pixel of the coarser grid: it averages when it
    shrinks, interpolates when it enlarges, and never leaves the range of its input.
    """
    if values.shape[:2] == (height, width):
        return values
    planes = [
        Image.fromarray(np.ascontiguousarray(plane, np.float32)).resize(
            (width, height), Image.Resampling.BILINEAR
        )
        for plane in np.moveaxis(values, -1, 0)
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=-1)


def pad_to_square(
    values: Float32[np.ndarray, "h w c"],
) -> Float32[np.ndarray, "s s c"]:
    """Adds black rows or columns, evenly on both sides, up to a square."""
    height, width = values.shape[:2]
    side = max(height, width)
    return _with_margins(values, (side - height) // 2, (side - width) // 2, side, side)


def resize_padded(
    values: Float32[np.ndarray, "h w c"], size: int
) -> Float32[np.ndarray, "s s c"]:
    """Pads to a square with black, evenly on both sides, and resizes it.

    The square itself is never made, for of a long, thin image it may be a thousand times
    as large. Rows are resized first, a few at a time, then columns: what `resize` does
    with the whole square, to the last bit. Of a very tall image columns are resized first,
    for each of its rows would become as wide as it is tall; that rounds differently.
    """
    height, width, channels = values.shape
    if height > _TALL * width:
        return resize_padded(values.swapaxes(0, 1), size).swapaxes(0, 1)
    side = max(height, width)
    if side == size or height == width:
        return resize(pad_to_square(values), size, size)
    top, left = (side - height) // 2, (side - width) // 2
    rows = max(1, _BLOCK // (side * channels))
    narrow = [
        resize(_with_margins(part, 0, left, len(part), side), len(part), size)
        for part in np.array_split(values, -(-height // rows))
    ]
    padded = _with_margins(np.concatenate(narrow), top, 0, side, size)
    return resize(padded, size, size)


def _with_margins(
    values: Float32[np.ndarray, "h w c"], top: int, left: int, height: int, width: int
) -> Float32[np.ndarray, "H W c"]:
    """Puts an image on black of this height and width, at this place."""
    bottom = height - values.shape[0] - top
    right = width - values.shape[1] - left
    return np.pad(values, ((top, bottom), (left, right), (0, 0)))


def crop_to_square(
    values: Float32[np.ndarray, "h w c"],
) -> Float32[np.ndarray, "s s c"]:
    """Returns the largest square in the middle."""
    height, width = values.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return values[top : top + side, left : left + side]


def is_coloured(values: Float32[np.ndarray, "h w c"]) -> bool:
    """Whether the channels of an image differ, in some of its pixels."""
    if values.shape[-1] == 1:
        return False
    first = values[..., :1]
    return bool(np.abs(values[..., 1:] - first).max() > _TINT)


def convert_channels(
    values: Float32[np.ndarray, "h w c"], channels: int
) -> Float32[np.ndarray, "h w d"]:
    """Converts grey to RGB by repeating, RGB to grey by luma (ITU-R BT.601).

    Raises:
        StudyError: other numbers of channels than 1 and 3.
    """
    have = values.shape[-1]
    if have == channels:
        return values
    if (have, channels) == (1, 3):
        return np.repeat(values, 3, axis=-1)
    if (have, channels) == (3, 1):
        return (values @ _LUMA)[..., None]
    raise StudyError(
        f"cannot convert {have} to {channels} channels; 1 and 3 are known."
    )
