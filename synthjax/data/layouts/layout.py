"""What the hospitals' layouts share: numbers of patients and exams, and tables."""

import contextlib
import gzip
import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32, UInt8

from synthjax.core.csv_text import CsvWriter
from synthjax.core.errors import StudyError
from synthjax.data.schema import Record

LATERAL = ("LATERAL", "LL", "RL")  # views from the side


class Place(NamedTuple):
    """Numbers of an image, from 1."""

    patient: int  # in the order in which patients first come
    study: int  # of the patient
    view: int  # of the study
    image: int  # of the patient
    study_of_all: int  # over all patients


class Census:
    """Numbers patients, exams and views as they come, in any order.

    Keeps the ids and nothing else. An image whose exam is unknown is an exam.
    """

    def __init__(self) -> None:
        self._patients: dict[str, int] = {}
        self._studies: dict[tuple[str, str], tuple[int, int]] = {}
        self._counts: dict[str | tuple[str, str], int] = {}

    def place(self, record: Record) -> Place:
        """Returns the numbers of the next image."""
        patient = record.patient_id
        key = (patient, record.study_id or record.id)
        number = self._patients.setdefault(patient, len(self._patients) + 1)
        if key not in self._studies:
            own = self._count(f"studies of {patient}")
            self._studies[key] = (own, len(self._studies) + 1)
        own, overall = self._studies[key]
        view, image = self._count(key), self._count(f"images of {patient}")
        return Place(number, own, view, image, overall)

    def _count(self, key: str | tuple[str, str]) -> int:
        self._counts[key] = self._counts.get(key, 0) + 1
        return self._counts[key]


def make_folder(folder: Path) -> None:
    """Makes the folder; raises StudyError if something is in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudyError(f"{folder} cannot be made: {error}.") from None
    if any(folder.iterdir()):
        raise StudyError(f"{folder} is not empty; choose a new folder for the export.")


def grey(record: Record) -> UInt8[np.ndarray, "h w"]:
    """Returns the pixels of a grey 8-bit image; raises StudyError for any other."""
    pixels = record.pixels
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 1:
        raise StudyError(
            f"{record.id!r} is {pixels.dtype} {pixels.shape}; this layout holds grey "
            "images of 8 bits: set config.data.channels=1, config.data.pixels.bits=8."
        )
    return pixels[..., 0]


def pick_labels(
    record: Record, labels: Sequence[str], wanted: Sequence[str]
) -> Float32[np.ndarray, " w"]:
    """Returns the values of the wanted labels; NaN where the record lacks one.

    Args:
        labels: names of the record's labels.
    """
    if record.label.shape != (len(labels),):
        raise StudyError(
            f"{record.id!r} has {record.label.size} labels, not the {len(labels)} "
            f"named ({', '.join(labels)})."
        )
    values = dict(zip(labels, record.label, strict=True))
    return np.array([values.get(name, np.nan) for name in wanted], np.float32)


def label_text(value: float | np.floating) -> str:
    """Returns a label as CheXpert and MIMIC write it: 1.0, 0.0 or blank (unknown)."""
    return "" if np.isnan(value) else f"{float(value):.1f}"


@contextlib.contextmanager
def write_table(path: Path, header: Sequence[str]) -> Iterator[CsvWriter]:
    """Yields a writer whose table is at `path` when all went well, not before.

    A name that ends in .gz is compressed; the same rows always give the same bytes.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(open(temporary, "wb"))
            if path.suffix == ".gz":
                packed = gzip.GzipFile("", "wb", fileobj=file, mtime=0)
                raw: Any = stack.enter_context(packed)
            else:
                raw = file
            text = stack.enter_context(
                io.TextIOWrapper(raw, encoding="utf-8", newline="")
            )
            writer = CsvWriter(text)
            writer.writerow(header)
            yield writer
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
