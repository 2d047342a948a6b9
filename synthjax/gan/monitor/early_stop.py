"""Stopping once the images get no better, by a Fréchet distance from the real ones.

As the published GANs were stopped: from some kimg on, at intervals, the averaged
generator's images are compared with training images under the same labels; the best is
kept, and training ends after a few comparisons in a row without a new best.
"""

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Int32

from synthjax.core import rng
from synthjax.core.clock import say
from synthjax.core.devices import Devices, Step
from synthjax.core.errors import ConfigError, StudyError
from synthjax.data.images.pixels import to_bytes
from synthjax.data.parallel import ordered_map
from synthjax.data.store.loader import padded_batches
from synthjax.data.store.stored import StoredSplit
from synthjax.metrics.encoder import Encoder
from synthjax.metrics.frechet import (
    MomentMeter,
    Moments,
    bias_warning,
    frechet_distance,
)

BATCH = 16  # images per device and call
_CHUNK = 256  # records whose labels are read at a time


@dataclass(frozen=True)
class EarlyStopConfig:
    """When to compare the generator's images with real ones, and when to stop.

    What is "preset" is filled in by gan/presets.py.
    """

    # Features to compare by: pixels, random, own, inception, densenet121 (or 169, 201);
    # "" is off.
    encoder: str = ""
    # Of "own": classifier/<arm>/seed<k> of a study; of the last ones: file of weights.
    encoder_path: str = ""
    images: int = 10_000  # real and synthetic images compared each time
    min_kimg: float = -1.0  # no comparison before, kimg; -1: preset
    every_kimg: float = -1.0  # kimg from one comparison to the next; -1: preset
    patience: int = 0  # comparisons in a row without a new best that end it; 0: preset

    def __post_init__(self) -> None:
        zero_or_more = "must be 0 or more, or -1 for the preset"
        positive = "must be more than 0, or -1 for the preset"
        rules = {
            "images": (self.images >= 2, "must be at least 2"),
            "min_kimg": (self.min_kimg >= 0 or self.min_kimg == -1, zero_or_more),
            "every_kimg": (self.every_kimg > 0 or self.every_kimg == -1, positive),
            "patience": (self.patience >= 0, "must be 1 or more, or 0 for the preset"),
            "encoder_path": (
                bool(self.encoder) or not self.encoder_path,
                "needs config.gan.early_stop.encoder, which is empty (off)",
            ),
        }
        for name, (good, rule) in rules.items():
            if not good:
                raise ConfigError(f"{name}={getattr(self, name)!r}: {rule}")


@dataclass(frozen=True)
class Verdict:
    """What one comparison says."""

    improved: bool  # a new best: keep this checkpoint
    stop: bool  # patience is at its end


