"""How well scores rank positives above negatives, exactly.

Ties count one half, unknown labels are masked, what is not defined is NaN with a reason,
and an area below one half is reported as it is.
"""

import functools
import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Int32, Shaped

SPECIFICITY = 0.9  # at which the sensitivity is taken


@dataclass(frozen=True)
class Ranking:
    """What a ranking is worth in each of r resamples; NaN where a class is missing."""

    auroc: Float[np.ndarray, " r"]  # area under the ROC curve, 0..1
    average_precision: Float[np.ndarray, " r"]  # mean precision over recall, 0..1
    sensitivity: Float[np.ndarray, " r"]  # at the specificity asked, 0..1


def undefined_reason(label: Float[np.ndarray, " n"]) -> str | None:
    """Say why the AUROC of a label column (0, 1, NaN = unknown) is undefined.

    Returns:
        None where it is defined.
    """
    positives = int(np.sum(label == 1))
    negatives = int(np.sum(label == 0))
    if positives and negatives:
        return None
    if not positives and not negatives:
        return "no image with a known label"
    missing, n = ("positive", negatives) if not positives else ("negative", positives)
    return f"no {missing} image among {n} with a known label"


def auroc(label: Float[np.ndarray, " n"], score: Float[np.ndarray, " n"]) -> float:
    """Measure the area under the ROC curve, 0..1; NaN where it is undefined.

    Args:
        label: 0, 1 or NaN (unknown, left out).
        score: any monotone score.
    """
    positive, negative = score[label == 1], np.sort(score[label == 0])
    if not len(positive) or not len(negative):
        return math.nan
    return float(np.mean(share_below(positive, negative)))


def share_below(
    values: Float[np.ndarray, " k"], ordered: Float[np.ndarray, " m"]
) -> Float[np.ndarray, " k"]:
    """Return the share of `ordered`, ascending, that is below each value.

    A tie counts one half.
    """
    left, right = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    return (left + right) / (2 * len(ordered))


def replicated_ranking(
    label: Float[np.ndarray, " n"],
    score: Float[np.ndarray, " n"],
    multiplicity: Shaped[np.ndarray, "n r"] | Shaped[Array, "n r"],
    specificity: float = SPECIFICITY,
) -> Ranking:
    """Rank once, and measure each of r resamples given as case multiplicities.

    The average precision is the sum over thresholds of precision times the step of
    recall, without interpolation. The sensitivity is that of the lowest threshold, at a
    score that occurs, whose specificity is at least the one asked.

    Args:
        label: 0, 1 or NaN (unknown, left out).
        score: any monotone score.
        multiplicity: case weights >= 0; a whole array that is given often is best put on
            the device by `on_host_device` once.
        specificity: between 0 and 1.
    """
    known = np.flatnonzero(~np.isnan(label))
    order = known[np.argsort(-score[known], kind="stable")]
    n = len(label)
    rows = np.zeros(n, np.int32)
    rows[: len(order)] = order
    last = np.ones(n, bool)
    last[: max(len(order) - 1, 0)] = np.diff(score[order]) != 0
    positive = np.zeros(n)
    positive[: len(order)] = label[order]
    with jax.enable_x64(True):
        statistics = _scan(
            on_host_device(multiplicity),
            rows,
            last,
            positive,
            len(order),
            1 - specificity,
        )
        area, precision, sensitivity = (np.asarray(values) for values in statistics)
    return Ranking(area, precision, sensitivity)


def on_host_device(values: Shaped[np.ndarray, "..."] | Shaped[Array, "..."]) -> Array:
    """Put the array where these loops run, with its type kept: a CPU, if jax has one."""
    with jax.enable_x64(True):
        return jax.device_put(values, _host_device())


@functools.cache
def _host_device() -> jax.Device:
    """Return a CPU, if jax has one."""
    try:
        return jax.local_devices(backend="cpu")[0]
    except RuntimeError:  # JAX_PLATFORMS leaves the CPU out
        return jax.local_devices()[0]


