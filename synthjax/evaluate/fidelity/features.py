"""Features of the real and the synthetic images, made once and fitted alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Array, Float, UInt

from synthjax.classifier.predict import whole_batch
from synthjax.core.devices import Devices
from synthjax.data.parallel import ordered_map
from synthjax.encoders import Encoder
from synthjax.evaluate.fidelity.sets import ImageSet


class FeatureReader:
    """Makes features of sets of images by several encoders, each image read once.

    They do not depend on the devices or on the batch.

    Args:
        encoders: what makes the features.
        batch_size: images at a time, over all devices.
        devices: where.
    """

    def __init__(
        self, encoders: Sequence[Encoder], batch_size: int, devices: Devices
    ) -> None:
        self.encoders, self._devices = encoders, devices
        self._size = whole_batch(batch_size, devices)
        local = self._size // devices.process_count
        first = devices.process_index * local
        self._mine = slice(first, first + local)
        params = [encoder.params for encoder in encoders]

        def forward(params: Any, pixels: UInt[Array, "b h w c"]) -> list[Array]:
            pairs = zip(encoders, params, strict=True)
            return [encoder.encode(own, pixels) for encoder, own in pairs]

        self._step = devices.map_step(
            forward, in_axes=(None, 0), donate_state=False, sharded_outputs=True
        )
        self._params = devices.replicate(params)

    def features(self, images: ImageSet) -> list[Float[np.ndarray, "n d"]]:
        """Return float32 features of all images, by each encoder."""
        n, size = len(images), self._size
        found = [np.empty((n, encoder.size), np.float32) for encoder in self.encoders]
        runs = [range(at, min(at + size, n)) for at in range(0, n, size)]
        for run, some in zip(runs, ordered_map(images.pixels, runs), strict=True):
            pixels = np.zeros((size, *some.shape[1:]), some.dtype)
            pixels[: len(some)] = some
            for features, part in zip(found, self._encode(pixels), strict=True):
                features[run.start : run.stop] = part[: len(some)]
        return found

    def _encode(self, pixels: UInt[np.ndarray, "b h w c"]) -> list[np.ndarray]:
        output = self._step(self._params, self._devices.shard(pixels[self._mine]))
        return self._devices.gather(output)


@dataclass(frozen=True)
class Fit:
    """An affine map of features to those that are compared, made of real images."""

    mean: Float[np.ndarray, " d"]
    scale: Float[np.ndarray, " d"]
    axes: Float[np.ndarray, "d p"] | None  # principal ones; None: all are kept as is

    def __call__(self, features: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n p"]:
        """Return float32 features to compare, made a chunk of images at a time."""
        parts = []
        for at in range(0, max(1, len(features)), 4096):
            part = (features[at : at + 4096] - self.mean) * self.scale
            part = part if self.axes is None else part @ self.axes
            parts.append(part.astype(np.float32))
        return np.concatenate(parts)


def fit_features(
    encoder: Encoder, train: Float[np.ndarray, "n d"], max_axes: int
) -> tuple[Fit, str]:
    """Centre and scale features by real training images, and keep the main axes.

    Afterwards the mean variance of what is compared is 1 over the training images: of
    each feature by itself if the encoder asks for it, else by one factor for all, so
    that only the unit changes. A feature that never varies there becomes 0.

    Args:
        encoder: whose features they are.
        train: of real training images.
        max_axes: how many axes at most.

    Returns:
        The map, and the encoder's name with the number of axes in it.
    """
    mean = train.mean(axis=0, dtype=np.float64)
    scatter = np.zeros((train.shape[1], train.shape[1]))
    for at in range(0, len(train), 4096):
        off = train[at : at + 4096].astype(np.float64) - mean
        scatter += off.T @ off
    variance = np.diag(scatter) / max(1, len(train) - 1)
    varies = variance > 1e-10 * max(variance.max(initial=0), 1e-300)
    if encoder.fit == "standardise":
        scale = np.where(varies, 1 / np.sqrt(np.where(varies, variance, 1)), 0)
    else:
        whole = variance.sum()
        scale = np.full(len(variance), (encoder.size / whole) ** 0.5 if whole else 0.0)
    if encoder.size <= max_axes:
        return Fit(mean, scale, None), encoder.name
    value, vector = np.linalg.eigh(scatter * np.outer(scale, scale))
    axes, kept_value = vector[:, ::-1][:, :max_axes], value[::-1][:max_axes].sum()
    spread = kept_value / (max_axes * max(1, len(train) - 1))
    axes = axes / np.sqrt(spread) if spread > 0 else axes
    axes = axes * np.sign(axes[np.argmax(np.abs(axes), axis=0), np.arange(max_axes)])
    kept = (
        f"{encoder.name.removesuffix(f'{encoder.size}d')}{max_axes} of {encoder.size}d"
    )
    return Fit(mean, scale, axes), kept
