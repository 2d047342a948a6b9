"""Any image file as values from 0 to 1: PNG, JPEG, TIFF and DICOM, known by content."""

import contextlib
import struct
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

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

from synthjax.data.dicom import HEAD, is_dicom
from synthjax.data.dicom_display import read_dicom, read_shape
from synthjax.data.image_size import check_size
from synthjax.data.pixels import PixelsConfig
from synthjax.data.problems import BadImageError

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # both byte orders, TIFF and BigTIFF
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by the colour type of IHDR
_DEFLATE = 1032  # the most that deflate can expand (RFC 1951: 258 bytes for 2 bits)
_GREY = ("1", "L", "LA", "La")
_COLOUR = ("P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr")


class Header(NamedTuple):
    """What the first bytes of an image file say."""

    kind: str  # PNG, JPEG, TIFF or DICOM
    height: int  # pixels, upright
    width: int
    channels: int  # of what `read_image` gives: 1 grey, 3 RGB


def read_image(path: Path, pixels: PixelsConfig) -> Float32[np.ndarray, "h w c"]:
    """An image file from 0 (black) to 1 (white), grey or RGB, turned upright.

    Alpha is dropped. A 16-bit PNG or TIFF needs `pixels.white`, for what it shows white
    (12 bits? all 16?) cannot be guessed. DICOM: see `dicom_display`.

    Raises:
        BadImageError: whatever is wrong with the file: its path, what, and the remedy.
    """
    kind, head = _recognise(path)
    if kind == "DICOM":
        return read_dicom(path, pixels)
    with _opened(path, kind, head, pixels) as image:
        return _values(image, pixels)


def check_header(path: Path, pixels: PixelsConfig) -> Header:
    """What `read_image` would give, from the header alone; no pixel is decoded.

    Raises:
        BadImageError: as `read_image` does, for what the header shows.
    """
    kind, head = _recognise(path)
    if kind == "DICOM":
        return Header(kind, *read_shape(path, pixels))
    with _opened(path, kind, head, pixels) as image:
        height, width = image.height, image.width
        if _on_its_side(image):
            height, width = width, height
        grey = image.mode in _GREY or image.mode.startswith("I")
        return Header(kind, height, width, 1 if grey else 3)


def inside(root: Path, file: str) -> Path | None:
    """The path of a table's file with links followed; None if it leaves the folder.

    Args:
        root: the folder.
        file: as a table names it, relative to the folder. What cannot be a name (empty,
            absolute, too long, a loop of links) is not inside either.
    """
    if not file or PurePosixPath(file).is_absolute() or "\0" in file:
        return None
    try:
        path = (root / file).resolve()
        path.is_file()  # raises for a name that is too long
    except (OSError, RuntimeError):
        return None
    return path if path.is_relative_to(root.resolve()) else None


def _recognise(path: Path) -> tuple[str, bytes]:
    """PNG, JPEG, TIFF or DICOM by the first bytes, and those."""
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD)
    except (OSError, ValueError) as error:
        raise BadImageError(f"{path} cannot be opened: {error}.") from None
    if is_dicom(head):  # before the others: its preamble may be the head of a TIFF
        return "DICOM", head
    if head.startswith(_PNG):
        return "PNG", head
    if head.startswith(_JPEG):
        return "JPEG", head
    if head.startswith(_TIFF):
        return "TIFF", head
    what = "no PNG, JPEG, TIFF or DICOM by its content" if head else "empty"
    raise BadImageError(f"{path} is {what}; replace the file or remove its row.")


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
) -> Iterator[ImageFile]:
    """A PNG, JPEG or TIFF file with a checked header; all errors are BadImageError."""
    try:
        with warnings.catch_warnings(), open(path, "rb") as file:
            warnings.simplefilter("ignore")  # of odd metadata, which is not used
            # Not by name: Pillow 13 turns a TIFF that it maps into memory twice.
            with _CLASSES[kind](file) as image:
                check_size(path, image.height, image.width)
                _check(path, image, head, pixels)
                yield image
    except BadImageError:
        raise
    except Exception as error:  # decoders raise anything: SyntaxError, struct.error
        what = " ".join(str(error).split()) or type(error).__name__
        raise BadImageError(
            f"{path} is no readable {kind} ({what}); replace the file or remove its row."
        ) from error


def _check(path: Path, image: ImageFile, head: bytes, pixels: PixelsConfig) -> None:
    """Raises BadImageError for what is readable but cannot be used."""
    frames = getattr(image, "n_frames", 1)
    if frames != 1:
        raise BadImageError(
            f"{path} has {frames} frames or pages; save each as a file of its own."
        )
    if isinstance(image, PngImageFile):
        _check_png(path, head)
    bits = _bits(image, head)
    if bits <= 8 and image.mode in (*_GREY, *_COLOUR):
        return
    if not image.mode.startswith("I;16"):
        raise BadImageError(
            f"{path} has {bits} bits per value in the mode {image.mode}; save it with "
            "8 bits, or as grey with 16 bits without sign."
        )
    if not pixels.white:
        raise BadImageError(
            f"{path} has 16 bits per pixel; set config.data.pixels.white to the value "
            "to be shown white, such as 4095 or 65535."
        )


def _check_png(path: Path, head: bytes) -> None:
    """Raises BadImageError if a PNG's bytes cannot hold what its header says.

    Pillow would leave the rest of the image black.
    """
    width, height, bits, colour = struct.unpack(">IIBB", head[16:26])
    row = 1 + (width * bits * _PNG_CHANNELS.get(colour, 1) + 7) // 8
    size = path.stat().st_size
    if height * row > _DEFLATE * size:
        raise BadImageError(
            f"{path}: its header says {height} x {width} pixels, more than its {size} "
            "bytes can hold; replace the file."
        )


def _bits(image: ImageFile, head: bytes) -> int:
    """Bits of one value in the file; Pillow opens 16-bit colour as if it had 8."""
    if isinstance(image, PngImageFile):
        return head[24]  # in IHDR, which comes first
    if isinstance(image, TiffImageFile):
        return max(image.tag_v2.get(BITSPERSAMPLE, (1,)))
    return 8


def _values(image: ImageFile, pixels: PixelsConfig) -> Float32[np.ndarray, "h w c"]:
    inverted = (
        isinstance(image, TiffImageFile)
        and image.tag_v2.get(PHOTOMETRIC_INTERPRETATION) == 0  # 0 is white
    )
    upright: Image.Image = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):
        values = np.array(upright, np.float32)[..., None]
        values /= np.float32(pixels.white)
        np.clip(values, 0, 1, out=values)
        return 1 - values if inverted else values  # Pillow inverts 8 bits, not 16
    if "transparency" in upright.info:  # a palette's: converting it warns otherwise
        upright = upright.convert("RGBA")
    grey = image.mode in _GREY
    values = np.array(upright.convert("L" if grey else "RGB"), np.float32)
    values /= np.float32(255)
    return values[..., None] if grey else values
