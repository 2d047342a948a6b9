"""Some images, decoded in processes: what each is like, in a few numbers."""

import hashlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int

from synthjax.data.doctor.batches import run_batches
from synthjax.data.images.pixels import convert_channels, resize
from synthjax.data.listing import Metadata
from synthjax.data.problems import BadImageError
from synthjax.data.schema import Record

_STREAM = 0xD0C  # keeps this generator apart from others with the same seed
_BATCH = 16  # images that a worker decodes at a time
_THUMB = 16  # pixels a side, to compare images with each other
_COUNTED = 1 << 16  # values, about, among which grey levels are counted
_FLAT = 0.02  # of 0..1: an image of a smaller range shows nothing
_TINT = 0.02  # of 0..1: channels that differ by more, in some pixels, are colour

Read = Callable[[Record], Float32[np.ndarray, "h w c"]]


class Look(NamedTuple):
    """What one image is like; values are 0 (black) to 1 (white)."""

    number: int  # its row
    fault: str = ""  # why it cannot be used; nothing else is known then
    digest: bytes = b""  # of its shape and values
    low: float = 0.0  # smallest value
    high: float = 0.0  # largest value
    mean: float = 0.0  # of the values
    black: float = 0.0  # share of the values that are 0
    white: float = 0.0  # share of the values that are 1
    levels: int = 0  # different values, among some 65,000
    coloured: bool = False  # its channels differ
    thumb: Float32[np.ndarray, " t"] = np.zeros(0, np.float32)  # small, grey

    @property
    def flat(self) -> bool:
        """Whether it shows nothing."""
        return self.high - self.low < _FLAT


def spread(total: int, count: int, seed: int) -> Int[np.ndarray, " k"]:
    """`count` of `total` numbers, evenly spread: one at random of each stretch."""
    if total <= count:
        return np.arange(total)
    edges = np.linspace(0, total, count + 1).astype(np.int64)
    return np.random.default_rng((seed, _STREAM)).integers(edges[:-1], edges[1:])


def look_at(
    read: Read, rows: Metadata, numbers: Sequence[int], workers: int
) -> list[Look]:
    """Decodes the images of these rows; a damaged one has its fault.

    Args:
        read: of the listing.
        workers: processes (0 = all cores).
    """
    parts = (numbers[i : i + _BATCH] for i in range(0, len(numbers), _BATCH))
    return run_batches(
        _look_batch,
        ((read, rows.take(part), part) for part in parts),
        total=len(numbers),
        desc="sample",
        unit="images",
        workers=workers,
    )


def _look_batch(batch: tuple[Read, Metadata, Sequence[int]]) -> list[Look]:
    read, rows, numbers = batch
    return [_look(read, rows.record(i), number) for i, number in enumerate(numbers)]


def _look(read: Read, record: Record, number: int) -> Look:
    try:
        values = read(record)
    except BadImageError as error:
        return Look(number, error.what)
    except Exception as error:
        error.add_note(f"while reading {record.origin or record.id}")
        raise
    hasher = hashlib.blake2b(str(values.shape).encode(), digest_size=16)
    hasher.update(values.tobytes())
    step = 1 + values.size // _COUNTED
    thumb = resize(convert_channels(values, 1), _THUMB, _THUMB)
    return Look(
        number,
        digest=hasher.digest(),
        low=float(values.min()),
        high=float(values.max()),
        mean=float(values.mean()),
        black=float((values == 0).mean()),
        white=float((values == 1).mean()),
        levels=len(np.unique(values.ravel()[::step])),
        coloured=bool(np.ptp(values, axis=-1).max() > _TINT),
        thumb=thumb.ravel(),
    )
