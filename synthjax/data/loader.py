"""Read a set: a whole split as a table, training batches, evaluation batches."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Int32, UInt8

from synthjax.core.devices import Devices
from synthjax.core.errors import StudyError
from synthjax.data.feed import Feed, ResidentFeed, StreamingFeed
from synthjax.data.parallel import ordered_map
from synthjax.data.stored import StoredSplit, read_counts, read_provenance, read_schema

__all__ = [
    "Feed",
    "ResidentFeed",
    "StoredSplit",
    "StreamingFeed",
    "Table",
    "make_feed",
    "padded_batches",
    "read_counts",
    "read_provenance",
    "read_schema",
    "read_split",
]

_CHUNK = 256  # records per thread task
_RESIDENT_BYTES = 2_000_000_000  # resident="auto" keeps smaller splits on the device


@dataclasses.dataclass(frozen=True)
class Table:
    """A split in memory, one row per image, by ascending id."""

    image_u8: UInt8[np.ndarray, "n h w c"]  # no rows if read without images
    label: Float32[np.ndarray, "n y"]  # 0, 1, NaN = unknown
    id: np.ndarray  # [n] str
    patient_id: np.ndarray  # [n] str
    study_id: np.ndarray  # [n] str, "" = unknown
    age: Float32[np.ndarray, " n"]  # years, NaN = unknown
    sex: np.ndarray  # [n] str: F, M, "" = unknown
    view: np.ndarray  # [n] str: PA, AP, ..., "" = unknown

    def __len__(self) -> int:
        return len(self.id)


def read_split(directory: Path, split: str, *, images: bool = True) -> Table:
    """A whole split in memory, sorted by id.

    Args:
        directory: a set, of the data or the synth stage or of the same format.
        split: "train", "valid" or "test".
        images: False leaves the pixels on disk, where only labels are needed.

    Raises:
        StudyError: no finished set there, or no such split.
    """
    schema = read_schema(directory)
    stored = StoredSplit(directory, split)
    count = len(stored)
    image_u8 = np.zeros((count if images else 0, *schema.image_shape), np.uint8)
    label = np.zeros((count, len(schema.labels)), np.float32)
    text: dict[str, list[str]] = {
        name: [] for name in ("id", "patient_id", "study_id", "sex", "view")
    }
    age = np.zeros(count, np.float32)
    starts = range(0, count, _CHUNK)
    chunks = ordered_map(
        lambda start: stored.read(
            range(start, min(start + _CHUNK, count)), images=images
        ),
        starts,
    )
    for start, records in zip(starts, chunks, strict=True):
        for row, record in enumerate(records, start):
            if images:
                image_u8[row] = record.image_u8
            label[row] = record.label
            age[row] = record.age
            for name, values in text.items():
                values.append(getattr(record, name))
    columns = {name: np.array(values, dtype=str) for name, values in text.items()}
    order = np.argsort(columns["id"], kind="stable")
    if not np.array_equal(order, np.arange(count)):
        image_u8 = image_u8[order] if images else image_u8
        label, age = label[order], age[order]
        columns = {name: values[order] for name, values in columns.items()}
    return Table(image_u8=image_u8, label=label, age=age, **columns)


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
    devices.check_batch(batch_size, "batch_size")
    if resident not in ("auto", "always", "never"):
        raise StudyError(f"resident={resident!r}: must be auto, always or never.")
    schema = read_schema(directory)
    stored = StoredSplit(directory, split)
    if resident == "auto":
        size = len(stored) * int(np.prod(schema.image_shape))
        resident = "always" if size < _RESIDENT_BYTES else "never"
    if resident == "never":
        return StreamingFeed(stored, batch_size=batch_size, seed=seed, devices=devices)
    table = read_split(directory, split)
    return ResidentFeed(
        table.image_u8, table.label, batch_size=batch_size, seed=seed, devices=devices
    )


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
