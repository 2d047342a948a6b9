"""Signs that a GAN is going wrong: memory of the training images, collapse, deafness.

Measured now and then on a small fixed set of images, with the averaged generator, so
that a curve moves by training alone.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Array, Bool, Float

from synthjax.core import rng
from synthjax.core.devices import Devices
from synthjax.data.dataset import Dataset
from synthjax.data.images.pixels import to_bytes
from synthjax.gan.monitor.distance import fixed_subset
from synthjax.gan.monitor.grids import GRID_BATCH
from synthjax.gan.monitor.probe import make_probe
from synthjax.gan.networks.api import Networks
from synthjax.gan.schedule import Phase
from synthjax.gan.state import TrainState, ema_item
from synthjax.metrics.shape_coverage import shape_coverage
from synthjax.metrics.within_label import (
    coded_labels,
    mean_distance,
    same_label_groups,
)

IMAGES = 256  # of a split, at most

Sample = dict[str, Any]  # pixels [n h w c] and label [n y] of a split, on the host


class Indicators:
    """Measures a state on fixed images; every process makes one and calls it.

    Args:
      dataset: whose training and validation images are shown.
      networks: of the data set's resolution.
      devices: what to run on.
      seed: of the choice of images, of latents and of the labels compared.
      label_loss: of the label head, if there is one: a name in LABEL_LOSSES.
      images: of each split, at most.
      batch: images of each split per device and call.
    """

    def __init__(
        self,
        dataset: Dataset,
        networks: Networks,
        devices: Devices,
        *,
        seed: int,
        label_loss: str = "binary",
        images: int = IMAGES,
        batch: int = GRID_BATCH,
    ) -> None:
        self._devices, self._batch = devices, batch * devices.count
        self._make_probe = partial(
            make_probe, networks, devices, seed, label_loss=label_loss
        )
        self.probe = self._make_probe()
        train = _read_sample(dataset, "train", images, seed)
        valid = _read_sample(dataset, "valid", images, seed)
        self._count = {"train": len(train["label"]), "valid": len(valid["label"])}
        random = rng.host_generator(seed, "other labels")
        rows = train["label"]
        other, differs = other_labels(rows, rows, random)
        valid_other, valid_differs = other_labels(valid["label"], rows, random)
        self._differs = {"train": differs, "valid": valid_differs}
        self._train = {"train": train["pixels"], "label": rows, "other": other}
        self._valid = {
            "valid": valid["pixels"],
            "valid_label": valid["label"],
            "valid_other": valid_other,
        }
        self._groups = same_label_groups(rows)
        pixels, valid_pixels = (to_bytes(part["pixels"]) for part in (train, valid))
        self._real_distance = mean_distance(pixels, self._groups)
        # As many of each, so that the floor is of the same number of images.
        few = min(len(pixels), len(valid_pixels))
        self._shapes = pixels[:few]
        self._shape_floor = shape_coverage(self._shapes, valid_pixels[:few])

    def set_phase(self, phase: Phase) -> None:
        """Measures a growing network as it is in this phase from now on."""
        self.probe = self._make_probe(phase)

    def measure(self, state: TrainState) -> dict[str, float]:
        """Returns the indicators of a state on the devices; NaN where undefined.

        Returns:
          discriminator_train, discriminator_valid, discriminator_synthetic: mean
            logits.
          overfitting: r_v, 0 where validation images look as real as training images,
            1 where they look as synthetic as synthetic ones; sign_real: r_t, the mean
            sign of training logits (Karras et al. 2020, arXiv:2006.06676, eq. 1).
          diversity: mean root-mean-square difference of synthetic images with the same
            label row, over that of the real images with those rows: 0 is collapse.
            diversity_real: the latter, in intensities -1..1.
          shape_coverage: share of training images near which a synthetic one lies when
            both are averaged to 8 x 8 blocks; shape_coverage_real, its floor: the same
            of validation images in the place of synthetic ones.
          label_preference: share of synthetic images for which the discriminator, its
            label head if it has one, prefers their label to another training image's;
            0.5 if it is ignored.
            label_preference_real: the same of validation images.
        """
        parts = []
        params = _params(state)
        for batch in self._batches():
            parts.append(self._devices.gather(self.probe(params, batch)))
        value = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
        n, n_valid = self._count["train"], self._count["valid"]
        train, synthetic = value["train"][:n], value["synthetic"][:n]
        valid = value["valid"][:n_valid]
        gap = _mean(train) - _mean(synthetic)
        spread = mean_distance(value["pixels"][:n], self._groups)
        shapes = value["pixels"][: len(self._shapes)]
        return {
            "discriminator_train": _mean(train),
            "discriminator_valid": _mean(valid),
            "discriminator_synthetic": _mean(synthetic),
            "overfitting": _ratio(_mean(train) - _mean(valid), gap),
            "sign_real": _mean(np.sign(train)),
            "diversity": _ratio(spread, self._real_distance),
            "diversity_real": self._real_distance,
            "shape_coverage": shape_coverage(self._shapes, shapes),
            "shape_coverage_real": self._shape_floor,
            "label_preference": self._preference(value, "synthetic", "train"),
            "label_preference_real": self._preference(value, "valid", "valid"),
        }

    def _preference(
        self, value: dict[str, np.ndarray], images: str, split: str
    ) -> float:
        preferred = value[f"preference_{images}"][: self._count[split]]
        return _mean(preferred[self._differs[split][: len(preferred)]])

    def _batches(self) -> Iterator[dict[str, Array]]:
        """Yields batches of both splits; filled up by going through each again.

        Filling with one image would change what the minibatch standard deviation is of
        the last real images.
        """
        most = max(self._count.values())
        size = -(-most // self._batch) * self._batch
        for start in range(0, size, self._batch):
            row = np.arange(start, start + self._batch, dtype=np.int32)
            batch: dict[str, np.ndarray] = {"row": row}
            for columns in (self._train, self._valid):
                for name, values in columns.items():
                    batch[name] = values[row % len(values)]
            local = {name: self._devices.local_part(x) for name, x in batch.items()}
            yield self._devices.shard(local)


def _params(state: TrainState) -> dict[str, Any]:
    return {"discriminator": state.discriminator, "ema": ema_item(state)}


def _read_sample(dataset: Dataset, split: str, images: int, seed: int) -> Sample:
    """Reads a fixed draw from a split, on the host."""
    stored = dataset[split]
    subset = fixed_subset(len(stored), min(images, len(stored)), seed)
    records = stored.read(subset.tolist())
    return {
        "pixels": np.stack([record.pixels for record in records]),
        "label": np.stack([record.label for record in records]).astype(np.float32),
    }


def other_labels(
    labels: Float[np.ndarray, "n y"],
    pool: Float[np.ndarray, "m y"],
    random: np.random.Generator,
) -> tuple[Float[np.ndarray, "n y"], Bool[np.ndarray, " n"]]:
    """Draws for each image's labels others of the pool; also whether there are any."""
    other, differs = labels.copy(), np.zeros(len(labels), bool)
    coded = coded_labels(pool)
    for index, own in enumerate(coded_labels(labels)):
        candidates = np.flatnonzero(np.any(coded != own, axis=1))
        if len(candidates):
            other[index] = pool[random.choice(candidates)]
            differs[index] = True
    return other, differs


def _mean(values: np.ndarray) -> float:
    return _ratio(float(np.sum(values, dtype=np.float64)), values.size)


def _ratio(numerator: float, denominator: float) -> float:
    return float(numerator / denominator) if denominator else float("nan")
