"""A 2-D set of MedMNIST v2 (Yang et al. 2023) from a local .npz file.

The file has train_images, train_labels, val_images, ... : uint8 images [n s s] or
[n s s 3] with s of 28, 64, 128 or 224, and whole numbers as labels, [n y] of 0 and 1
for several labels, [n 1] for classes, which become one label each. Two classes become
one label, that of class 1. The set names no patients: each image counts as its own. Its
own splits are pooled and counted, not used.

Images are read through a memory map, one at a time. Where the .npz is compressed, each
array of images is first unpacked, once, into the data stage's directory.
"""

import dataclasses
import functools
import math
import os
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int
from numpy.lib import format as npy

from synthjax.core.errors import ConfigError, StudyError
from synthjax.data.listing import Context, Listing, make_rows
from synthjax.data.pixels import unit
from synthjax.data.problems import BadImageError
from synthjax.data.schema import Record
from synthjax.data.sources.medmnist_labels import LABELS
from synthjax.data.sources.tree import digest_files

SPLITS = ("train", "val", "test")
_LARGEST = 1024  # pixels of a side
_RATIO = 100  # of unpacked to packed bytes, above which a file is a trap, not images
_SMALL = 1 << 26  # unpacked bytes below which that does not matter
_CHUNK = 1 << 22  # bytes read at a time
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError)
_LOCAL_HEADER = 30  # bytes of a zip member's header without its name and extra field


@dataclasses.dataclass(frozen=True)
class MedmnistConfig:
    """Which file, and what its labels are called."""

    path: str = ""  # the .npz file, such as chestmnist.npz or pathmnist_64.npz
    label_names: tuple[str, ...] = ()  # one for each label; empty: the set's own

    def __post_init__(self) -> None:
        if len(set(self.label_names)) < len(self.label_names):
            raise ConfigError(f"label_names={self.label_names}: must all be different")


class _Array(NamedTuple):
    """An array in the file, known by its header."""

    member: zipfile.ZipInfo
    start: int  # of the values in the unpacked member, bytes
    shape: tuple[int, ...]
    dtype: np.dtype


class _Images(NamedTuple):
    """Where a split's uint8 images lie, uncompressed."""

    path: Path
    start: int  # bytes
    shape: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class ReadMedmnist:
    """Reads the image that a record's origin names, such as train_images/17."""

    images: tuple[tuple[str, _Images], ...]  # array's name -> where it lies

    def __call__(self, record: Record) -> Float32[np.ndarray, "h w c"]:
        """Pixels from 0 (black) to 1 (white); raises BadImageError."""
        name, _, number = record.origin.partition("/")
        where = dict(self.images)[name]
        try:
            pixels = np.array(_mapped(where)[int(number)])
        except (OSError, ValueError) as error:
            raise BadImageError(
                f"{record.origin} of {where.path} cannot be read: {error}; build again."
            ) from None
        return unit(pixels[..., None] if pixels.ndim == 2 else pixels)


@functools.lru_cache(maxsize=8)
def _mapped(where: _Images) -> np.ndarray:
    """The images of a split as a memory map, one for each process."""
    return np.memmap(where.path, np.uint8, "r", where.start, where.shape)


def list_images(config: MedmnistConfig, context: Context) -> Listing:
    """All images of the file, split by split; ids are train/000017.

    Raises:
        StudyError: the file is missing, no .npz, truncated, holds pickled objects,
            other arrays than MedMNIST's or labels that are none.
    """
    if not config.path:
        raise StudyError(
            "no file is given; set --config.data.medmnist.path=/path/to/set.npz"
        )
    path = Path(config.path).expanduser()
    if not path.is_file():
        raise StudyError(
            f"{path} is no file; MedMNIST's sets are .npz files, such as "
            "chestmnist.npz. Correct config.data.medmnist.path."
        )
    try:
        with zipfile.ZipFile(path) as file:
            arrays = _read_headers(path, file)
            numbers = {
                split: _read_labels(file, arrays[f"{split}_labels"]) for split in SPLITS
            }
            places = tuple(
                (name, _place(path, file, arrays[name], context.prepared / "medmnist"))
                for name in (f"{split}_images" for split in SPLITS)
            )
    except StudyError:
        raise
    except (*_BROKEN, NotImplementedError) as error:  # a compression not known
        raise StudyError(
            f"{path} is no readable .npz file ({error}); download it again."
        ) from None
    except (OSError, RuntimeError) as error:  # the latter: it wants a password
        raise StudyError(f"{path} cannot be read: {error}.") from None
    labels, label = _name_labels(config, path, np.concatenate(list(numbers.values())))
    counts = {split: len(values) for split, values in numbers.items()}
    each = [(split, i) for split, count in counts.items() for i in range(count)]
    ids = [f"{split}/{i:06d}" for split, i in each]
    return Listing(
        name=path.stem,
        labels=labels,
        rows=make_rows(
            id=ids,
            label=label,
            patient_id=ids,
            origin=[f"{split}_images/{i}" for split, i in each],
        ),
        read=ReadMedmnist(places),
        has_patients=False,
        facts={"file": path.name, "own splits, not used": counts},
    )


