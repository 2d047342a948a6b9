"""The arrays of a MedMNIST file: checked before they are read, images never whole.

A .npz file is a zip archive of .npy files. Where it is compressed, each array of images
is unpacked once, so that it can be mapped into memory.
"""

import math
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int
from numpy.lib import format as npy

from synthjax.core.errors import StudyError
from synthjax.core.files import replacing, write_atomic

SPLITS = ("train", "val", "test")
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError)  # the archive, not its array
_LARGEST = 1024  # pixels of a side
_RATIO = 100  # of unpacked to packed bytes, above which a file is a trap, not images
_SMALL = 1 << 26  # unpacked bytes below which that does not matter
_CHUNK = 1 << 22  # bytes read at a time
_LOCAL_HEADER = 30  # bytes of a zip member's header without its name and extra field


class Array(NamedTuple):
    """An array in the file, known by its header."""

    member: zipfile.ZipInfo
    start: int  # of the values in the unpacked member, bytes
    shape: tuple[int, ...]
    dtype: np.dtype


class Images(NamedTuple):
    """Where a split's uint8 images lie, uncompressed."""

    path: Path
    start: int  # bytes
    shape: tuple[int, ...]


def read_headers(path: Path, file: zipfile.ZipFile) -> dict[str, Array]:
    """Reads the headers of a set's six arrays, and checks them before any value.

    Raises:
        StudyError: they are not those of a 2-D set of MedMNIST; it names the file.
    """
    arrays = {}
    for split in SPLITS:
        for kind in ("images", "labels"):
            arrays[f"{split}_{kind}"] = _read_header(path, file, f"{split}_{kind}")
        images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
        shape = images.shape
        if images.dtype != np.uint8 or len(shape) not in (3, 4):
            raise StudyError(
                f"{path}: {split}_images are {images.dtype} {shape}; uint8 images "
                "[n s s] or [n s s 3] are read."
            )
        if len(shape) == 4 and shape[3] not in (1, 3):
            raise StudyError(f"{path}: {split}_images are {shape}: {_odd(shape)}.")
        if not all(0 < side <= _LARGEST for side in shape[1:3]):
            raise StudyError(
                f"{path}: {split}_images are {shape}; a side has 1 to {_LARGEST} "
                "pixels."
            )
        if not np.issubdtype(labels.dtype, np.integer) or len(labels.shape) != 2:
            raise StudyError(
                f"{path}: {split}_labels are {labels.dtype} {labels.shape}; whole "
                "numbers [n y] are read."
            )
        if labels.shape[0] != shape[0] or labels.shape[1] < 1:
            raise StudyError(
                f"{path}: {split}_images are {shape}, {split}_labels {labels.shape}; "
                "there must be as many of both."
            )
    if len({arrays[f"{split}_labels"].shape[1] for split in SPLITS}) > 1:
        raise StudyError(f"{path}: the splits have different numbers of labels.")
    return arrays


def _odd(shape: tuple[int, ...]) -> str:
    """Says what four sides that are not [n s s 1] or [n s s 3] mean, and the remedy."""
    if shape[1] in (1, 3) and shape[2] == shape[3]:
        return "the channels come first; put them last, as [n s s 1] or [n s s 3]"
    if shape[3] == 4 and shape[1] == shape[2]:
        return "four channels; leave the last (alpha) out"
    return "a 3-D set; 2-D sets are read"


def _read_header(path: Path, file: zipfile.ZipFile, name: str) -> Array:
    """Reads shape and type of an array, and checks its size."""
    try:
        member = file.getinfo(f"{name}.npy")
    except KeyError:
        raise StudyError(
            f"{path} has no {name}; it has {', '.join(file.namelist()[:12])}. "
            "MedMNIST's 2-D sets are read."
        ) from None
    if member.file_size > max(_SMALL, _RATIO * path.stat().st_size):
        raise StudyError(
            f"{path}: {name} would unpack to {member.file_size} bytes, more than "
            f"{_RATIO} times the file; such a file is not a set of images."
        )
    with file.open(member) as stream:
        try:
            version = npy.read_magic(stream)
            read = {(1, 0): npy.read_array_header_1_0}.get(
                version, npy.read_array_header_2_0
            )
            shape, fortran, dtype = read(stream)
        except _BROKEN:
            raise
        except Exception as error:  # parsing anybody's header raises anything
            raise StudyError(f"{path}: {name} is not an array ({error}).") from error
        start = stream.tell()
    if dtype.hasobject:
        raise StudyError(
            f"{path}: {name} holds pickled objects, which are never loaded; save it as "
            "whole numbers."
        )
    if fortran:
        raise StudyError(f"{path}: {name} is in Fortran's order; save it in C's.")
    size = start + math.prod(shape) * dtype.itemsize
    if size != member.file_size or min(shape, default=0) < 0:
        raise StudyError(
            f"{path}: {name} is {shape} {dtype}, {size} bytes, but {member.file_size} "
            "are there; download it again."
        )
    return Array(member, start, shape, dtype)


def read_labels(file: zipfile.ZipFile, array: Array) -> Int[np.ndarray, "n y"]:
    """Reads the whole numbers of a split, one column per label."""
    with file.open(array.member) as stream:
        stream.seek(array.start)
        values = np.frombuffer(stream.read(), array.dtype)
    return values.reshape(array.shape).astype(np.int64)


def place_images(
    path: Path, file: zipfile.ZipFile, array: Array, folder: Path
) -> Images:
    """Returns where a split's images lie: in the .npz itself, or unpacked in `folder`.

    Their CRC is checked once: what is unpacked has passed, and of what is not a note in
    `folder` says so, until the file changes.

    Raises:
        Exception: the file cannot be read.
    """
    member = array.member
    name = f"{path.stem}-{member.CRC:08x}-{member.filename}"
    if member.compress_type == zipfile.ZIP_STORED:
        _check_once(path, file, member, folder / f"{name}.checked")
        start = _stored_at(path, member)
        return Images(path, start + array.start, array.shape)
    unpacked = folder / name
    if not unpacked.is_file() or unpacked.stat().st_size != member.file_size:
        with file.open(member) as stream, replacing(unpacked) as out:
            while chunk := stream.read(_CHUNK):  # checks the CRC too
                out.write(chunk)
    return Images(unpacked, array.start, array.shape)


def _check_once(
    path: Path, file: zipfile.ZipFile, member: zipfile.ZipInfo, note: Path
) -> None:
    """Reads a stored member for its CRC, unless the note says that it was."""
    found = path.stat()
    state = f"{found.st_size} {found.st_mtime_ns}"
    if note.is_file() and note.read_text(errors="replace") == state:
        return
    with file.open(member) as stream:
        while stream.read(_CHUNK):  # raises BadZipFile at the end
            pass
    write_atomic(note, state.encode())


def _stored_at(path: Path, member: zipfile.ZipInfo) -> int:
    """Returns where the bytes of a stored member begin."""
    with open(path, "rb") as raw:
        raw.seek(member.header_offset)
        header = raw.read(_LOCAL_HEADER)
        names = (int.from_bytes(header[i : i + 2], "little") for i in (26, 28))
        start = member.header_offset + _LOCAL_HEADER + sum(names)
        raw.seek(start)
        if raw.read(len(npy.MAGIC_PREFIX)) != npy.MAGIC_PREFIX:
            raise zipfile.BadZipFile(f"no array at {start}")
    return start
