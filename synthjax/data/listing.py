"""What a source knows of its images before a pixel is read.

A source lists its images once (`Listing`): their rows, in columns, and a function that
reads the pixels of one row. Cohort and splits are decided on the rows; pixels are read
afterwards, only those that are needed, in as many processes as there are.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int

from synthjax.data.images.pixels import PixelsConfig
from synthjax.data.problems import Problems
from synthjax.data.schema import NO_PIXELS, Record


@dataclasses.dataclass(frozen=True)
class Metadata:
    """Many images without their pixels; row i of every column is image i."""

    id: np.ndarray  # [n] str, unique
    label: Float32[np.ndarray, "n y"]  # 0, 1, NaN = unknown
    patient_id: np.ndarray  # [n] str
    study_id: np.ndarray  # [n] str, "" = unknown
    age: Float32[np.ndarray, " n"]  # years, NaN = unknown
    sex: np.ndarray  # [n] str: F, M, "" = unknown
    view: np.ndarray  # [n] str: PA, AP, ..., "" = unknown
    origin: np.ndarray  # [n] str: the file, relative to the source's folder, or a word

    def __len__(self) -> int:
        return len(self.id)

    def take(self, numbers: Sequence[int] | Int[np.ndarray, " k"]) -> "Metadata":
        """The rows of these numbers, in their order."""
        return Metadata(
            **{
                field.name: getattr(self, field.name)[np.asarray(numbers, np.int64)]
                for field in dataclasses.fields(Metadata)
            }
        )

    def record(self, number: int) -> Record:
        """One row as a record without pixels."""
        return Record(
            id=self.id[number],
            pixels=NO_PIXELS,
            label=self.label[number],
            patient_id=self.patient_id[number],
            study_id=self.study_id[number],
            age=float(self.age[number]),
            sex=self.sex[number],
            view=self.view[number],
            origin=self.origin[number],
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
) -> Metadata:
    """Makes metadata from sequences; a single value is that of every row.

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
    )


@dataclasses.dataclass(frozen=True)
class Context:
    """What the data stage tells every source that it lists."""

    resolution: int  # of the set; a generated source renders at it
    channels: int  # of the set: 1 grey, 3 RGB
    seed: int  # of a generated source
    workers: int  # processes or threads; 0 = all cores
    prepared: Path  # keeps what a source makes ready once: an index, unpacked files
    pixels: PixelsConfig  # how values become pixels
    problems: Problems  # where a faulty row or file is reported


@dataclasses.dataclass(frozen=True)
class Listing:
    """A source, listed."""

    name: str  # of the set, for people
    labels: tuple[str, ...]  # one name per column of `rows.label`
    rows: Metadata
    read: Callable[[Record], Float32[np.ndarray, "h w c"]]
    """Pixels of a row: 0 (black) to 1 (white), grey or RGB, any height and width.

    Called in other processes, so it must pickle: a function of a module, or a frozen
    dataclass with `__call__`. Raises BadImageError if the file cannot be used.
    """
    has_patients: bool = True  # False: each image counts as its own patient
    splits: Mapping[str, Sequence[int]] | None = None
    """For each split the numbers of its rows, where the source says who is where."""
    root: Path | None = None  # the folder that origins are relative to, if files
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Choices that the source made, and how many images each touched: JSON-ready."""
