"""Statistics of single images: a sample is decoded, in processes if it takes long."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32, Int

from synthjax.core.rng import host_generator
from synthjax.data.doctor.batches import run_batches
from synthjax.data.images.pixels import convert_channels, is_coloured, resize
from synthjax.data.listing import Metadata, ReadPixels
from synthjax.data.problems import BadImageError
from synthjax.data.schema import Record

_BATCH = 16  # images that a worker decodes at a time
_THUMB = 16  # pixels a side, to compare images with each other
_COUNTED = 1 << 16  # values, about, among which grey levels are counted
_FLAT = 0.02  # of 0..1: an image of a smaller range shows nothing


@dataclass(frozen=True, eq=False)
class ImageStats:
    """What one image is like; values are 0 (black) to 1 (white)."""

    index: int  # of the image in the metadata
    fault: str = ""  # why it cannot be used; nothing else is known then
    digest: bytes = b""  # of its shape and values
    low: float = 0.0  # smallest value
    high: float = 0.0  # largest value
    mean: float = 0.0  # of the values
    black: float = 0.0  # share of the values that are 0
    white: float = 0.0  # share of the values that are 1
    levels: int = 0  # different values, among some 65,000
    coloured: bool = False  # its channels differ
    shape: tuple[int, int, int] = (0, 0, 0)  # height, width (pixels), channels
    thumb: Float32[np.ndarray, " t"] = field(  # small, grey
        default_factory=lambda: np.zeros(0, np.float32)
    )

    @property
    def flat(self) -> bool:
        """Tell whether the image shows nothing."""
        return self.high - self.low < _FLAT


def sample_evenly(total: int, count: int, seed: int) -> Int[np.ndarray, " k"]:
    """Draw `count` of `total` indices, ascending: one at random of each stretch."""
    if total <= count:
        return np.arange(total)
    edges = np.linspace(0, total, count + 1).astype(np.int64)
    return host_generator(seed, "doctor sample").integers(edges[:-1], edges[1:])


def measure_images(
    read: ReadPixels,
    metadata: Metadata,
    indices: Sequence[int],
    workers: int,
    batch_size: int = _BATCH,
) -> list[ImageStats]:
    """Decode the images of these indices; a damaged one has its fault.

    Args:
        read: the listing's function.
        metadata: of all images.
        indices: of the images to decode.
        workers: processes (0 = all cores).
        batch_size: images that a worker decodes at a time.
    """
    parts = (indices[i : i + batch_size] for i in range(0, len(indices), batch_size))
    return run_batches(
        _measure_batch,
        ((read, metadata.take(part), part) for part in parts),
        total=len(indices),
        desc="sample",
        unit="images",
        workers=workers,
    )


def _measure_batch(
    batch: tuple[ReadPixels, Metadata, Sequence[int]],
) -> list[ImageStats]:
    """Measure some images, in a process of its own perhaps."""
    read, metadata, indices = batch
    return [
        _measure(read, metadata.record(i), index) for i, index in enumerate(indices)
    ]


def _measure(read: ReadPixels, record: Record, index: int) -> ImageStats:
    """Decode and measure one image."""
    try:
        values = read(record)
    except BadImageError as error:
        return ImageStats(index, error.what)
    except Exception as error:
        error.add_note(f"while reading {record.origin or record.id}")
        raise
    hasher = hashlib.blake2b(str(values.shape).encode(), digest_size=16)
    hasher.update(values.tobytes())
    step = 1 + values.size // _COUNTED
    thumb = resize(convert_channels(values, 1), _THUMB, _THUMB)
    return ImageStats(
        index,
        digest=hasher.digest(),
        low=float(values.min()),
        high=float(values.max()),
        mean=float(values.mean()),
        black=float((values == 0).mean()),
        white=float((values == 1).mean()),
        levels=len(np.unique(values.ravel()[::step])),
        coloured=is_coloured(values),
        shape=values.shape,
        thumb=thumb.ravel(),
    )
