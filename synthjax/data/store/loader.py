"""Read a set: a whole split as a table, training batches, evaluation batches."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int32, UInt

from synthjax.core.devices import Devices
from synthjax.core.errors import StudyError
from synthjax.data.listing import Metadata, make_metadata
from synthjax.data.parallel import ordered_map
from synthjax.data.schema import Record, Schema
from synthjax.data.store.feed import Feed, ResidentFeed, StreamingFeed
from synthjax.data.store.selection import Selection
from synthjax.data.store.stored import (
    StoredSplit,
    read_counts,
    read_provenance,
    read_schema,
)

__all__ = [
    "Feed",
    "ResidentFeed",
    "Selection",
    "StoredSplit",
    "StreamingFeed",
    "Table",
    "make_feed",
    "make_selection_feed",
    "padded_batches",
    "read_counts",
    "read_metadata",
    "read_provenance",
    "read_schema",
    "read_split",
    "resident_images",
]

_CHUNK = 256  # records per thread task, at most
_CHUNK_BYTES = 4_000_000  # of pixels per thread task, about
_RESIDENT_BYTES = 2_000_000_000  # resident="auto" keeps smaller splits on the device


@dataclasses.dataclass(frozen=True)
class Table(Metadata):
    """A split in memory, one row per image, by ascending id."""

    pixels: UInt[np.ndarray, "n h w c"]  # no rows if read without images

    def record(self, number: int) -> Record:
        """One row with its pixels, if they were read."""
        record = super().record(number)
        if len(self.pixels):
            record.pixels = self.pixels[number]
        return record


def read_split(directory: Path, split: str, *, images: bool = True) -> Table:
    """A whole split in memory, sorted by id.

    Args:
        directory: a set, of the data or the synth stage or of the same format.
        split: "train", "valid" or "test".
        images: False leaves the pixels on disk, where only labels are needed.

    Raises:
        StudyError: no finished set there, or no such split.
    """
    rows, pixels = _read(StoredSplit(directory, split), images=images)
    order = np.argsort(rows.id, kind="stable")
    if not np.array_equal(order, np.arange(len(rows))):
        rows, pixels = rows.take(order), pixels[order] if images else pixels
    return Table(**vars(rows), pixels=pixels)


def read_metadata(stored: StoredSplit | Selection) -> Metadata:
    """All that is known of the images but their pixels, by position."""
    return _read(stored, images=False)[0]


def _read(
    stored: StoredSplit | Selection, *, images: bool
) -> tuple[Metadata, UInt[np.ndarray, "n h w c"]]:
    """Reads metadata and pixels by position; no pixels without `images`."""
    schema, count = stored.schema, len(stored)
    pixels = np.zeros((count if images else 0, *schema.image_shape), schema.dtype)
    columns: dict[str, list] = {
        field.name: [] for field in dataclasses.fields(Metadata)
    }
    chunk = _CHUNK
    if images:
        chunk = min(_CHUNK, max(1, _CHUNK_BYTES // _image_bytes(schema)))
    starts = range(0, count, chunk)
    chunks = ordered_map(
        lambda start: stored.read(
            range(start, min(start + chunk, count)), images=images
        ),
        starts,
    )
    for start, records in zip(starts, chunks, strict=True):
        for row, record in enumerate(records, start):
            if images:
                pixels[row] = record.pixels
            for name, values in columns.items():
                values.append(getattr(record, name))
    return make_metadata(**columns), pixels


def make_feed(
    directory: Path,
    split: str,
    *,
    batch_size: int,
    seed: int,
    devices: Devices,
    resident: str = "auto",
) -> Feed:
    """Endless shuffled training batches, laid on the devices.

    Global batch k is a function of (set, split, batch_size, seed, k): the same on any
    number of devices or processes, kept on the device or streamed from disk.

    Args:
        batch_size: images in a global batch, over all devices.
        seed: of the order of the images.
        resident: "always" keeps the split on the device and gathers batches there,
            "never" reads and decodes every batch in threads, "auto" decides by size.

    Raises:
        StudyError: the batch does not divide by the devices, or no such split.
    """
    return make_selection_feed(
        StoredSplit(directory, split),
        batch_size=batch_size,
        seed=seed,
        devices=devices,
        resident=resident,
    )


def make_selection_feed(
    stored: StoredSplit | Selection,
    *,
    batch_size: int,
    seed: int,
    devices: Devices,
    resident: str = "auto",
) -> Feed:
    """As `make_feed`, of a split that is open or of a selection of images."""
    devices.check_batch(batch_size, "batch_size")
    if resident not in ("auto", "always", "never"):
        raise StudyError(f"resident={resident!r}: must be auto, always or never.")
    if resident == "auto":
        fits = len(stored) <= resident_images(stored.schema)
        resident = "always" if fits else "never"
    if resident == "never":
        return StreamingFeed(stored, batch_size=batch_size, seed=seed, devices=devices)
    rows, pixels = _read(stored, images=True)
    return ResidentFeed(
        pixels, rows.label, batch_size=batch_size, seed=seed, devices=devices
    )


def resident_images(schema: Schema) -> int:
    """How many images of a split resident="auto" keeps on the device at most."""
    return (_RESIDENT_BYTES - 1) // _image_bytes(schema)


def _image_bytes(schema: Schema) -> int:
    return int(np.prod(schema.image_shape)) * schema.dtype.itemsize


def padded_batches(
    n: int, batch_size: int
) -> Iterator[tuple[Int32[np.ndarray, " batch_size"], Bool[np.ndarray, " batch_size"]]]:
    """Every row once, in order, in batches of one shape.

    Yields:
        index: rows of the table; the last batch is filled up with row 0.
        mask: True where the row counts, False where it is filling.
    """
    for start in range(0, n, batch_size):
        rows = np.arange(start, start + batch_size, dtype=np.int32)
        mask = rows < n
        yield np.where(mask, rows, 0).astype(np.int32), mask
