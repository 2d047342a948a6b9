"""DICOM files, read by an allow-list of tags and checked before they are decoded.

What the list does not name (names, dates, accession numbers, the private tags of
vendors) is skipped, or dropped before anything here sees it. Nothing here knows what
stored values mean; that is `dicom_display`.
"""

import contextlib
import io
import os
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import get_frame
from pydicom.filereader import read_dataset
from pydicom.pixels import get_decoder
from pydicom.pixels.utils import get_expected_length
from pydicom.tag import Tag
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, RLELossless

from synthjax.data.image_size import check_size
from synthjax.data.problems import BadImageError

HEAD = 132  # bytes that `is_dicom` looks at
ALLOWED = (
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "RescaleIntercept",
    "RescaleSlope",
    "RescaleType",
    "ModalityLUTSequence",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
    "VOILUTSequence",
    "RedPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor",
    "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData",
    "Modality",
    "PatientID",
    "StudyInstanceUID",
    "SOPInstanceUID",
    "PatientAge",
    "PatientSex",
    "ViewPosition",
)
_ALLOWED_TAGS = [Tag(keyword) for keyword in ALLOWED]
_ALLOWED_SET = frozenset(_ALLOWED_TAGS)  # dcmread adds a tag of its own
_PIXEL_DATA = Tag(0x7FE00010)
# Of the decoder: overlays and padding stay; no copy.
_AS_STORED: dict[str, Any] = {"correct_unused_bits": False, "view_only": True}
_UNDEFINED = 0xFFFFFFFF  # length of compressed pixel data
_GREY = ("MONOCHROME1", "MONOCHROME2")
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
PALETTE = "PALETTE COLOR"
# SOF markers of JPEG (ITU T.81, B.1.1.3) and of JPEG-LS
_FRAME_MARKERS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_J2K = b"\xff\x4f\xff\x51"  # SOC and SIZ, which open a JPEG 2000 codestream


def is_dicom(head: bytes) -> bool:
    """Whether a file that begins so is DICOM, with or without the preamble."""
    bare = head[:2] in (b"\x08\x00", b"\x02\x00") and head[3:4] == b"\0"
    return head[128:132] == b"DICM" or bare


def read_header(path: Path) -> tuple[Dataset, str]:
    """The allowed elements of a file without its pixels, and what those lack.

    Returns:
        The header, and "" or a clause on why the pixels cannot be used.

    Raises:
        BadImageError: the file is no DICOM.
    """
    with _opened(path) as (header, file):
        try:
            _check_header(path, header)
            return header, _pixel_fault(header, file)
        except BadImageError as error:
            return header, str(error).removeprefix(f"{path}: ")


def check_dicom(path: Path) -> Dataset:
    """The header of a file that can be used as far as the header tells.

    Raises:
        BadImageError: the path, what is wrong with the file, and the remedy.
    """
    with _opened(path) as (header, file):
        _check(path, header, file)
        return header


def read_stored(path: Path) -> tuple[Dataset, np.ndarray]:
    """The allowed header of a file and its pixels as they are stored.

    Returns:
        The header, and [h w] or [h w 3] (RGB) of 8 or 16 bits, signed as the header
        says. Bits beyond BitsStored are as in the file.

    Raises:
        BadImageError: the path, what is wrong with the file, and the remedy.
    """
    with _opened(path) as (header, file):
        _check(path, header, file)
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
        values, _ = decoder.as_array(header, index=0, **_AS_STORED)
        del header[_PIXEL_DATA]
        return header, values


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[Dataset, BinaryIO]]:
    """The allowed header, the file at the pixel data; all errors are BadImageError."""
    try:
        with warnings.catch_warnings(), open(path, "rb") as file:
            warnings.simplefilter("ignore")  # of values against the standard
            yield _allowed(path, file), file
    except BadImageError:
        raise
    except Exception as error:  # pydicom and its decoders raise anything
        what = " ".join(str(error).split())[:300] or type(error).__name__
        raise BadImageError(
            f"{path} is no readable DICOM ({what}); replace the file or remove its row."
        ) from error


def _allowed(path: Path, file: BinaryIO) -> Dataset:
    if DeflatedExplicitVRLittleEndian.encode() in file.read(4096):
        # Unpacking it here would have no bound.
        raise BadImageError(
            f"{path}: its transfer syntax is deflated; save it uncompressed."
        )
    file.seek(0)
    read = pydicom.dcmread(
        file, stop_before_pixels=True, force=True, specific_tags=_ALLOWED_TAGS
    )
    header = Dataset({tag: read[tag] for tag in _ALLOWED_SET & read.keys()})
    header.file_meta = FileMetaDataset()
    implicit, little = read.original_encoding
    header.set_original_encoding(implicit, little)
    guess = "1.2.840.10008.1.2" + ("" if implicit else ".1" if little else ".2")
    header.file_meta.TransferSyntaxUID = UID(
        read.file_meta.get("TransferSyntaxUID") or guess
    )
    return header


