"""Signs that a GAN is going wrong: memory of the training images, collapse, deafness.

Measured now and then on a small fixed set of images, with the averaged generator, so
that a curve moves by training alone.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, UInt8

from synthjax.core import rng
from synthjax.core.devices import Devices, Step
from synthjax.data.images.pixels import to_bytes
from synthjax.data.images.transforms import to_pixels
from synthjax.data.store.stored import StoredSplit
from synthjax.gan.generator import draw_latents, draw_noise, generate
from synthjax.gan.growth import real_images
from synthjax.gan.losses import LABEL_LOSSES
from synthjax.gan.monitor.early_stop import fixed_subset, host_random, own_part
from synthjax.gan.monitor.grids import GRID_BATCH
from synthjax.gan.networks.api import Networks
from synthjax.gan.schedule import Phase
from synthjax.gan.state import TrainState, ema_item

IMAGES = 256  # of a split, at most
_CHUNK = 16384  # pixels of each image multiplied at a time

Sample = dict[str, Any]  # pixels [n h w c] and label [n y] of a split, on the host


def make_probe(
    networks: Networks,
    devices: Devices,
    seed: int,
    phase: Phase | None = None,
    label_loss: str = "binary",
) -> Step:
    """The step `probe(params, batch)` that runs both networks, mapped.

    Args:
      networks: of the data set's resolution.
      devices: what to map over.
      seed: of the latents, a function of (seed, row) alone.
      phase: how far a growing network has grown; None is fully.
      label_loss: of the label head, if there is one: a name in LABEL_LOSSES.

    Returns:
      A step from `{"discriminator", "ema"}` and a batch of `row`, `label`, `other`,
      `train` and `valid_label`, `valid_other`, `valid` to one value per image, so that
      sums and counts are exact: logits `train`, `valid`, `synthetic`, preferences
      (0, 0.5 or 1) `preference_valid`, `preference_synthetic`, and uint8 `pixels`.
    """

    def probe(params: dict[str, Any], batch: dict[str, Array]) -> dict[str, Array]:
        ema, label = params["ema"], batch["label"]
        keys = jax.vmap(lambda row: rng.key(seed, "indicators", row))(batch["row"])
        z, noise = draw_latents(networks, keys), draw_noise(networks, keys)
        psi = jnp.ones((), jnp.float32)
        full = generate(networks, ema, z, label, noise, psi, phase)
        grown, synthetic, fade = networks, full, None
        if phase is not None and networks.at_resolution is not None:
            grown = networks.at_resolution(phase.resolution, phase.fade(ema["images"]))
            fade = phase.fade(ema["images"]) if phase.fade_over else None
            # Enlarged by repeating pixels, of which the discriminator sees each once.
            times = networks.resolution // phase.resolution
            synthetic = full[:, ::times, ::times]
        train, valid = (
            real_images(batch[split], grown.resolution, fade)
            for split in ("train", "valid")
        )
        image = jnp.stack([train, valid, valid, synthetic, synthetic])
        asked = [label, batch["valid_label"], batch["valid_other"], label]
        # One after the other: as in training, a minibatch group is of one kind.
        logit, fit = lax.map(
            lambda pair: judge(grown, params["discriminator"], label_loss, *pair),
            (image, jnp.stack([*asked, batch["other"]])),
        )
        return {
            "train": logit[0],
            "valid": logit[1],
            "synthetic": logit[3],
            "preference_valid": prefers(logit[1:3], fit[1:3]),
            "preference_synthetic": prefers(logit[3:5], fit[3:5]),
            "pixels": to_pixels(full, 8),
        }

    return devices.map_step(
        probe, in_axes=(None, 0), donate_state=False, sharded_outputs=True
    )


def judge(
    networks: Networks, params: Any, label_loss: str, image: Array, label: Array
) -> tuple[Float[Array, " b"], Float[Array, " b"]]:
    """Logits, and how well the label head's fit the label: minus the excess loss.

    The excess is over the least loss that any logits have for the label. It is 0
    without a head, NaN for a row without positives under a softmax, which says nothing.
    """
    if networks.discriminate_with_labels is None or not networks.labels:
        logit = networks.discriminate(params, image, label)
        return logit, jnp.zeros_like(logit)
    logit, head = networks.discriminate_with_labels(params, image, label)
    fit = -LABEL_LOSSES[label_loss](head, label)
    if label_loss == "softmax":
        count = jnp.sum(jnp.nan_to_num(label), axis=1)
        fit = jnp.where(count > 0, fit + jnp.log(count), jnp.nan)
    return logit, fit


def prefers(logit: Float[Array, "2 b"], fit: Float[Array, "2 b"]) -> Float[Array, " b"]:
    """1 where the first of two labels is preferred, 0 where the second, 0.5 if neither.

    A label head decides: it learns what real images of a label look like, while the
    logit of a synthetic image with its own label is what training pushes down. Without
    a head, or where it says nothing, the logit does.
    """
    by_head = jnp.nan_to_num(fit[0] - fit[1])
    decided = jnp.where(by_head == 0, logit[0] - logit[1], by_head)
    return (jnp.sign(decided) + 1) / 2


class Indicators:
    """Measures a state on fixed images; every process makes one and calls it.

    Args:
      data: a data directory.
      networks: of the data set's resolution.
      devices: what to run on.
      seed: of the choice of images, of latents and of the labels compared.
      label_loss: of the label head, if there is one: a name in LABEL_LOSSES.
      images: of each split, at most.
      batch: images of each split per device and call.
    """

    def __init__(
        self,
        data: Path,
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
        train = _read_sample(data, "train", images, seed)
        valid = _read_sample(data, "valid", images, seed)
        self._count = {"train": len(train["label"]), "valid": len(valid["label"])}
        random = host_random(seed, "other labels")
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
        self._real_distance = mean_distance(to_bytes(train["pixels"]), self._groups)

    def enter(self, phase: Phase) -> None:
        """Measures a growing network as it is in this phase from now on."""
        self.probe = self._make_probe(phase)

    def compile_ahead(self, state: TrainState) -> "Indicators":
        """Compiles the probe for states like this one."""
        self.probe.compile_ahead(_params(state), next(iter(self._batches())))
        return self

    def measure(self, state: TrainState) -> dict[str, float]:
        """The indicators of a state on the devices; NaN where one is not defined.

        Returns:
          discriminator_train, discriminator_valid, discriminator_synthetic: mean
            logits.
          overfitting: r_v, 0 where validation images look as real as training images,
            1 where they look as synthetic as synthetic ones; sign_real: r_t, the mean
            sign of training logits (Karras et al. 2020, arXiv:2006.06676, eq. 1).
          diversity: mean root-mean-square difference of synthetic images with the same
            label row, over that of the real images with those rows: 0 is collapse.
            diversity_real: the latter, in intensities -1..1.
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
        return {
            "discriminator_train": _mean(train),
            "discriminator_valid": _mean(valid),
            "discriminator_synthetic": _mean(synthetic),
            "overfitting": _ratio(_mean(train) - _mean(valid), gap),
            "sign_real": _mean(np.sign(train)),
            "diversity": _ratio(spread, self._real_distance),
            "diversity_real": self._real_distance,
            "label_preference": self._preference(value, "synthetic", "train"),
            "label_preference_real": self._preference(value, "valid", "valid"),
        }

    def _preference(
        self, value: dict[str, np.ndarray], images: str, split: str
    ) -> float:
        preferred = value[f"preference_{images}"][: self._count[split]]
        return _mean(preferred[self._differs[split][: len(preferred)]])

    def _batches(self) -> Iterator[dict[str, Array]]:
        """Batches of both splits; filled up by going through each again.

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
            local = {name: own_part(x, self._devices) for name, x in batch.items()}
            yield self._devices.shard(local)


def _params(state: TrainState) -> dict[str, Any]:
    return {"discriminator": state.discriminator, "ema": ema_item(state)}


def _read_sample(data: Path, split: str, images: int, seed: int) -> Sample:
    """A fixed draw from a split, on the host."""
    stored = StoredSplit(data, split)
    places = fixed_subset(len(stored), min(images, len(stored)), seed)
    records = stored.read(places.tolist())
    return {
        "pixels": np.stack([record.pixels for record in records]),
        "label": np.stack([record.label for record in records]).astype(np.float32),
    }


def _coded(rows: Float[np.ndarray, "n y"]) -> Float[np.ndarray, "n y"]:
    """Rows in which an unknown label equals another unknown one."""
    return np.nan_to_num(rows, nan=-1.0)


def same_label_groups(
    rows: Float[np.ndarray, "n y"],
) -> list[Int[np.ndarray, " m"]]:
    """Places of equal rows, for every row that occurs twice or more."""
    _, group = np.unique(_coded(rows), axis=0, return_inverse=True)
    places = [np.flatnonzero(group == number) for number in range(group.max() + 1)]
    return [place for place in places if len(place) > 1]


def other_labels(
    rows: Float[np.ndarray, "n y"],
    pool: Float[np.ndarray, "m y"],
    random: np.random.Generator,
) -> tuple[Float[np.ndarray, "n y"], np.ndarray]:
    """For each row one of the pool's that differs from it, and whether there is any."""
    other, differs = rows.copy(), np.zeros(len(rows), bool)
    coded = _coded(pool)
    for place, row in enumerate(_coded(rows)):
        candidates = np.flatnonzero(np.any(coded != row, axis=1))
        if len(candidates):
            other[place] = pool[random.choice(candidates)]
            differs[place] = True
    return other, differs


def mean_distance(
    pixels: UInt8[np.ndarray, "n h w c"], groups: list[Int[np.ndarray, " m"]]
) -> float:
    """Mean over all pairs in a group of the root-mean-square pixel difference.

    In intensities -1..1; NaN if there is no pair. Exact: products of bytes are summed
    as whole numbers, which float64 holds.
    """
    total, pairs = 0.0, 0
    for group in groups:
        flat = pixels[group].reshape(len(group), -1)
        product = np.zeros((len(group), len(group)))
        for start in range(0, flat.shape[1], _CHUNK):
            part = flat[:, start : start + _CHUNK].astype(np.float64)
            product += part @ part.T
        square = np.diag(product)
        distance = square[:, None] + square[None] - 2 * product
        upper = np.triu_indices(len(group), 1)
        total += np.sqrt(distance[upper] / flat.shape[1]).sum() * (2 / 255)
        pairs += len(upper[0])
    return _ratio(total, pairs)


def _mean(values: np.ndarray) -> float:
    return _ratio(float(np.sum(values, dtype=np.float64)), values.size)


def _ratio(numerator: float, denominator: float) -> float:
    return float(numerator / denominator) if denominator else float("nan")
