"""Whether PNG and JPEG files are whole: a decoder fills up what is cut off."""

import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL.PngImagePlugin import PngImageFile

from synthjax.data.problems import BadImageError

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by the colour type of IHDR
_INTERLACE = (  # Adam7 (PNG, 8.2): first column, first row, step of each
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
    *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)
_FIRST = 8  # bytes of a PNG before its chunks
_BUFFER = 2**16  # bytes that are unpacked at a time
_SCAN, _END = 0xDA, b"\xff\xd9"  # of JPEG: SOS, without its 0xFF, and EOI
_TILE = 0x90  # of JPEG 2000: SOT, after which pixels come
_DEFLATE = 1032  # the most that deflate can expand (RFC 1951: 258 bytes for 2 bits)


def check_png_size(path: Path, head: bytes) -> None:
    """Raises BadImageError if a PNG's bytes cannot hold what its header says."""
    width, height = struct.unpack(">II", head[16:24])
    size = path.stat().st_size
    if _png_size(head) > _DEFLATE * size:
        raise BadImageError(
            path,
            f"claims to have {height} x {width} pixels, more than its {size} bytes "
            "can hold; replace the file.",
        )


def _png_size(head: bytes) -> int:
    """Returns the bytes of a PNG's rows when unpacked, each with its filter's byte."""
    width, height, bits, colour, _, _, interlaced = struct.unpack(
        ">IIBBBBB", head[16:29]
    )
    bits *= _CHANNELS.get(colour, 1)
    total = 0
    for left, top, across, down in _INTERLACE if interlaced else ((0, 0, 1, 1),):
        columns = max(width - left + across - 1, 0) // across
        rows = max(height - top + down - 1, 0) // down
        total += rows * (1 + (columns * bits + 7) // 8) if columns else 0
    return total


def check_png_rows(
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
    file.seek(_FIRST)
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


def check_jpeg_end(path: Path, file: BinaryIO) -> None:
    """Raises BadImageError if no end of image follows the pixels of a JPEG.

    Its decoder fills up with grey whatever is missing, as in a download that was cut
    off and whose place on the disk had been made before.
    """
    file.seek(0)
    if not has_end(file.read()):
        raise BadImageError(
            path, "has no end of image: it was cut off; replace the file."
        )


def has_end(code: bytes, start: int = 0) -> bool:
    """Whether an end of image follows the pixels of a JPEG, JPEG-LS or JPEG 2000.

    All three end with the same marker, which none has inside its coded pixels.

    Args:
        code: the codestream.
        start: where it begins, bytes.
    """
    place = start + 2
    while code[place : place + 1] == b"\xff" and code[place + 1] != _SCAN:
        marker, length = struct.unpack(">xBH", code[place : place + 4])
        if marker == _TILE:
            break
        place += 1 if marker == 0xFF else 2 + length  # fill bytes may come before
    return code.rfind(_END, place) >= 0
