"""A 2-D set of MedMNIST v2 (Yang et al. 2023) from a local .npz file.

The file has train_images, train_labels, val_images, ... : uint8 images [n s s],
[n s s 1] or [n s s 3] with s of 28, 64, 128 or 224, and whole numbers as labels, [n y] of 0 and 1
for several labels, [n 1] for classes, which become one label each. Two classes become
one label, that of class 1. The set names no patients: each image counts as its own. Its
own splits are pooled and counted, not used.

Images are read through a memory map, one at a time (`medmnist_arrays`).
"""

import dataclasses
import functools
import hashlib
import zipfile
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from synthjax.core.config import Config, field
from synthjax.core.errors import ConfigError, StudyError
from synthjax.core.files import open_regular
from synthjax.core.foreign import foreign
from synthjax.data.images.pixels import unit
from synthjax.data.listing import Context, Listing, make_metadata
from synthjax.data.problems import BadImageError
from synthjax.data.schema import Record
from synthjax.data.sources.medmnist_arrays import (
    SPLITS,
    Images,
    place_images,
    read_headers,
    read_labels,
)
from synthjax.data.sources.medmnist_labels import LABELS
from synthjax.data.sources.source import Source


@dataclasses.dataclass(frozen=True)
class MedmnistConfig(Config):
    """Which file, and what its labels are called."""

    path: str = field(
        "", "the .npz file, such as chestmnist.npz or pathmnist_64.npz", is_place=True
    )
    label_names: tuple[str, ...] = field(
        (), "a name for each label; empty: the set's own"
    )

    def check(self) -> None:
        """Raises ConfigError if two labels have one name."""
        if len(set(self.label_names)) < len(self.label_names):
            raise ConfigError(f"label_names={self.label_names}: must all be different")


@dataclasses.dataclass(frozen=True)
class ReadMedmnist:
    """Reads the image that a record's origin names, such as train_images/17."""

    images: tuple[tuple[str, Images], ...]  # array's name -> where it lies

    def __call__(self, record: Record) -> Float32[np.ndarray, "h w c"]:
        """Returns pixels from 0 (black) to 1 (white); raises BadImageError."""
        name, _, index = record.origin.partition("/")
        where = dict(self.images)[name]
        try:
            pixels = np.array(_mapped(where)[int(index)])
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error  # without the path
            raise BadImageError(
                where.path, f"gives no {record.origin}: {reason}; build again."
            ) from None
        return unit(pixels[..., None] if pixels.ndim == 2 else pixels)


@functools.lru_cache(maxsize=8)
def _mapped(where: Images) -> np.ndarray:
    """Returns the images of a split as a memory map, one for each process."""
    return np.memmap(where.path, np.uint8, "r", where.start, where.shape)


def list_images(config: MedmnistConfig, context: Context) -> Listing:
    """Lists all images of the file, split by split; ids are train/000017.

    Raises:
        StudyError: the file is missing, not an .npz file, truncated, or holds pickled
            objects, other arrays than MedMNIST's or other labels.
    """
    if not config.path:
        raise StudyError(
            "there is no file to read: set --config.data.medmnist.path=/path/to/set.npz"
        )
    path = Path(config.path).expanduser()
    if not path.is_file():
        raise StudyError(
            f"{path} is not a file; MedMNIST's sets are .npz files, such as "
            "chestmnist.npz. Correct config.data.medmnist.path."
        )
    folder = context.prepared / "medmnist"
    with (
        foreign(path, "cannot be read as an .npz file", "download it again"),
        open_regular(path) as opened,
        zipfile.ZipFile(opened) as file,
    ):
        arrays = read_headers(path, file)
        values = {
            split: read_labels(file, arrays[f"{split}_labels"]) for split in SPLITS
        }
        places = tuple(
            (name, place_images(path, file, arrays[name], folder))
            for name in (f"{split}_images" for split in SPLITS)
        )
    labels, label = _name_labels(config, path, np.concatenate(list(values.values())))
    counts = {split: len(part) for split, part in values.items()}
    each = [(split, i) for split, count in counts.items() for i in range(count)]
    ids = [f"{split}/{i:06d}" for split, i in each]
    return Listing(
        name=_set_name(path),
        labels=labels,
        metadata=make_metadata(
            id=ids,
            label=label,
            patient_id=ids,
            origin=[f"{split}_images/{i}" for split, i in each],
        ),
        read=ReadMedmnist(places),
        has_patients=False,
        facts={"own splits, not used": counts},
    )


def _set_name(path: Path) -> str:
    """Returns the set's name if the file has it still, such as pathmnist_64."""
    name, _, size = path.stem.partition("_")
    return path.stem if name in LABELS and size.isdecimal() | (not size) else "medmnist"


def _name_labels(
    config: MedmnistConfig, path: Path, values: np.ndarray
) -> tuple[tuple[str, ...], Float32[np.ndarray, "n y"]]:
    """Returns names and label vectors of 0 and 1 of the file's whole numbers [n y]."""
    if not len(values):
        raise StudyError(f"{path} has no images.")
    least, largest = int(values.min()), int(values.max())
    limit = 99 if values.shape[1] == 1 else 1
    if least < 0 or largest > limit:
        raise StudyError(
            f"{path}: labels are {least} to {largest}; they must be 0 to {limit}."
        )
    names = LABELS.get(path.stem.split("_")[0], ())
    if values.shape[1] == 1:
        if len(names) <= largest:
            names = tuple(f"class {index}" for index in range(max(largest + 1, 2)))
        label = (values == np.arange(len(names))).astype(np.float32)
        if len(names) == 2:
            names, label = names[1:], label[:, 1:]
    else:
        if len(names) != values.shape[1]:
            names = tuple(f"label {index}" for index in range(values.shape[1]))
        label = values.astype(np.float32)
    if config.label_names:
        if len(config.label_names) != len(names):
            raise StudyError(
                f"{path} has {len(names)} labels ({', '.join(names)}); "
                f"config.data.medmnist.label_names has {len(config.label_names)}."
            )
        names = config.label_names
    return names, label


def digest(config: MedmnistConfig) -> str | None:
    """Identifies the file by its size, its time and the CRCs of its arrays.

    Its bytes are not read: they may be gigabytes, at every launch. None if the file is
    away or not an .npz file.
    """
    path = Path(config.path).expanduser()
    try:
        found = path.stat()
        with (
            foreign(path, "cannot be read as an .npz file", "download it again"),
            open_regular(path) as opened,
            zipfile.ZipFile(opened) as file,
        ):
            members = [(member.filename, member.CRC) for member in file.infolist()]
    except (OSError, StudyError):
        return None
    state = repr((found.st_size, found.st_mtime_ns, members))
    return hashlib.sha256(state.encode(errors="surrogatepass")).hexdigest()[:16]


SOURCE = Source(MedmnistConfig, list_images, digest)
