"""A built set as its exports see it: the rows first, then the images, a few at a time.

Any set will do, real or synthetic, of this project or of the same format.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from synthjax.core.clock import progress
from synthjax.core.errors import StudyError
from synthjax.data.listing import Rows, make_rows
from synthjax.data.parallel import ordered_map
from synthjax.data.schema import Record, Schema
from synthjax.data.store.loader import (
    StoredSplit,
    read_counts,
    read_provenance,
    read_schema,
)

SYNTHETIC = "synthetic"  # the origin of every record that a generator drew

_CHUNK_BYTES = 4_000_000  # of decoded images that a thread holds at a time, about
_CHUNK_IMAGES = 256  # and no more images than this

Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True)
class BuiltSet:
    """A set on disk, its rows in memory."""

    directory: Path
    schema: Schema
    provenance: Mapping[str, Any]  # what the writer of the set said
    rows: Mapping[str, Rows]  # split -> its rows, in the order of the file
    stored: Mapping[str, StoredSplit]

    def __len__(self) -> int:
        return sum(map(len, self.rows.values()))

    @property
    def is_synthetic(self) -> bool:
        """Whether the set says so, and so does each of its records.

        Both are needed, so that neither a real record in a synthetic set nor a
        synthetic record in a real one is taken for what it is not.
        """
        return self.provenance.get("synthetic") is True and all(
            bool(np.all(rows.origin == SYNTHETIC)) for rows in self.rows.values()
        )

    def label(self, split: str) -> np.ndarray:
        """[n y] float32: 0, 1, NaN where unknown."""
        return self.rows[split].label.reshape(-1, len(self.schema.labels))

    def map_images(
        self, split: str, function: Callable[[int, Record], Result]
    ) -> Iterator[Result]:
        """`function(number, record)` of every image, in threads, results in order.

        Args:
            function: given the row's number in the split and the record with its
                pixels. A few megabytes of images are in memory for each thread.
        """
        stored, count = self.stored[split], len(self.rows[split])
        image_bytes = int(np.prod(self.schema.image_shape)) * self.schema.bits // 8
        step = max(1, min(_CHUNK_IMAGES, _CHUNK_BYTES // image_bytes))

        def work(start: int) -> list[Result]:
            numbers = range(start, min(start + step, count))
            return [
                function(number, record)
                for number, record in zip(numbers, stored.read(numbers), strict=True)
            ]

        bar: progress = progress(total=count, desc=f"export {split}", unit="images")
        try:
            for results in ordered_map(work, range(0, count, step)):
                yield from results
                bar.update(len(results))
        finally:
            bar.close()


def open_set(directory: Path) -> BuiltSet:
    """Reads the schema and the rows of the set in `directory`, no pixels.

    Raises:
        StudyError: there is no finished set in it.
    """
    schema = read_schema(directory)
    stored = {split: StoredSplit(directory, split) for split in read_counts(directory)}
    return BuiltSet(
        directory=directory,
        schema=schema,
        provenance=read_provenance(directory),
        rows={split: _read_rows(part, directory) for split, part in stored.items()},
        stored=stored,
    )


def _read_rows(stored: StoredSplit, directory: Path) -> Rows:
    columns: dict[str, list] = {field.name: [] for field in dataclasses.fields(Rows)}
    count = len(stored)

    def read(start: int) -> list[Record]:
        stop = min(start + _CHUNK_IMAGES, count)
        return stored.read(range(start, stop), images=False)

    for records in ordered_map(read, range(0, count, _CHUNK_IMAGES)):
        for record in records:
            for name, values in columns.items():
                values.append(getattr(record, name))
    if len(set(columns["id"])) < count:
        raise StudyError(f"{directory}: an id comes twice; build the set again.")
    return make_rows(**columns)