@jax.jit
def _scan(
    multiplicity: Shaped[Array, "n r"],
    rows: Int32[Array, " n"],
    last: Bool[Array, " n"],
    positive: Float[Array, " n"],
    count: Int[Array, ""],
    alarm_rate: Float[Array, ""],
) -> tuple[Float[Array, " r"], Float[Array, " r"], Float[Array, " r"]]:
    """Walk down the scores with all resamples side by side: sorted once, any number.

    Args:
        multiplicity: weight of each image in each resample.
        rows: images by descending score; `count` of them, the rest is filling (so that
            labels with other numbers of known images compile nothing anew).
        last: whether the next image has another score; only there is a threshold.
        positive: 1 or 0, by descending score.
        count: how many images are ranked.
        alarm_rate: false positives allowed, as a share of the negatives.
    """
    zero = jnp.zeros(multiplicity.shape[1])

    def weight(i: Int[Array, ""]) -> Float[Array, " r"]:
        return multiplicity[rows[i]].astype(zero.dtype)

    negatives = jax.lax.fori_loop(
        0, count, lambda i, total: total + (1 - positive[i]) * weight(i), zero
    )
    # A hair more, so that 10 of 100 are allowed by 1 - 0.9.
    allowed = alarm_rate * negatives * (1 + 1e-12)

    def step(i: Array, carry: tuple[Array, ...]) -> tuple[Array, ...]:
        hits, alarms, hits_before, alarms_before, area, precision, caught = carry
        w = weight(i)
        hits = hits + positive[i] * w
        alarms = alarms + (1 - positive[i]) * w
        trapezium = (alarms - alarms_before) * (hits + hits_before) / 2
        block = (hits - hits_before) * hits / jnp.maximum(hits + alarms, 1e-300)
        return (
            hits,
            alarms,
            jnp.where(last[i], hits, hits_before),
            jnp.where(last[i], alarms, alarms_before),
            jnp.where(last[i], area + trapezium, area),
            jnp.where(last[i], precision + block, precision),
            jnp.where(last[i] & (alarms <= allowed), hits, caught),
        )

    hits, alarms, _, _, area, precision, caught = jax.lax.fori_loop(
        0, count, step, (zero,) * 7
    )
    defined = (hits > 0) & (alarms > 0)
    return (
        jnp.where(defined, area / (hits * alarms), jnp.nan),
        jnp.where(defined, precision / hits, jnp.nan),
        jnp.where(defined, caught / hits, jnp.nan),
    )


def roc_curve(
    label: Float[np.ndarray, " n"],
    score: Float[np.ndarray, " n"],
    false_positive_rate: Float[np.ndarray, " g"],
) -> Float[np.ndarray, " g"]:
    """Return the true positive rate at given false positive rates (0..1).

    Cases of one score lie on one straight piece, and of a vertical piece the upper end
    is taken. NaN labels are left out.

    Raises:
        ValueError: a class is missing.
    """
    hits, alarms = _thresholds(label, score)
    x = np.concatenate([[0.0], alarms / alarms[-1]])
    y = np.concatenate([[0.0], hits / hits[-1]])
    right = np.searchsorted(x, false_positive_rate, side="right")
    exact = x[right - 1] == false_positive_rate
    return np.where(exact, y[right - 1], np.interp(false_positive_rate, x, y))


def precision_recall_curve(
    label: Float[np.ndarray, " n"],
    score: Float[np.ndarray, " n"],
    recall: Float[np.ndarray, " g"],
) -> Float[np.ndarray, " g"]:
    """Return the precision at the highest threshold that reaches each recall (0..1).

    No interpolation: between thresholds it would be too good (Davis and Goadrich,
    ICML 2006). The mean over all recalls is the average precision. Recalls are above 0.

    Raises:
        ValueError: a class is missing.
    """
    hits, alarms = _thresholds(label, score)
    reached = np.searchsorted(hits / hits[-1], recall * (1 - 1e-12), side="left")
    return hits[reached] / (hits + alarms)[reached]


def _thresholds(
    label: Float[np.ndarray, " n"], score: Float[np.ndarray, " n"]
) -> tuple[Int[np.ndarray, " t"], Int[np.ndarray, " t"]]:
    """Count true and false positives at each threshold, the highest first."""
    reason = undefined_reason(label)
    if reason is not None:
        raise ValueError(f"no curve: {reason}")
    known = ~np.isnan(label)
    label, score = label[known], score[known]
    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)
    hits = np.cumsum(label[order] == 1)[last]
    return hits, last + 1 - hits
