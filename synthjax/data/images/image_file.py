"""Any image file as values from 0 to 1: PNG, JPEG, TIFF and DICOM, known by content."""

import contextlib
import struct
import warnings
import zlib
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

from synthjax.data.images.dicom import HEAD, PALETTE, check_dicom, is_dicom
from synthjax.data.images.dicom_display import read_dicom, shown_shape
from synthjax.data.images.image_size import check_size
from synthjax.data.images.pixels import PixelsConfig
from synthjax.data.problems import BadImageError

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # both byte orders, TIFF and BigTIFF
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by the colour type of IHDR
_INTERLACE = (  # Adam7 (PNG, 8.2): first column, first row, step of each
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
    *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)
_BUFFER = 2**16  # bytes that are unpacked at a time
_SCAN, _END = 0xDA, b"\xff\xd9"  # of JPEG: SOS, without its 0xFF, and EOI
_DEFLATE = 1032  # the most that deflate can expand (RFC 1951: 258 bytes for 2 bits)
_GREY = ("1", "L", "LA", "La")
_PALETTE = ("P", "PA")
_COLOUR = (*_PALETTE, "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr")


class Header(NamedTuple):
    """What the first bytes of an image file say."""

    kind: str  # PNG, JPEG, TIFF or DICOM
    height: int  # pixels, upright
    width: int
    channels: int  # of what `read_image` gives: 1 grey, 3 RGB
    bits: int  # that a value has in the file
    photometric: str  # in DICOM's words: MONOCHROME1 (0 is white), RGB, ...


def read_image(path: Path, pixels: PixelsConfig) -> Float32[np.ndarray, "h w c"]:
    """An image file from 0 (black) to 1 (white), grey or RGB, turned upright.

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
                _check_jpeg_end(path, file)
            if isinstance(image, PngImageFile):
                _check_png_rows(path, image, head, file)
    if not np.isfinite(values).all():
        raise BadImageError(path, "has values that are no numbers; replace the file.")
    return values


def check_header(path: Path, pixels: PixelsConfig) -> Header:
    """What `read_image` would give, from the header alone; no pixel is decoded.

    Raises:
        BadImageError: as `read_image` does, for what the header shows.
    """
    kind, head = _recognise(path)
    if kind == "DICOM":
        header = check_dicom(path)
        shape, bits = shown_shape(header, pixels), header.BitsStored
        return Header(kind, *shape, bits, str(header.PhotometricInterpretation))
    with _opened(path, kind, head, pixels) as (image, _):
        height, width = image.height, image.width
        if _on_its_side(image):
            height, width = width, height
        channels, photometric = 1, "MONOCHROME2"
        if not (image.mode in _GREY or image.mode.startswith("I")):
            channels, photometric = 3, PALETTE if image.mode in _PALETTE else "RGB"
        elif _is_inverted(image):
            photometric = "MONOCHROME1"
        return Header(kind, height, width, channels, _bits(image, head), photometric)


def _recognise(path: Path) -> tuple[str, bytes]:
    """PNG, JPEG, TIFF or DICOM by the first bytes, and those."""
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD)
    except (OSError, ValueError) as error:
        raise BadImageError(
            path, f"cannot be opened ({_told(error)}); check that it is there."
        ) from None
    if is_dicom(head):  # before the others: its preamble may be the head of a TIFF
        return "DICOM", head
    if head.startswith(_PNG):
        return "PNG", head
    if head.startswith(_JPEG):
        return "JPEG", head
    if head.startswith(_TIFF):
        return "TIFF", head
    what = "no PNG, JPEG, TIFF or DICOM by its content" if head else "empty"
    raise BadImageError(path, f"is {what}; replace the file or remove its row.")


def _told(error: Exception) -> str:
    """An error in one line, without the path."""
    reason = getattr(error, "strerror", None) or str(error)
    return " ".join(reason.split()) or type(error).__name__


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
    """A PNG, JPEG or TIFF with a checked header, and its file.

    All errors are BadImageError.
    """
    try:
        with warnings.catch_warnings(), open(path, "rb") as file:
            warnings.simplefilter("ignore")  # of odd metadata, which is not used
            # Not by name: Pillow 13 turns a TIFF that it maps into memory twice.
            with _CLASSES[kind](file) as image:
                check_size(path, image.height, image.width)
                _check(path, image, head, pixels)
                yield image, file
    except BadImageError:
        raise
    except Exception as error:  # decoders raise anything: SyntaxError, struct.error
        raise BadImageError(
            path,
            f"is no readable {kind} ({_told(error)}); replace the file or remove its "
            "row.",
        ) from error


def _check(path: Path, image: ImageFile, head: bytes, pixels: PixelsConfig) -> None:
    """Raises BadImageError for what is readable but cannot be used."""
    frames = getattr(image, "n_frames", 1)
    if frames != 1:
        raise BadImageError(
            path, f"has {frames} frames or pages; save each as a file of its own."
        )
    if isinstance(image, PngImageFile):
        _check_png(path, head)
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


def _check_png(path: Path, head: bytes) -> None:
    """Raises BadImageError if a PNG's bytes cannot hold what its header says."""
    width, height = struct.unpack(">II", head[16:24])
    size = path.stat().st_size
    if _png_size(head) > _DEFLATE * size:
        raise BadImageError(
            path,
            f"is said to have {height} x {width} pixels, more than its {size} bytes "
            "can hold; replace the file.",
        )