class Stopper:
    """Decides from the distances so far; its state is JSON, for the checkpoint.

    Args:
      config: when to compare and when to stop.
      measure: the name of what is compared, such as `Distance.name`.
    """

    def __init__(self, config: EarlyStopConfig, measure: str) -> None:
        self._config, self._measure = config, measure
        self._kimg: list[float] = []
        self._values: list[float | None] = []  # None: it was not finite
        self.best: float | None = None  # smallest distance so far
        self.best_kimg: float | None = None  # where it was
        self.best_step: int | None = None  # its checkpoint
        self.bad = 0  # comparisons in a row since then

    @property
    def stopped(self) -> bool:
        """Whether training is to end; a larger patience makes it go on."""
        return self.bad >= self._config.patience

    def due(self, before: int, images: int, *, grown: bool = True) -> bool:
        """Whether to compare now.

        Args:
          before: images shown before the last update.
          images: images shown after it.
          grown: whether the network has its full resolution, no layer fading in.
        """
        every = max(1, round(self._config.every_kimg * 1000))
        late = images >= self._config.min_kimg * 1000
        return late and grown and before // every != images // every

    def observe(self, images: int, step: int, value: float) -> Verdict:
        """Takes in a distance; one that is not finite is no improvement.

        Args:
          images: images shown so far.
          step: the checkpoint of the generator measured.
          value: its distance; smaller is better.
        """
        finite = math.isfinite(value)
        improved = finite and (self.best is None or value < self.best)
        self._kimg.append(images / 1000)
        self._values.append(value if finite else None)
        if improved:
            self.best, self.best_kimg, self.best_step = value, images / 1000, step
        self.bad = 0 if improved else self.bad + 1
        return Verdict(improved, self.stopped)

    def state(self) -> dict[str, Any]:
        """What a checkpoint's `meta` keeps: JSON."""
        return {
            "measure": self._measure,
            "kimg": list(self._kimg),
            "values": list(self._values),
            "best": self.best,
            "best_kimg": self.best_kimg,
            "best_step": self.best_step,
            "bad": self.bad,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from `state()`.

        Raises:
          StudyError: it is of another measure, whose values do not compare.
        """
        if state["measure"] != self._measure:
            raise StudyError(
                f"the checkpoint was judged by {state['measure']}, this run asks for "
                f"{self._measure}, and their values do not compare: set "
                "config.gan.early_stop back, or use another workdir"
            )
        self._kimg, self._values = list(state["kimg"]), list(state["values"])
        self.best, self.best_kimg = state["best"], state["best_kimg"]
        self.best_step, self.bad = state["best_step"], state["bad"]


def fixed_subset(n: int, count: int, seed: int) -> Int32[np.ndarray, " count"]:
    """`count` of n places, ascending, drawn without replacement by the seed alone."""
    random = host_random(seed, "fixed subset")
    return np.sort(random.choice(n, count, replace=False)).astype(np.int32)


def host_random(seed: int, name: str) -> np.random.Generator:
    """Numbers of the stream `name` drawn on the host, where a draw needs no compiling."""
    return np.random.default_rng(np.asarray(jax.random.key_data(rng.key(seed, name))))


def own_part(array: np.ndarray, devices: Devices) -> np.ndarray:
    """This process's consecutive part of a global batch."""
    local = len(array) // devices.process_count
    return array[devices.process_index * local :][:local]


class Distance:
    """The Fréchet distance of a generator's images from real training images.

    The real images are a fixed draw, as stored and never augmented; the synthetic ones
    have their labels, and the same latents at every comparison, so that two values
    differ by the generator alone. Both are compared as 8 bits.

    Args:
      data: a data directory.
      encoder: what makes the features.
      images: how many, of each kind.
      seed: of the draw.
      devices: where; every process makes one and calls it.
      sample: `(ema, {"row" [b] int32, "label" [b y]}) -> pixels [b h w c] uint8`, such
        as `Steps.grid`: a mapped step with sharded outputs.
      batch: images per device and call.

    Raises:
      StudyError: fewer training images than asked.
    """

    def __init__(
        self,
        data: Path,
        *,
        encoder: Encoder,
        images: int,
        seed: int,
        devices: Devices,
        sample: Step,
        batch: int = BATCH,
    ) -> None:
        self._stored = StoredSplit(data, "train")
        if images > len(self._stored):
            raise StudyError(
                f"config.gan.early_stop.images={images}, but the training split of "
                f"{data} has {len(self._stored)}: set it to that or less"
            )
        warning = bias_warning(images, encoder.size)
        if warning and devices.is_main:
            say(f"gan: warning: {warning}")
        self.name = f"FD[{encoder.name}, n={images}]"
        self._places = fixed_subset(len(self._stored), images, seed)
        self._label = read_labels(self._stored, self._places)
        self._devices, self._sample = devices, sample
        self._batch = batch * devices.count
        self._meter = MomentMeter(encoder, devices)

    def __call__(self, ema: dict[str, Any]) -> float:
        """The distance of an averaged generator, the `ema` item on the devices."""
        synthetic = self._meter.measure(self._synthetic(ema))
        return frechet_distance(self.reference, synthetic, biased=True)

    @functools.cached_property
    def reference(self) -> Moments:
        """Moments of the real images, measured at first use."""
        return self._meter.measure(self._real())

    def _parts(
        self,
    ) -> Iterator[tuple[Int32[np.ndarray, " b"], Bool[np.ndarray, " b"]]]:
        """This process's part of each batch: which of the images, and which count."""
        for index, mask in padded_batches(len(self._places), self._batch):
            yield own_part(index, self._devices), own_part(mask, self._devices)

    def _real(self) -> Iterator[dict[str, Array]]:
        def read(part: tuple[np.ndarray, np.ndarray]) -> dict[str, np.ndarray]:
            index, mask = part
            records = self._stored.read(self._places[index].tolist())
            pixels = np.stack([to_bytes(record.pixels) for record in records])
            return {"pixels": pixels, "mask": mask}

        for batch in ordered_map(read, self._parts()):
            yield self._devices.shard(batch)

    def _synthetic(self, ema: dict[str, Any]) -> Iterator[dict[str, Array]]:
        for index, mask in self._parts():
            cell = {"row": index, "label": self._label[index]}
            pixels = self._sample(ema, self._devices.shard(cell))
            self._devices.wait(pixels)
            yield {"pixels": pixels, "mask": self._devices.shard(mask)}


def read_labels(
    stored: StoredSplit, places: Int32[np.ndarray, " n"]
) -> Float[np.ndarray, "n y"]:
    """Label rows of the records at `places`."""
    rows: list[np.ndarray] = []
    for start in range(0, len(places), _CHUNK):
        chunk = places[start : start + _CHUNK].tolist()
        rows += [record.label for record in stored.read(chunk, images=False)]
    return np.stack(rows).astype(np.float32)
