"""The pixel data of a DICOM file: checked by their length, then read as they lie."""

import io
import os
import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import Integer
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.filereader import read_dataset
from pydicom.pixels import get_decoder
from pydicom.pixels.utils import get_expected_length
from pydicom.tag import Tag
from pydicom.uid import (
    JPEG2000TransferSyntaxes,
    JPEGExtended12Bit,
    JPEGLSTransferSyntaxes,
    RLELossless,
)

from synthjax.core.foreign import reason
from synthjax.data.images.file_integrity import has_end
from synthjax.data.problems import BadImageError

# Decoded by the extra `dicom`; all other compressed pixels need `dicom-gpl`.
_FREE = (*JPEGLSTransferSyntaxes, *JPEG2000TransferSyntaxes)
_PIXEL_DATA = Tag("PixelData")
# Of the decoder: overlays and padding stay; no copy.
_AS_STORED: dict[str, Any] = {"correct_unused_bits": False, "view_only": True}
_UNDEFINED = 0xFFFFFFFF  # length of compressed pixel data
# SOF markers of JPEG (ITU T.81, B.1.1.3) and of JPEG-LS
_FRAME_MARKERS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_PARTLY = "pillow"  # a decoder that does some files of a transfer syntax
_BOXES = 4096  # bytes of boxes that may come before the codestream of a JP2 file
_J2K = b"\xff\x4f\xff\x51"  # SOC and SIZ, which open a JPEG 2000 codestream


def pixel_fault(header: Dataset, file: BinaryIO) -> str:
    """Says what is wrong with the pixel data, seen by their length; "" for nothing.

    Args:
        header: checked but for them.
        file: at the pixel data; it stays there.
    """
    implicit, little = header.original_encoding
    order = "<" if little else ">"
    start = file.tell()
    head = file.read(12)
    left = os.fstat(file.fileno()).st_size - file.tell() + (4 if implicit else 0)
    file.seek(start)
    if len(head) < 12 or struct.unpack(f"{order}HH", head[:4]) != (0x7FE0, 0x0010):
        return "has no PixelData; replace the file or remove its row."
    (length,) = struct.unpack(f"{order}I", head[4:8] if implicit else head[8:])
    if header.file_meta.TransferSyntaxUID.is_encapsulated:
        return "" if left > 16 else "has an empty PixelData; replace the file."
    if length == _UNDEFINED:
        return "has a PixelData without length, not compressed; replace the file."
    needed = get_expected_length(header)
    if min(length, left) < needed:
        return (
            f"has {min(length, left)} bytes of PixelData, but {header.Rows} x "
            f"{header.Columns} pixels take {needed}: it was cut off; replace the file."
        )
    if length >= 2 * needed:
        return (
            f"has {length} bytes of PixelData, but {header.Rows} x {header.Columns} "
            f"pixels take {needed}: one of the two is wrong; replace the file."
        )
    return ""


def read_pixels(
    path: Path, header: Dataset, file: BinaryIO
) -> Integer[np.ndarray, "h w *c"]:
    """Reads pixels that `pixel_fault` found nothing wrong with, as they are stored.

    Args:
        path: of the file, for the error.
        header: checked; its transfer syntax has a decoder.
        file: at the pixel data.

    Raises:
        BadImageError: compressed data are of another size than the header says.
    """
    if header.SamplesPerPixel == 1 and _is_plain(header):
        return _read_plain(header, file)
    return _decode(path, header, file)


def _is_plain(header: Dataset) -> bool:
    """Whether the pixels lie in the file as they are in memory."""
    little = header.original_encoding[1]
    return bool(little) and not header.file_meta.TransferSyntaxUID.is_encapsulated


def _read_plain(header: Dataset, file: BinaryIO) -> Integer[np.ndarray, "h w"]:
    """Reads grey pixels as they lie in the file; `pixel_fault` has found them whole.

    What pydicom's decoder gives as well, at four times the cost.
    """
    implicit = header.original_encoding[0]
    file.seek(8 if implicit else 12, os.SEEK_CUR)  # tag, VR and length
    size, sign = header.BitsAllocated // 8, "ui"[header.PixelRepresentation]
    data = file.read(header.Rows * header.Columns * size)
    return np.frombuffer(data, f"<{sign}{size}").reshape(header.Rows, header.Columns)


