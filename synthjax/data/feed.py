"""Endless training batches whose position is one integer.

Grain gives the order: a shuffle with random access, another one in each epoch. Global
batch k covers places k * batch_size ... of that order; a process reads its own
consecutive part of each batch, a device its part of that.
"""

from typing import Any, Protocol

import grain
import jax
import numpy as np
from jaxtyping import Array, Float32, UInt8

from synthjax.core.devices import Devices
from synthjax.core.errors import StudyError
from synthjax.data.parallel import worker_count
from synthjax.data.stored import StoredSplit

_ENDLESS = 2**62  # batches: more than any run asks for


class Feed(Protocol):
    """What training loops draw batches from."""

    def next(self) -> dict[str, Array]:
        """The next batch, sharded over the devices: image_u8 [b h w c], label [b y]."""
        ...

    def position(self) -> dict[str, int]:
        """Where the feed is, as JSON: the number of the next batch, and its size."""
        ...

    def restore(self, position: dict[str, int]) -> None:
        """Go to a position; batches follow as they would have without a stop."""
        ...


class BatchOrder:
    """Which rows make up each batch, for the part of one process.

    Args:
        n: rows in the split.
        batch_size: rows in a global batch.
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
        self._rows = grain.MapDataset.range(n).seed(seed).shuffle().repeat()

    def row(self, place: int) -> int:
        """Row at `place` in this process's own order."""
        batch, within = divmod(place, self.local_size)
        return int(self._rows[batch * self.batch_size + self._offset + within])

    def rows(self, batch: int) -> np.ndarray:
        """Rows [local_size] int32 of this process in global batch `batch`."""
        start = batch * self.local_size
        places = range(start, start + self.local_size)
        return np.array([self.row(place) for place in places], np.int32)


def _order(n: int, batch_size: int, seed: int, devices: Devices) -> BatchOrder:
    return BatchOrder(n, batch_size, seed, devices.process_index, devices.process_count)


class _Position:
    """The number of the next batch, and its meaning checked on restore."""

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
        image_u8: UInt8[np.ndarray, "n h w c"],
        label: Float32[np.ndarray, "n y"],
        *,
        batch_size: int,
        seed: int,
        devices: Devices,
    ):
        super().__init__(batch_size)
        self._devices = devices
        self._order = _order(len(image_u8), batch_size, seed, devices)
        self._store = devices.replicate({"image_u8": image_u8, "label": label})
        self._gather = devices.map_step(
            _gather, batch_args=1, donate_state=False, sharded_outputs=True
        )

    def next(self) -> dict[str, Array]:
        """See Feed."""
        rows = self._devices.shard(self._order.rows(self.batch))
        self.batch += 1
        return self._gather(self._store, rows)


def _gather(store: dict[str, Array], rows: Array) -> dict[str, Array]:
    return jax.tree.map(lambda values: values[rows], store)


class StreamingFeed(_Position):
    """Batches read and decoded from disk by threads, a few ahead."""

    def __init__(
        self,
        stored: StoredSplit,
        *,
        batch_size: int,
        seed: int,
        devices: Devices,
        threads: int = 0,
    ):
        super().__init__(batch_size)
        self._devices = devices
        order = _order(len(stored), batch_size, seed, devices)

        def read(batch: int) -> dict[str, np.ndarray]:
            records = stored.read(order.rows(batch).tolist())
            return {
                "image_u8": np.stack([record.image_u8 for record in records]),
                "label": np.stack([record.label for record in records]),
            }

        threads = worker_count(threads)
        options = grain.ReadOptions(
            num_threads=threads, prefetch_buffer_size=2 * threads
        )
        batches = grain.MapDataset.range(_ENDLESS).map(read)
        self._dataset = batches.to_iter_dataset(options)
        self._iterator: Any = None

    def next(self) -> dict[str, Array]:
        """See Feed."""
        if self._iterator is None:
            self._iterator = iter(self._dataset)
            state = self._iterator.get_state()
            self._iterator.set_state({**state, "next_index": self.batch})
        self.batch += 1
        return self._devices.shard(next(self._iterator))

    def restore(self, position: dict[str, int]) -> None:
        """See Feed."""
        super().restore(position)
        self._iterator = None  # threads have read ahead from the old position