def _read_headers(path: Path, file: zipfile.ZipFile) -> dict[str, _Array]:
    """The six arrays of a set, their shapes checked before a value is read."""
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
        if len(shape) == 4 and shape[3] != 3:
            raise StudyError(
                f"{path}: {split}_images are {shape}: a 3-D set; 2-D sets are read."
            )
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


def _read_header(path: Path, file: zipfile.ZipFile, name: str) -> _Array:
    """Shape and type of an array; its size must be that of the member, and sane."""
    try:
        member = file.getinfo(f"{name}.npy")
    except KeyError:
        raise StudyError(
            f"{path} has no {name}; it has {', '.join(file.namelist()[:12])}. "
            "MedMNIST's 2-D sets are read."
        ) from None
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
            raise StudyError(f"{path}: {name} is no array ({error}).") from error
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
    if size > max(_SMALL, _RATIO * path.stat().st_size):
        raise StudyError(
            f"{path}: {name} would unpack to {size} bytes, more than {_RATIO} times "
            "the file; that is no set of images."
        )
    return _Array(member, start, shape, dtype)


def _read_labels(file: zipfile.ZipFile, array: _Array) -> Int[np.ndarray, "n y"]:
    with file.open(array.member) as stream:
        stream.seek(array.start)
        values = np.frombuffer(stream.read(), array.dtype)
    return values.reshape(array.shape).astype(np.int64)


def _place(path: Path, file: zipfile.ZipFile, array: _Array, folder: Path) -> _Images:
    """Where a split's images lie: in the .npz itself, or unpacked beside the set."""
    member = array.member
    if member.compress_type == zipfile.ZIP_STORED:
        with file.open(member) as stream:
            while stream.read(_CHUNK):  # checks the CRC at the end
                pass
        with open(path, "rb") as raw:
            raw.seek(member.header_offset)
            header = raw.read(_LOCAL_HEADER)
            names = (int.from_bytes(header[i : i + 2], "little") for i in (26, 28))
            start = member.header_offset + _LOCAL_HEADER + sum(names)
            raw.seek(start)
            if raw.read(len(npy.MAGIC_PREFIX)) != npy.MAGIC_PREFIX:
                raise zipfile.BadZipFile(f"no array at {start}")
        return _Images(path, start + array.start, array.shape)
    unpacked = folder / f"{path.stem}-{member.CRC:08x}-{member.filename}"
    if not unpacked.is_file() or unpacked.stat().st_size != member.file_size:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = unpacked.with_name(f".{unpacked.name}.{os.getpid()}.tmp")
        try:
            with file.open(member) as stream, open(temporary, "wb") as out:
                while chunk := stream.read(_CHUNK):  # checks the CRC too
                    out.write(chunk)
            os.replace(temporary, unpacked)
        finally:
            temporary.unlink(missing_ok=True)
    return _Images(unpacked, array.start, array.shape)


def _name_labels(
    config: MedmnistConfig, path: Path, numbers: np.ndarray
) -> tuple[tuple[str, ...], Float32[np.ndarray, "n y"]]:
    """Names and label vectors of 0 and 1 from the file's numbers [n y]."""
    if not len(numbers):
        raise StudyError(f"{path} has no images.")
    least, largest = int(numbers.min()), int(numbers.max())
    limit = 99 if numbers.shape[1] == 1 else 1
    if least < 0 or largest > limit:
        raise StudyError(
            f"{path}: labels are {least} to {largest}; they must be 0 to {limit}."
        )
    names = LABELS.get(path.stem.split("_")[0], ())
    if numbers.shape[1] == 1:
        if len(names) <= largest:
            names = tuple(f"class {number}" for number in range(max(largest + 1, 2)))
        label = (numbers == np.arange(len(names))).astype(np.float32)
        if len(names) == 2:
            names, label = names[1:], label[:, 1:]
    else:
        if len(names) != numbers.shape[1]:
            names = tuple(f"label {number}" for number in range(numbers.shape[1]))
        label = numbers.astype(np.float32)
    if config.label_names:
        if len(config.label_names) != len(names):
            raise StudyError(
                f"{path} has {len(names)} labels ({', '.join(names)}); "
                f"config.data.medmnist.label_names has {len(config.label_names)}."
            )
        names = config.label_names
    return names, label


def digest(config: MedmnistConfig) -> str | None:
    """Identifies the file by its bytes; None if it is away."""
    return digest_files([Path(config.path).expanduser()])
