"""The table beside exported images: one row for each, of the same types in every split.

Readers such as Hugging Face `datasets` guess the type of a column from its text, in
each split for itself, and refuse splits that differ. So a label that is unknown for
some image is written 1.0, 0.0 or blank in all splits, and otherwise 1 or 0; a text that
is blank throughout a split but not throughout the set is written "unknown" there.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from synthjax.core.csv_text import CsvWriter, defused
from synthjax.data.dataset import Dataset

ATTRIBUTES = ("id", "patient_id", "study_id", "age", "sex", "view")

_UNKNOWN = "unknown"
_GUESSED_ROWS = 10_000  # by which the type of a column is guessed
_IMAGE = "image"  # what file_name becomes when the images are opened


class MetadataTable:
    """Writes the metadata of a set as text, a row for each image.

    Args:
        built: the set.
        leading: columns in front, whose texts `write` takes.
    """

    def __init__(self, built: Dataset, leading: tuple[str, ...] = ("file_name",)):
        self._built = built
        self._leading = leading
        taken = {_IMAGE, *leading, *ATTRIBUTES}
        self.labels = tuple(_free_name(name, taken) for name in built.schema.labels)
        softened = self.labels if built.soft else ()
        self.soft = tuple(_free_name(f"{name} (soft)", taken) for name in softened)
        self._blank = {
            name: _blank(built, name) for name in ("study_id", "sex", "view")
        }
        every = np.concatenate([built.label(split) for split in built.counts])
        self._fractions = np.isnan(every).any(axis=0)

    @property
    def types(self) -> dict[str, str]:
        """Returns column, as the table has it -> "string" or "float32".

        `file_name` is left out.
        """
        texts = (*self._leading[1:], *ATTRIBUTES)
        types = {name: "float32" if name == "age" else "string" for name in texts}
        columns = (*self.labels, *self.soft)
        return types | dict.fromkeys(map(defused, columns), "float32")

    def write(
        self, path: Path, split: str, leading: Mapping[str, Sequence[str]]
    ) -> None:
        """Writes a row for each image of a split, in their order.

        Args:
            leading: column -> one text for each row.
        """
        metadata, label = self._built.metadata(split), self._built.label(split)
        soft = self._built.soft_label(split)
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = CsvWriter(file)
            writer.writerow([*self._leading, *ATTRIBUTES, *self.labels, *self.soft])
            for index in range(len(metadata)):
                age = metadata.age[index]
                writer.writerow(
                    [
                        *(leading[name][index] for name in self._leading),
                        metadata.id[index],
                        metadata.patient_id[index],
                        metadata.study_id[index] or self._blank["study_id"],
                        "" if math.isnan(age) else str(age),
                        metadata.sex[index] or self._blank["sex"],
                        metadata.view[index] or self._blank["view"],
                        *map(_label_cell, label[index], self._fractions),
                        *(() if soft is None else map(_probability, soft[index])),
                    ]
                )


def _label_cell(value: float, fraction: bool) -> str:
    if math.isnan(value):
        return ""
    return f"{value:.1f}" if fraction else f"{value:.0f}"


def _probability(value: float) -> str:
    return f"{value:.6f}"


def _blank(built: Dataset, name: str) -> str:
    """Returns what stands for an unknown text of this attribute."""
    columns = [getattr(built.metadata(split), name) for split in built.counts]
    known = any(bool(np.any(column != "")) for column in columns)
    guessable = all(bool(np.any(column[:_GUESSED_ROWS] != "")) for column in columns)
    return _UNKNOWN if known and not guessable else ""


def _free_name(name: str, taken: set[str]) -> str:
    """Returns the label's name, marked where it would be taken for another column."""
    while name in taken or name.endswith(("file_name", "file_names")):
        name = f"{name} (label)"
    taken.add(name)
    return name
