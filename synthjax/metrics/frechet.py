"""Mean and covariance of a stream of features, and the distance of two of them.

Each device keeps the moments of its own part of the stream and none of it is
exchanged until the end, when they are fetched once and merged in float64. So there
is no collective in the loop and the result does not depend on the device count.
"""

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int32

from synthjax.core.devices import Devices
from synthjax.core.errors import StudyError
from synthjax.metrics.encoder import Encoder


class Sums(NamedTuple):
    """A device's part of the stream; a leading axis of one entry per device.

    Values are relative to `centre`, about the mean, so that float32 does not lose the
    spread of features far from zero. What rounding loses is kept in `*_low`.
    """

    images: Int32[Array, " k"]
    centre: Float[Array, "k d"]  # mean of the first batch
    mean: Float[Array, "k d"]  # of feature - centre
    mean_low: Float[Array, "k d"]
    scatter: Float[Array, "k d d"]  # sum of the outer products about the mean
    scatter_low: Float[Array, "k d d"]


@dataclass(frozen=True)
class Moments:
    """Mean and covariance of a set of features, float64 on the host."""

    count: int  # images
    mean: Float[np.ndarray, " d"]
    covariance: Float[np.ndarray, "d d"]  # divided by count - 1

    @functools.cached_property
    def root(self) -> Float[np.ndarray, "d d"]:
        """Return R with R R^T the covariance; kept, as most of a distance's work."""
        value, vector = np.linalg.eigh(self.covariance)
        # A zero eigenvalue comes out as rounding, whose root would be no small number.
        noise = value[-1] * len(value) * np.finfo(np.float64).eps
        return vector * np.sqrt(np.where(value > noise, value, 0.0))


def zero_sums(size: int, devices: Devices) -> Sums:
    """Return the sums of no image of `size` features, laid on the devices."""
    k = devices.local_count
    vector, matrix = np.zeros((k, size), np.float32), np.zeros((k, size, size), "f4")
    count = np.zeros((k,), np.int32)
    return Sums(*devices.shard((count, *[vector] * 3, *[matrix] * 2)))


def add_features(
    sums: Sums, feature: Float[Array, "b d"], mask: Bool[Array, " b"]
) -> Sums:
    """Add a batch to one device's sums; traceable.

    Merges the batch's own moments into those so far (Chan, Golub and LeVeque 1983,
    eq. 2.1), which only ever adds squares: nothing cancels, in whatever order the
    images come.

    Args:
      sums: of this device, with the leading axis of 1.
      feature: any floating type; accumulated in float32.
      mask: which rows count.
    """
    count, centre, mean, mean_low, scatter, scatter_low = (part[0] for part in sums)
    feature = jnp.where(mask[:, None], feature.astype(jnp.float32), jnp.float32(0))
    added = jnp.sum(mask, dtype=jnp.int32)
    part = added.astype(jnp.float32)
    divisor = jnp.maximum(part, jnp.float32(1))
    centre = jnp.where(count == 0, jnp.sum(feature, axis=0) / divisor, centre)

    shifted = jnp.where(mask[:, None], feature - centre, jnp.float32(0))
    batch_mean = jnp.sum(shifted, axis=0) / divisor
    spread = jnp.where(mask[:, None], shifted - batch_mean, jnp.float32(0))
    # A GPU would otherwise round the factors of a float32 product to 10 bits.
    batch_scatter = jnp.matmul(spread.T, spread, precision=lax.Precision.HIGHEST)

    before = count.astype(jnp.float32)
    share = part / jnp.maximum(before + part, jnp.float32(1))
    moved = batch_mean - mean - mean_low
    mean, mean_low = _add(mean, mean_low, moved * share)
    between = jnp.outer(moved, moved) * (before * share)
    scatter, scatter_low = _add(scatter, scatter_low, batch_scatter + between)
    result = (count + added, centre, mean, mean_low, scatter, scatter_low)
    return Sums(*(value[None] for value in result))


def _add(
    high: Float[Array, "*d"], low: Float[Array, "*d"], value: Float[Array, "*d"]
) -> tuple[Float[Array, "*d"], Float[Array, "*d"]]:
    """Add with compensation: what rounding takes from `high` goes to `low` (Knuth)."""
    total = high + value
    taken = total - high
    return total, low + ((high - (total - taken)) + (value - taken))


