"""Endless training batches whose position is one integer.

Grain gives the order: a shuffle with random access, another one in each epoch. Global
batch k covers positions k * batch_size ... of that order; a process reads its own
consecutive part of each batch, a device its part of that.
"""

from typing import Any, Protocol, runtime_checkable

import grain
import numpy as np
from jaxtyping import Array, Float32, Int32, UInt

from synthjax.core.devices import Devices
from synthjax.core.errors import StudyError
from synthjax.data.parallel import worker_count
from synthjax.data.store.stored import Images

_ENDLESS = 2**62  # chunks of batches: more than any run takes
_CHUNK_BYTES = 4_000_000  # of pixels that a thread reads at a time, about


@runtime_checkable
class Feed(Protocol):
    """What training loops draw batches from."""

    def next(self) -> dict[str, Array]:
        """Returns the next batch, sharded: pixels [b h w c], label [b y]."""
        ...

    def position(self) -> dict[str, int]:
        """Returns where the feed is, as JSON: the next batch, and its size."""
        ...

    def restore(self, position: dict[str, int]) -> None:
        """Goes to a position; batches follow as they would have without a stop."""
        ...


class BatchOrder:
    """Which images make up each batch, for the part of one process.

    Args:
        n: images in the split.
        batch_size: images in a global batch.
        seed: of the shuffle.
        process_index: which consecutive part of each batch is ours.
        process_count: number of equal parts.
    """

    def __init__(
        self,
        n: int,
        batch_size: int,
        seed: int,
        process_index: int = 0,
        process_count: int = 1,
    ):
        self.batch_size = batch_size
        self.local_size = batch_size // process_count
        self._offset = process_index * self.local_size
        self._shuffled = grain.MapDataset.range(n).seed(seed).shuffle().repeat()

    def index(self, position: int) -> int:
        """Returns the image at `position` in this process's own order."""
        batch, within = divmod(position, self.local_size)
        return int(self._shuffled[batch * self.batch_size + self._offset + within])

    def indices(self, batch: int) -> Int32[np.ndarray, " local_size"]:
        """Returns the images of this process in global batch `batch`."""
        start = batch * self.local_size
        positions = range(start, start + self.local_size)
        return np.array([self.index(position) for position in positions], np.int32)


def _order(n: int, batch_size: int, seed: int, devices: Devices) -> BatchOrder:
    return BatchOrder(n, batch_size, seed, devices.process_index, devices.process_count)


class _Position:
    """Counts batches; on restore it checks that the count means the same."""

    def __init__(self, batch_size: int):
        self.batch = 0
        self._batch_size = batch_size

    def position(self) -> dict[str, int]:
        return {"batch": self.batch, "batch_size": self._batch_size}

    def restore(self, position: dict[str, int]) -> None:
        if position["batch_size"] != self._batch_size:
            raise StudyError(
                f"the checkpoint was written with batch_size="
                f"{position['batch_size']}, this run has {self._batch_size}; use the "
                "same, or start the stage in a new directory."
            )
        self.batch = position["batch"]


class ResidentFeed(_Position):
    """The whole split on every device, as bytes; batches are gathered there."""

    def __init__(
        self,
        pixels: UInt[np.ndarray, "n h w c"],
        label: Float32[np.ndarray, "n y"],
        *,
        batch_size: int,
        seed: int,
        devices: Devices,
    ):
        super().__init__(batch_size)
        self._devices = devices
        self._order = _order(len(pixels), batch_size, seed, devices)
        self._store = devices.replicate({"pixels": pixels, "label": label})

    def next(self) -> dict[str, Array]:
        """See Feed."""
        indices = self._devices.shard(self._order.indices(self.batch))
        self.batch += 1
        return self._devices.take(self._store, indices)


class StreamingFeed(_Position):
    """Batches read and decoded from disk by threads, a few ahead.

    Decoding a PNG file leaves the interpreter lock, so threads scale at resolutions
    where it takes most of the time. They work on chunks of batches: what is read ahead
    grows with the batch or with the threads, not with their product.

    Args:
        stored: the split, or the selection of images, to read.
        batch_size: images in a global batch.
        seed: of the shuffle.
        devices: where batches go.
        threads: that read and decode (0 = all cores).
    """

    def __init__(
        self,
        stored: Images,
        *,
        batch_size: int,
        seed: int,
        devices: Devices,
        threads: int = 0,
    ):
        super().__init__(batch_size)
        self._devices = devices
        order = _order(len(stored), batch_size, seed, devices)
        size = min(order.local_size, max(1, _CHUNK_BYTES // stored[0].pixels.nbytes))
        chunks = -(-order.local_size // size)  # of a batch; the last may be smaller

        def read(chunk: int) -> dict[str, np.ndarray]:
            batch, within = divmod(chunk, chunks)
            start = batch * order.local_size
            first, end = within * size, min((within + 1) * size, order.local_size)
            positions = range(start + first, start + end)
            records = stored.read([order.index(position) for position in positions])
            return {
                "pixels": np.stack([record.pixels for record in records]),
                "label": np.stack([record.label for record in records]),
            }

        threads = worker_count(threads)
        ahead = 2 * max(threads, chunks)
        options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=ahead)
        source = grain.MapDataset.range(_ENDLESS).map(read)
        self._dataset = source.to_iter_dataset(options)
        self._iterator: Any = None
        self._chunks = chunks
        self.ahead = -(-ahead // chunks)  # batches that are read ahead at most

    def next(self) -> dict[str, Array]:
        """See Feed."""
        if self._iterator is None:
            self._iterator = iter(self._dataset)
            state = self._iterator.get_state()
            first = self.batch * self._chunks
            self._iterator.set_state({**state, "next_index": first})
        self.batch += 1
        parts = [next(self._iterator) for _ in range(self._chunks)]
        whole = parts[0]
        if len(parts) > 1:
            whole = {
                name: np.concatenate([part[name] for part in parts]) for name in whole
            }
        return self._devices.shard(whole)

    def restore(self, position: dict[str, int]) -> None:
        """See Feed."""
        super().restore(position)
        self._iterator = None  # threads have read ahead from the old position
