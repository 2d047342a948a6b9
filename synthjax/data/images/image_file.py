"""Any image file as values from 0 to 1: PNG, JPEG, TIFF and DICOM, known by content."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from jaxtyping import Float32
from PIL import Image, ImageOps
from PIL.ExifTags import Base
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import (
    BITSPERSAMPLE,
    PHOTOMETRIC_INTERPRETATION,
    TiffImageFile,
)

from synthjax.core.files import open_regular
from synthjax.core.foreign import reason
from synthjax.data.images.decoding import decoding
from synthjax.data.images.dicom import HEAD, PALETTE, check_dicom, says_burned_in
from synthjax.data.images.dicom_display import check_shown, read_dicom, shown_shape
from synthjax.data.images.file_integrity import (
    check_jpeg_end,
    check_png_rows,
    check_png_size,
)
from synthjax.data.images.file_kind import READ, file_kind
from synthjax.data.images.image_size import check_size
from synthjax.data.images.pixels import PixelsConfig
from synthjax.data.problems import BadImageError

_GREY = ("1", "L", "LA", "La")
_PALETTE = ("P", "PA")
_COUNTED = 10  # pages of a TIFF
_COLOUR = (*_PALETTE, "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr")


class Header(NamedTuple):
    """What the first bytes of an image file say."""

    kind: str  # PNG, JPEG, TIFF or DICOM
    height: int  # pixels, upright
    width: int
    channels: int  # of what `read_image` gives: 1 grey, 3 RGB
    bits: int  # that a value has in the file
    photometric: str  # in DICOM's words: MONOCHROME1 (0 is white), RGB, ...
    burned_in: bool = False  # a DICOM file says that there is text in its pixels


def read_image(path: Path, pixels: PixelsConfig) -> Float32[np.ndarray, "h w c"]:
    """Reads an image file as 0 (black) to 1 (white), grey or RGB, turned upright.

    Alpha is dropped. A 16-bit PNG or TIFF needs `pixels.white`, for what it shows white
    (12 bits? all 16?) cannot be guessed. DICOM: see `dicom_display`. A file that was cut
    off is refused, even where a decoder would fill it up.

    Raises:
        BadImageError: whatever is wrong with the file: its path, what, and the remedy.
    """
    kind, head = _recognise(path)
    if kind == "DICOM":
        values = read_dicom(path, pixels)
    else:
        with _opened(path, kind, head, pixels) as (image, file):
            values = _values(image, pixels)
            if isinstance(image, JpegImageFile):
                check_jpeg_end(path, file)
            if isinstance(image, PngImageFile):
                check_png_rows(path, image, head, file)
    if not np.isfinite(values).all():
        raise BadImageError(
            path, "has values that are not finite numbers; replace the file."
        )
    return values


def check_header(path: Path, pixels: PixelsConfig) -> Header:
    """Returns what `read_image` would give, from the header; no pixel is decoded.

    Raises:
        BadImageError: as `read_image` does, for what the header shows.
    """
    kind, head = _recognise(path)
    if kind == "DICOM":
        header = check_dicom(path)
        check_shown(path, header, pixels)
        shape, bits = shown_shape(header, pixels), header.BitsStored
        photometric = str(header.PhotometricInterpretation)
        return Header(kind, *shape, bits, photometric, says_burned_in(header))
    with _opened(path, kind, head, pixels) as (image, _):
        height, width = image.height, image.width
        if _on_its_side(image):
            height, width = width, height
        channels, photometric = _channels(image), "MONOCHROME2"
        if channels == 3:
            photometric = PALETTE if image.mode in _PALETTE else "RGB"
        elif _is_inverted(image):
            photometric = "MONOCHROME1"
        return Header(kind, height, width, channels, _bits(image, head), photometric)


def _recognise(path: Path) -> tuple[str, bytes]:
    """Returns PNG, JPEG, TIFF or DICOM, by the first bytes, and those."""
    try:
        with open_regular(path) as file:
            head = file.read(HEAD)
    except (OSError, ValueError) as error:
        raise BadImageError(
            path, f"cannot be opened ({reason(error)}); check that it is there."
        ) from None
    kind = file_kind(head)
    if kind in READ:
        return kind, head
    if kind:
        what = f"is a {kind} image, which is not read; save it as PNG or remove its row"
        raise BadImageError(path, f"{what}.")
    what = "not a PNG, JPEG, TIFF or DICOM file by its content" if head else "empty"
    raise BadImageError(path, f"is {what}; replace the file or remove its row.")


def _on_its_side(image: ImageFile) -> bool:
    """Whether turning an image upright swaps its sides."""
    if isinstance(image, TiffImageFile):
        return False  # Pillow gives the upright size
    if isinstance(image, PngImageFile) and "exif" not in image.info:
        return False  # to look further is to decode
    return image.getexif().get(Base.Orientation) in (5, 6, 7, 8)


# The classes themselves: Image.open would check the size by a limit of its own.
_CLASSES: dict[str, Callable[..., ImageFile]] = {
    "PNG": PngImageFile,
    "JPEG": JpegImageFile,
    "TIFF": TiffImageFile,
}


@contextlib.contextmanager
def _opened(
    path: Path, kind: str, head: bytes, pixels: PixelsConfig
) -> Iterator[tuple[ImageFile, BinaryIO]]:
    """Yields a PNG, JPEG or TIFF with a checked header, and its file.

    All errors are BadImageError.
    """
    with (
        decoding(path, f"cannot be read as {kind}"),
        open_regular(path) as file,
        # Not by name: Pillow 13 turns a TIFF that it maps into memory twice.
        _CLASSES[kind](file) as image,
    ):
        check_size(path, image.height, image.width, _channels(image))
        _check(path, image, head, pixels)
        yield image, file


def _check(path: Path, image: ImageFile, head: bytes, pixels: PixelsConfig) -> None:
    """Raises BadImageError for what is readable but cannot be used."""
    frames = _frames(image)
    if frames != "1":
        raise BadImageError(
            path, f"has {frames} frames or pages; save each as a file of its own."
        )
    if isinstance(image, PngImageFile):
        check_png_size(path, head)
    bits = _bits(image, head)
    if bits <= 8 and image.mode in (*_GREY, *_COLOUR):
        return
    if not image.mode.startswith("I;16"):
        raise BadImageError(
            path,
            f"has {bits} bits per value in the mode {image.mode}; save it with 8 bits, "
            "or as grey with 16 bits without sign.",
        )
    if not pixels.white:
        raise BadImageError(
            path,
            "has 16 bits per pixel; set config.data.pixels.white to the value to be "
            "shown white, such as 4095 or 65535.",
        )


def _frames(image: ImageFile) -> str:
    """Counts frames, "more than 10" at the most: a TIFF may have 100,000 pages."""
    if not isinstance(image, TiffImageFile):
        return str(getattr(image, "n_frames", 1))
    count = 1
    try:
        while count <= _COUNTED:
            image.seek(count)
            count += 1
    except EOFError:
        pass
    if count > 1:
        image.seek(0)
    return str(count) if count <= _COUNTED else f"more than {_COUNTED}"


def _channels(image: ImageFile) -> int:
    """Returns the channels of what is made of an image."""
    return 1 if image.mode in _GREY or image.mode.startswith("I") else 3


def _bits(image: ImageFile, head: bytes) -> int:
    """Returns the bits of a value in the file; Pillow opens 16-bit colour as 8-bit."""
    if isinstance(image, PngImageFile):
        return head[24]  # in IHDR, which comes first
    if isinstance(image, TiffImageFile):
        return max(image.tag_v2.get(BITSPERSAMPLE, (1,)))
    return 8


def _is_inverted(image: ImageFile) -> bool:
    """Whether 0 is white in the file; Pillow inverts 8 bits of such a TIFF, not 16."""
    if not isinstance(image, TiffImageFile):
        return False
    return image.tag_v2.get(PHOTOMETRIC_INTERPRETATION) == 0


def _values(image: ImageFile, pixels: PixelsConfig) -> Float32[np.ndarray, "h w c"]:
    inverted = _is_inverted(image)
    upright: Image.Image = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):
        values = np.array(upright, np.float32)[..., None]
        values /= np.float32(pixels.white)
        np.clip(values, 0, 1, out=values)
        return 1 - values if inverted else values
    if "transparency" in upright.info:  # a palette's: converting it warns otherwise
        upright = upright.convert("RGBA")
    grey = image.mode in _GREY
    values = np.array(upright.convert("L" if grey else "RGB"), np.float32)
    values /= np.float32(255)
    return values[..., None] if grey else values