def merge_sums(sums: Sums, devices: Devices) -> Moments:
    """Fetch the sums of all devices and merge them in float64; every process calls.

    Raises:
      StudyError: fewer than two images, or features that are not finite.
    """
    host: Any = jax.tree.map(
        lambda part: np.asarray(part, np.float64), devices.gather(sums)
    )
    size = host.centre.shape[1]
    count, mean, scatter = 0.0, np.zeros(size), np.zeros((size, size))
    for k, added in enumerate(host.images):
        if not added:
            continue
        total = count + added
        moved = host.centre[k] + host.mean[k] + host.mean_low[k] - mean
        mean = mean + moved * (added / total)
        scatter += host.scatter[k] + host.scatter_low[k]
        scatter += np.outer(moved, moved) * (count * added / total)
        count = total
    if count < 2:
        raise StudyError(
            f"a covariance needs at least 2 images, but there are {int(count)}"
        )
    if not (np.isfinite(mean).all() and np.isfinite(scatter).all()):
        raise StudyError(
            "an encoder gave features that are not finite: check its weights, and that "
            "they were made for images of this kind"
        )
    covariance = (scatter + scatter.T) / (2 * (count - 1))
    return Moments(int(count), mean, covariance)


class MomentMeter:
    """Measure the moments of an encoder's features over all devices.

    Args:
      encoder: what makes the features.
      devices: where; every process makes a meter and calls it.
    """

    def __init__(self, encoder: Encoder, devices: Devices) -> None:
        self.encoder, self.devices = encoder, devices
        self._params = devices.replicate(encoder.params)

        def accumulate(params: Any, sums: Sums, batch: dict[str, Array]) -> Sums:
            feature = encoder.encode(params, batch["pixels"])
            return add_features(sums, feature, batch["mask"])

        self._accumulate = devices.map_step(
            accumulate, in_axes=(None, 0, 0), donate_state=False, sharded_outputs=True
        )

    def measure(self, batches: Iterable[dict[str, Array]]) -> Moments:
        """Return the moments of all images whose mask is set.

        Args:
          batches: `pixels` [b h w c] and `mask` [b], sharded over the devices, all of
            one size: the last is padded.

        Raises:
          StudyError: fewer than two images, or features that are not finite.
        """
        sums = zero_sums(self.encoder.size, self.devices)
        for batch in batches:
            sums = self._accumulate(self._params, sums, batch)
            self.devices.wait(sums)
        return merge_sums(sums, self.devices)


def bias_warning(count: int, size: int) -> str:
    """Warn of a distance of `count` images in `size` dimensions; "" if there is no need.

    Two samples of one distribution have a distance that falls as 1 / count only once
    there are more images than features; below, it is mostly the sample's own size.
    """
    if count > size:
        return ""
    return (
        f"the Fréchet distance of {count} images in {size} dimensions is biased far "
        f"upwards: its covariance is singular. Take more than {size} images, or an "
        "encoder with fewer features; compare such values at this count only"
    )


def frechet_distance(a: Moments, b: Moments, *, biased: bool = False) -> float:
    """Return the squared Fréchet distance of two Gaussians with these moments, float64.

    |m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)): Dowson and Landau 1982; as a
    distance of image sets, Heusel et al. 2017 (arXiv:1706.08500), eq. 6. With
    S = R R^T, the trace of (S_a S_b)^(1/2) is the sum of the singular values of
    R_a^T R_b, which loses half as many digits as the root of a product does.

    Args:
      a: of one set.
      b: of the other, by the same encoder.
      biased: accept fewer images than features, where `bias_warning` applies.

    Raises:
      StudyError: other sizes, or too few images for a meaningful distance.
    """
    if a.mean.shape != b.mean.shape:
        raise StudyError(
            f"features of {a.mean.size} and {b.mean.size} numbers cannot be compared: "
            "use the same encoder for both sets"
        )
    min_count, size = min(a.count, b.count), a.mean.size
    if min_count < 2:
        raise StudyError(f"a Fréchet distance needs 2 images or more, got {min_count}")
    if not biased and bias_warning(min_count, size):
        raise StudyError(bias_warning(min_count, size))
    overlap = np.linalg.svd(a.root.T @ b.root, compute_uv=False).sum()
    spread = np.trace(a.covariance) + np.trace(b.covariance) - 2 * overlap
    return max(0.0, float(np.sum((a.mean - b.mean) ** 2) + spread))
