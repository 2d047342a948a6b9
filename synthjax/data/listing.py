"""What a source knows of its images before a pixel is read.

A source lists its images once (`Listing`): their metadata, in columns, and a function
that reads the pixels of one image. Cohort and splits are decided on the metadata; pixels
are read afterwards, only those that are needed, in as many processes as there are.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Int

from synthjax.data.images.pixels import PixelsConfig
from synthjax.data.problems import Problems
from synthjax.data.schema import NO_PIXELS, Record


@dataclasses.dataclass(frozen=True)
class Metadata:
    """Many images without their pixels; item i of every column is of image i."""

    id: np.ndarray  # [n] str, unique
    label: Float32[np.ndarray, "n y"]  # 0, 1, NaN = unknown
    patient_id: np.ndarray  # [n] str
    study_id: np.ndarray  # [n] str, the exam; "" = unknown
    age: Float32[np.ndarray, " n"]  # years, NaN = unknown
    sex: np.ndarray  # [n] str: F, M, "" = unknown
    view: np.ndarray  # [n] str: PA, AP, ..., "" = unknown
    origin: np.ndarray  # [n] str: what the pixels are read by (a file, relative to the
    # source's folder); of a stored image the kind of source
    name: np.ndarray  # [n] str: what the source calls it where `id` is a number, or ""

    def __len__(self) -> int:
        return len(self.id)

    def take(self, indices: Sequence[int] | Int[np.ndarray, " k"]) -> "Metadata":
        """Returns the metadata of some images, in the order of `indices`."""
        return Metadata(
            **{
                field.name: getattr(self, field.name)[np.asarray(indices, np.int64)]
                for field in dataclasses.fields(Metadata)
            }
        )

    def record(self, index: int) -> Record:
        """Returns one image as a record without pixels."""
        return Record(
            id=self.id[index],
            pixels=NO_PIXELS,
            label=self.label[index],
            patient_id=self.patient_id[index],
            study_id=self.study_id[index],
            age=float(self.age[index]),
            sex=self.sex[index],
            view=self.view[index],
            origin=self.origin[index],
            name=self.name[index],
        )


def make_metadata(
    *,
    id: Sequence[str],
    label: Any,
    patient_id: Sequence[str],
    origin: Sequence[str] | str = "",
    study_id: Sequence[str] | str = "",
    age: Any = float("nan"),
    sex: Sequence[str] | str = "",
    view: Sequence[str] | str = "",
    name: Sequence[str] | str = "",
) -> Metadata:
    """Makes metadata from sequences; a single value is that of every image.

    Args:
        label: [n y], 0, 1 or NaN.
        age: [n] years, NaN where unknown.
    """
    count = len(id)

    def text(values: Sequence[str] | str) -> np.ndarray:
        column = np.empty(count, object)
        column[:] = values
        return column

    return Metadata(
        id=text(id),
        label=np.asarray(label, np.float32).reshape(count, -1),
        patient_id=text(patient_id),
        study_id=text(study_id),
        age=np.broadcast_to(np.asarray(age, np.float32), count).copy(),
        sex=text(sex),
        view=text(view),
        origin=text(origin),
        name=text(name),
    )


@runtime_checkable
class ReadPixels(Protocol):
    """Reads the pixels of one image.

    Called in other processes, so it must pickle: a function of a module, or a frozen
    dataclass with `__call__`.
    """

    def __call__(self, record: Record, /) -> Float32[np.ndarray, "h w c"]:
        """Returns 0 (black) to 1 (white), grey or RGB, of any height and width.

        Raises:
            BadImageError: the file cannot be used.
        """
        ...


@dataclasses.dataclass(frozen=True)
class Context:
    """What a source needs to know of the set that is built from it."""

    resolution: int  # of the set; a generated source renders at it
    channels: int  # of the set: 1 grey, 3 RGB
    seed: int  # of a generated source
    workers: int  # processes or threads; 0 = all cores
    prepared: Path  # keeps what a source makes ready once: an index, unpacked files
    pixels: PixelsConfig  # how values become pixels
    problems: Problems  # where a faulty row or file is reported
    tables_alone: bool = False  # whether images need not be there (`Source.has_tables`)


@dataclasses.dataclass(frozen=True)
class Listing:
    """The images of a source."""

    name: str  # of the set, for people
    labels: tuple[str, ...]  # one name per column of `metadata.label`
    metadata: Metadata
    read: ReadPixels  # the pixels of one image
    has_patients: bool = True  # False: each image counts as its own patient
    splits: Mapping[str, Sequence[int]] | None = None
    """Split -> indices of its images, where the source itself assigns them."""
    root: Path | None = None  # the folder that origins are relative to, if files
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Choices that the source made, and how many images each affected: JSON-ready."""