def _png_size(head: bytes) -> int:
    """Bytes of a PNG's rows when unpacked, each with its filter's byte."""
    width, height, bits, colour, _, _, interlaced = struct.unpack(
        ">IIBBBBB", head[16:29]
    )
    bits *= _PNG_CHANNELS.get(colour, 1)
    total = 0
    for left, top, across, down in _INTERLACE if interlaced else ((0, 0, 1, 1),):
        columns = max(width - left + across - 1, 0) // across
        rows = max(height - top + down - 1, 0) // down
        total += rows * (1 + (columns * bits + 7) // 8) if columns else 0
    return total


def _check_png_rows(
    path: Path, image: PngImageFile, head: bytes, file: BinaryIO
) -> None:
    """Raises BadImageError if a PNG that was decoded has not all of its rows.

    Pillow leaves the others at 0 and says nothing. To unpack the file once more takes
    as long as to decode it, so that is only done if the last row is 0 all along.
    """
    last = image.crop((0, image.height - 1, image.width, image.height))
    if np.asarray(last).any() and not image.info.get("interlace"):
        return
    needed, found = _png_size(head), 0
    file.seek(len(_PNG))
    unpack = zlib.decompressobj()
    while found < needed and len(start := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", start)
        if name != b"IDAT":
            file.seek(length + 4, 1)  # and its checksum
            continue
        while found < needed and (packed := file.read(min(length, _BUFFER))):
            length -= len(packed)
            while packed and found < needed:
                found += len(unpack.decompress(packed, _BUFFER))
                packed = unpack.unconsumed_tail
        file.seek(4, 1)
    if found < needed:
        raise BadImageError(
            path,
            f"has {found} bytes of pixels, but {image.height} x {image.width} take "
            f"{needed}: it was cut off; replace the file.",
        )


def _check_jpeg_end(path: Path, file: BinaryIO) -> None:
    """Raises BadImageError if no end of image follows the pixels of a JPEG.

    Its decoder fills up with grey whatever is missing, as in a download that was cut
    off and whose place on the disk had been made before.
    """
    file.seek(0)
    code = file.read()
    place = 2
    while code[place : place + 1] == b"\xff" and code[place + 1] != _SCAN:
        marker, length = struct.unpack(">xBH", code[place : place + 4])
        place += 1 if marker == 0xFF else 2 + length  # fill bytes may come before
    if code.rfind(_END, place) < 0:
        raise BadImageError(
            path, "has no end of image: it was cut off; replace the file."
        )


def _bits(image: ImageFile, head: bytes) -> int:
    """Bits of one value in the file; Pillow opens 16-bit colour as if it had 8."""
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