def _check(path: Path, header: Dataset, file: BinaryIO) -> None:
    _check_header(path, header)
    fault = _pixel_fault(header, file)
    if fault:
        raise BadImageError(f"{path}: {fault}")
    syntax = header.file_meta.TransferSyntaxUID
    if not get_decoder(syntax).is_available:
        raise BadImageError(
            f"{path} is compressed ({syntax.name}), and no decoder for it is "
            "installed; pip install 'synthjax[dicom]'."
        )


def _check_header(path: Path, header: Dataset) -> None:
    """Raises BadImageError unless the pixel description is one that can be used."""

    def refuse(what: str, remedy: str = "replace the file or remove its row") -> None:
        raise BadImageError(f"{path}: {what}; {remedy}.")

    def number(keyword: str, allowed: Any, default: int | None = None) -> int:
        value = header.get(keyword, default)
        if not isinstance(value, int) or value not in allowed:
            refuse(f"its {keyword} is {value!r}")
        return int(value)

    if "Rows" not in header or "Columns" not in header:
        refuse("it has no image (no Rows and Columns)")
    check_size(path, number("Rows", range(65536)), number("Columns", range(65536)))
    frames = header.get("NumberOfFrames") or 1
    if frames != 1:
        refuse(f"it has {frames} frames", "save each as a file of its own")
    samples = number("SamplesPerPixel", (1, 3), 1)
    bits = number("BitsAllocated", (8, 16))
    stored = number("BitsStored", range(1, bits + 1))
    number("HighBit", (stored - 1,), stored - 1)
    number("PixelRepresentation", (0, 1), 0)
    photometric = str(header.get("PhotometricInterpretation", ""))
    if photometric not in ((*_GREY, PALETTE) if samples == 1 else _COLOUR):
        refuse(
            f"its PhotometricInterpretation {photometric!r} with {samples} sample(s) "
            "is not known",
            "convert it to MONOCHROME2 or RGB",
        )
    syntax = header.file_meta.TransferSyntaxUID
    try:
        get_decoder(syntax)
    except NotImplementedError:
        refuse(f"its transfer syntax {syntax.name} is no image", "save it uncompressed")
    header.SamplesPerPixel, header.BitsStored = samples, stored
    header.NumberOfFrames = 1
    header.PixelRepresentation = header.get("PixelRepresentation", 0)


def _pixel_fault(header: Dataset, file: BinaryIO) -> str:
    """What is wrong with the pixel data that follow, seen by their length; or ""."""
    implicit, little = header.original_encoding
    order = "<" if little else ">"
    start = file.tell()
    head = file.read(12)
    left = os.fstat(file.fileno()).st_size - file.tell() + (4 if implicit else 0)
    file.seek(start)
    if len(head) < 12 or struct.unpack(f"{order}HH", head[:4]) != (0x7FE0, 0x0010):
        return "it has no PixelData; replace the file or remove its row."
    (length,) = struct.unpack(f"{order}I", head[4:8] if implicit else head[8:])
    if header.file_meta.TransferSyntaxUID.is_encapsulated:
        return "" if left > 16 else "its PixelData is empty; replace the file."
    if length == _UNDEFINED:
        return "its PixelData has no length though not compressed; replace the file."
    needed = get_expected_length(header)
    if min(length, left) < needed:
        return (
            f"its PixelData has {min(length, left)} bytes, but {header.Rows} x "
            f"{header.Columns} pixels take {needed}: it was cut off; replace the file."
        )
    if length >= 2 * needed:
        return (
            f"its PixelData has {length} bytes, but {header.Rows} x {header.Columns} "
            f"pixels take {needed}: one of the two is wrong; replace the file."
        )
    return ""


def _check_codestream(path: Path, header: Dataset) -> None:
    """Raises BadImageError if compressed data are of another size than the header's.

    A decoder makes room for what the codestream says, be it 65535 x 65535.
    """
    if header.file_meta.TransferSyntaxUID == RLELossless:
        return  # a decoder makes room for what the DICOM header says
    said = _codestream_shape(get_frame(header.PixelData, 0, number_of_frames=1))
    shape = (header.Rows, header.Columns, header.SamplesPerPixel)
    if said != shape:
        raise BadImageError(
            f"{path}: its compressed data hold {said or 'no'} and its header says "
            f"{shape} rows, columns and samples; replace the file."
        )


def _codestream_shape(code: bytes) -> tuple[int, int, int] | None:
    """Rows, columns, components of a JPEG, JPEG-LS or JPEG 2000 codestream."""
    place = code.find(_J2K, 0, 4096)  # boxes of a JP2 file may come first
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