def _decode(
    path: Path, header: Dataset, file: BinaryIO
) -> Integer[np.ndarray, "h w *c"]:
    """Decodes any pixels, by pydicom's decoder."""
    decoder = get_decoder(header.file_meta.TransferSyntaxUID)
    left = os.fstat(file.fileno()).st_size - file.tell()
    most = min(left, 2 * get_expected_length(header) + 2**20)
    implicit, little = header.original_encoding
    rest = read_dataset(
        io.BytesIO(file.read(most)),
        bool(implicit),
        bool(little),
        specific_tags=[_PIXEL_DATA],
    )
    header[_PIXEL_DATA] = rest[_PIXEL_DATA]
    if header.file_meta.TransferSyntaxUID.is_encapsulated:
        _check_codestream(path, header)
    try:
        values, _ = decoder.as_array(header, index=0, **_AS_STORED)
    except Exception as error:  # of the decoder, or of all that are installed
        if set(decoder.available_plugins) != {_PARTLY}:
            raise
        raise BadImageError(
            path,
            f"cannot be decoded by {_PARTLY} ({reason(error)}), and the decoder for "
            f"all such files is not installed; {install(header)}; if that does not help, "
            "replace the file.",
        ) from error
    del header[_PIXEL_DATA]
    return values


def _check_codestream(path: Path, header: Dataset) -> None:
    """Raises BadImageError if compressed data are of another size than the header's.

    A decoder makes room for what the codestream says, be it 65535 x 65535.
    """
    if header.file_meta.TransferSyntaxUID == RLELossless:
        return  # a decoder makes room for what the DICOM header says
    code = get_frame(header.PixelData, 0, number_of_frames=1)
    coded = _codestream_shape(code)
    shape = (header.Rows, header.Columns, header.SamplesPerPixel)
    if coded != shape:
        raise BadImageError(
            path,
            f"holds {coded or 'no'} compressed rows, columns and samples, but its "
            f"header says {shape}; replace the file.",
        )
    start = max(code.find(_J2K, 0, _BOXES), 0)
    if not _boxes_end_at(code, start):
        raise BadImageError(
            path, "has a JP2 wrapper whose boxes are damaged; replace the file."
        )
    if not has_end(code, start):
        raise BadImageError(
            path, "has compressed pixels without an end: cut off; replace the file."
        )


def _boxes_end_at(code: bytes, start: int) -> bool:
    """Whether the boxes of a JP2 file lead to its codestream (ISO/IEC 15444-1, I.4).

    A decoder that follows one of length 0 never comes to an end.
    """
    place = 0
    while place + 8 <= start:
        length, kind = struct.unpack(">I4s", code[place : place + 8])
        if kind == b"jp2c":  # its content is the codestream
            return place + (16 if length == 1 else 8) == start
        if length < 8:
            return False
        place += length
    return place == start


def _codestream_shape(code: bytes) -> tuple[int, int, int] | None:
    """Returns rows, columns, components of a JPEG, JPEG-LS or JPEG 2000 codestream."""
    place = code.find(_J2K, 0, _BOXES)  # boxes of a JP2 file may come first
    if place >= 0 and len(code) >= place + 42:  # ISO/IEC 15444-1, A.5.1
        right, bottom, left, top = struct.unpack(">4I", code[place + 8 : place + 24])
        (components,) = struct.unpack(">H", code[place + 40 : place + 42])
        return bottom - top, right - left, components
    place = 2
    while place + 10 <= len(code) and code[place] == 0xFF:
        marker, length = struct.unpack(">BH", code[place + 1 : place + 4])
        if marker in _FRAME_MARKERS:
            rows, columns, components = struct.unpack(
                ">HHB", code[place + 5 : place + 10]
            )
            return rows, columns, components
        place += 1 if marker == 0xFF else 2 + length
    return None


def missing_decoder(header: Dataset) -> str:
    """Says that the decoder of a file's pixels is not installed; "" if it is.

    Pillow says that it decodes JPEG Extended, but does 8 bits alone.
    """
    syntax = header.file_meta.TransferSyntaxUID
    decoder = get_decoder(syntax)
    plugins = set(decoder.available_plugins)
    if syntax == JPEGExtended12Bit and header.BitsStored > 8:
        plugins -= {"pillow"}
    if decoder.is_available and (plugins or not syntax.is_compressed):
        return ""
    bits = f", {header.BitsStored} bits" if plugins != decoder.available_plugins else ""
    return (
        f"is compressed ({syntax.name}{bits}), and no decoder for it is installed; "
        f"{install(header)}."
    )


def install(header: Dataset) -> str:
    """Says how to install the decoder of a file's pixels."""
    syntax = header.file_meta.TransferSyntaxUID
    if syntax in _FREE or "JPEG 2000" in syntax.name:  # HTJ2K among them
        return "pip install 'synthjax[dicom]'"
    return (
        "pip install 'synthjax[dicom-gpl]', whose decoder is under the GPL, version 3"
    )
