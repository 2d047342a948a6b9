"""DICOM files, read by an allow-list of tags and checked before they are decoded.

What the list does not name (names, dates, accession numbers, the private tags of
vendors) is skipped, or dropped before anything here sees it. Nothing here knows what
stored values mean; that is `dicom_display`.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.pixels import get_decoder
from pydicom.tag import BaseTag, Tag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

from synthjax.core.files import open_regular
from synthjax.data.images.decoding import decoding
from synthjax.data.images.dicom_pixels import missing_decoder, pixel_fault, read_pixels
from synthjax.data.images.image_size import check_size
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
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "BurnedInAnnotation",
    "Modality",
    "PatientID",
    "StudyInstanceUID",
    "PatientAge",
    "PatientSex",
    "ViewPosition",
)
_ALLOWED_TAGS: list[BaseTag | int] = [Tag(keyword) for keyword in ALLOWED]
_TRANSFER_SYNTAX = Tag("TransferSyntaxUID")
_CHARACTER_SET = Tag("SpecificCharacterSet")  # pydicom always reads it
_PIXEL_TAGS = frozenset(
    Tag(f"{kind}PixelData") for kind in ("", "Float", "DoubleFloat")
)
_META_GROUP = 2
_BIG_ENDIAN_FROM = 0x400  # a first group that seems so high is of swapped bytes
_GREY = ("MONOCHROME1", "MONOCHROME2")
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
PALETTE = "PALETTE COLOR"
# Where an enhanced object (one file, several frames) keeps what others have on top
_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_LIFTED = {
    "PixelValueTransformationSequence": (
        *("RescaleIntercept", "RescaleSlope", "RescaleType"),
    ),
    "FrameVOILUTSequence": ("WindowCenter", "WindowWidth", "VOILUTFunction"),
}


def is_dicom(head: bytes) -> bool:
    """Whether a file that begins so is DICOM, with or without the preamble."""
    bare = head[:2] in (b"\x08\x00", b"\x02\x00") and head[3:4] == b"\0"
    return head[128:132] == b"DICM" or bare


def says_burned_in(header: Dataset) -> bool:
    """Whether a file says that there is text about the patient in its pixels."""
    return str(header.get("BurnedInAnnotation", "")).strip().upper() == "YES"


def read_header(path: Path) -> tuple[Dataset, str]:
    """Reads the allowed elements of a file, and what its pixels lack.

    Returns:
        The header, and "" or a clause on why the pixels cannot be used.

    Raises:
        BadImageError: the file is not DICOM.
    """
    with _opened(path) as (header, file):
        try:
            _check_header(path, header)
        except BadImageError as error:
            return header, error.what
        return header, pixel_fault(header, file)


def check_dicom(path: Path) -> Dataset:
    """Reads the header of a file that can be used, as far as the header shows.

    Raises:
        BadImageError: the path, what is wrong with the file, and the remedy.
    """
    with _opened(path) as (header, file):
        _check(path, header, file)
        return header


def read_stored(path: Path) -> tuple[Dataset, np.ndarray]:
    """Reads the allowed header of a file and its pixels as they are stored.

    Returns:
        The header, and [h w] or [h w 3] (RGB) of 8 or 16 bits, signed as the header
        says. Bits beyond BitsStored are as in the file.

    Raises:
        BadImageError: the path, what is wrong with the file, and the remedy.
    """
    with _opened(path) as (header, file):
        _check(path, header, file)
        return header, read_pixels(path, header, file)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[Dataset, BinaryIO]]:
    """Yields the allowed header, and the file at the pixel data.

    All errors are BadImageError."""
    with decoding(path, "cannot be read as DICOM"), open_regular(path) as file:
        yield _allowed(path, file), file


def _allowed(path: Path, file: BinaryIO) -> Dataset:
    """Reads the allowed elements before the pixel data.

    pydicom's `dcmread` would unpack a deflated file whole, however large it becomes.
    """
    if file.read(HEAD)[128:] != b"DICM":
        file.seek(0)
    meta = read_dataset(
        file,
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=_is_past_meta,
        specific_tags=[_TRANSFER_SYNTAX],
    )
    syntax = meta.get("TransferSyntaxUID")
    if syntax == DeflatedExplicitVRLittleEndian:
        raise BadImageError(
            path, "has a deflated transfer syntax; save it uncompressed."
        )
    if syntax:
        implicit, little = (
            syntax == ImplicitVRLittleEndian,
            syntax != ExplicitVRBigEndian,
        )
    else:  # read_dataset finds out whether it is implicit
        group = file.read(2)
        file.seek(-len(group), os.SEEK_CUR)
        implicit, little = True, int.from_bytes(group, "little") < _BIG_ENDIAN_FROM
    header = read_dataset(
        file, implicit, little, stop_when=_is_pixels, specific_tags=_ALLOWED_TAGS
    )
    for _ in header:  # makes values of the bytes, so that what is wrong shows here
        pass
    _lift_groups(header)
    if _CHARACTER_SET in header:
        del header[_CHARACTER_SET]
    if not syntax:
        implicit, little = header.original_encoding
        syntax = "1.2.840.10008.1.2" + ("" if implicit else ".1" if little else ".2")
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = UID(syntax)
    return header


def _lift_groups(header: Dataset) -> None:
    """Puts rescale and window of the functional groups where other files have them.

    What the one frame says counts before what all frames share (PS3.3 C.7.6.16). The
    groups themselves are dropped, with all else that they hold.
    """
    for group in _GROUPS:
        items = header.get(group) or []
        if len(items) == 1:
            for sequence, keywords in _LIFTED.items():
                for inner in list(items[0].get(sequence) or [])[:1]:
                    for keyword in keywords:
                        if keyword in inner:
                            header[keyword] = inner[keyword]
        if group in header:
            delattr(header, group)


def _is_past_meta(tag: BaseTag, vr: str | None, length: int) -> bool:
    return tag >> 16 != _META_GROUP


def _is_pixels(tag: BaseTag, vr: str | None, length: int) -> bool:
    return tag in _PIXEL_TAGS


def _check(path: Path, header: Dataset, file: BinaryIO) -> None:
    _check_header(path, header)
    fault = pixel_fault(header, file)
    if fault:
        raise BadImageError(path, fault)
    lacking = missing_decoder(header)
    if lacking:
        raise BadImageError(path, lacking)


def _check_header(path: Path, header: Dataset) -> None:
    """Raises BadImageError unless the pixel description is one that can be used."""

    def refuse(what: str, remedy: str = "replace the file or remove its row") -> None:
        raise BadImageError(path, f"{what}; {remedy}.")

    def number(keyword: str, allowed: Any, default: int | None = None) -> int:
        value = header.get(keyword, default)
        if not isinstance(value, int) or value not in allowed:
            refuse(f"has the {keyword} {value!r}")
        return int(value)

    if "Rows" not in header or "Columns" not in header:
        refuse("has no image (no Rows and Columns)")
    samples = number("SamplesPerPixel", (1, 3), 1)
    photometric = str(header.get("PhotometricInterpretation", ""))
    check_size(
        path,
        number("Rows", range(65536)),
        number("Columns", range(65536)),
        3 if photometric == PALETTE else samples,
    )
    frames = header.get("NumberOfFrames") or 1
    if not isinstance(frames, int):
        refuse(f"has the NumberOfFrames {frames!r}, which is no number")
    if frames != 1:
        refuse(f"has {frames} frames", "save each as a file of its own")
    bits = number("BitsAllocated", (8, 16))
    stored = number("BitsStored", range(1, bits + 1))
    number("HighBit", (stored - 1,), stored - 1)
    sign = number("PixelRepresentation", (0, 1), 0)
    if photometric not in ((*_GREY, PALETTE) if samples == 1 else _COLOUR):
        refuse(
            f"has the PhotometricInterpretation {photometric!r} with {samples} "
            "sample(s), which is not known",
            "convert it to MONOCHROME2 or RGB",
        )
    syntax = header.file_meta.TransferSyntaxUID
    try:
        get_decoder(syntax)
    except NotImplementedError:
        refuse(
            f"has the transfer syntax {syntax.name}, which is not an image",
            "save it uncompressed",
        )
    values = {"SamplesPerPixel": samples, "PixelRepresentation": sign}
    for keyword, value in values.items():
        if keyword not in header:
            setattr(header, keyword, value)
    if "NumberOfFrames" in header:
        del header.NumberOfFrames  # it may be blank
