"""How far a generator's images are from real ones, by a Fréchet distance."""

import functools
from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Array, Bool, Float, Int32

from synthjax.core import rng
from synthjax.core.clock import say
from synthjax.core.devices import Devices
from synthjax.core.errors import StudyError
from synthjax.data.dataset import Dataset
from synthjax.data.images.pixels import to_bytes
from synthjax.data.parallel import ordered_map
from synthjax.data.store.loader import padded_batches
from synthjax.data.store.stored import StoredSplit
from synthjax.metrics.frechet import (
    Encoder,
    MomentMeter,
    Moments,
    bias_warning,
    frechet_distance,
)

BATCH = 16  # images per device and call


@runtime_checkable
class DrawImages(Protocol):
    """Draws images of an averaged generator, laid on the devices like its arguments.

    It takes the `ema` item and {"row" [b] int32, "label" [b y]}, and returns pixels
    [b h w c] uint8; such as `Steps.grid`, a mapped step with sharded outputs.
    """

    def __call__(self, ema: dict[str, Any], cells: dict[str, Array], /) -> Array: ...


def fixed_subset(n: int, count: int, seed: int) -> Int32[np.ndarray, " count"]:
    """Draws `count` of n indices without replacement, ascending, by the seed alone."""
    random = rng.host_generator(seed, "fixed subset")
    return np.sort(random.choice(n, count, replace=False)).astype(np.int32)


class GeneratorDistance:
    """The Fréchet distance of a generator's images from real training images.

    The real images are a fixed draw, as stored and never augmented; the synthetic ones
    have their labels, and the same latents at every comparison, so that two values
    differ by the generator alone. Both are compared as 8 bits.

    Args:
      dataset: whose training images are the real ones.
      encoder: what makes the features.
      images: how many, of each kind.
      seed: of the draw.
      devices: where; every process makes one and calls it.
      batch: images per device and call.

    Raises:
      StudyError: fewer training images than asked.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        encoder: Encoder,
        images: int,
        seed: int,
        devices: Devices,
        batch: int = BATCH,
    ) -> None:
        self._stored = dataset["train"]
        if images > len(self._stored):
            raise StudyError(
                f"config.gan.early_stop.images={images}, but the training split of "
                f"{dataset.directory} has {len(self._stored)}: set it to that or less"
            )
        warning = bias_warning(images, encoder.size)
        if warning and devices.is_main:
            say(f"gan: warning: {warning}")
        self.name = f"FD[{encoder.name}, n={images}]"
        self._subset = fixed_subset(len(self._stored), images, seed)
        self._label = read_labels(self._stored, self._subset)
        self._devices = devices
        self._batch = batch * devices.count
        self._meter = MomentMeter(encoder, devices)

    def __call__(self, ema: dict[str, Any], draw: DrawImages) -> float:
        """Returns the distance of an averaged generator.

        Args:
          ema: the `ema` item, on the devices.
          draw: of its images.
        """
        synthetic = self._meter.measure(self._synthetic(ema, draw))
        return frechet_distance(self.reference, synthetic, biased=True)

    @functools.cached_property
    def reference(self) -> Moments:
        """Moments of the real images, measured at first use."""
        return self._meter.measure(self._real())

    def _parts(
        self,
    ) -> Iterator[tuple[Int32[np.ndarray, " b"], Bool[np.ndarray, " b"]]]:
        """Yields this process's part of each batch: which images, and which count."""
        for index, mask in padded_batches(len(self._subset), self._batch):
            yield self._devices.local_part(index), self._devices.local_part(mask)

    def _real(self) -> Iterator[dict[str, Array]]:
        def read(part: tuple[np.ndarray, np.ndarray]) -> dict[str, np.ndarray]:
            index, mask = part
            records = self._stored.read(self._subset[index].tolist())
            pixels = np.stack([to_bytes(record.pixels) for record in records])
            return {"pixels": pixels, "mask": mask}

        for batch in ordered_map(read, self._parts()):
            yield self._devices.shard(batch)

    def _synthetic(
        self, ema: dict[str, Any], draw: DrawImages
    ) -> Iterator[dict[str, Array]]:
        for index, mask in self._parts():
            cells = {"row": index, "label": self._label[index]}
            pixels = draw(ema, self._devices.shard(cells))
            self._devices.wait(pixels)
            yield {"pixels": pixels, "mask": self._devices.shard(mask)}


def read_labels(
    stored: StoredSplit, indices: Int32[np.ndarray, " n"], chunk: int = 256
) -> Float[np.ndarray, "n y"]:
    """Reads the labels of the records at `indices`, `chunk` of them at a time."""
    labels: list[np.ndarray] = []
    for start in range(0, len(indices), chunk):
        part = indices[start : start + chunk].tolist()
        labels += [record.label for record in stored.read(part, images=False)]
    return np.stack(labels).astype(np.float32)
