"""The kernel inception distance's statistic, of any features."""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, Int32

from synthjax.metrics.knn import group_codes, padded, slices, tile_length
from synthjax.metrics.metric import Comparison, Metric, MetricValue
from synthjax.metrics.sample import Sample
from synthjax.statistics.interval import Interval
from synthjax.statistics.jackknife import GROUPS, jackknife_interval

# Sums of kernels and numbers of pairs, of each group with each.
_Sums = tuple[Float[np.ndarray, "g g"], Float[np.ndarray, "g g"]]


def kid(
    real: Sample, others: Sequence[Sample], *, level: float, chunk: int = 2048
) -> list[Interval]:
    """Estimate the squared maximum mean discrepancy of other sets from the real one.

    Unbiased, with the cubic kernel (x.y / d + 1)^3 of all pairs of different images (Bińkowski et al. 2018,
    arXiv:1801.01401, section 4; Gretton et al. 2012, eq. 3), where published values
    average it over subsets: the same expectation, and less noise. Two images of one
    patient are no pair. Unbiased means that it is negative half of the time for equal
    distributions; it is never clipped. The interval is that of the delete-a-group
    jackknife, whose sums are parts of the same pairs.

    Args:
        real: one set.
        others: what is compared with it, by the same encoder, without its patients.
        level: coverage of the interval.
        chunk: vectors of a tile; the result does not depend on it.
    """
    real_sums = _kernel_sums(real, real, chunk)
    groups, intervals = np.arange(GROUPS), []
    for other in others:
        tables = (
            real_sums,
            _kernel_sums(other, other, chunk),
            _kernel_sums(real, other, chunk),
        )
        left_out = [_statistic(tables, np.delete(groups, g)) for g in groups]
        value = _statistic(tables, groups)
        intervals.append(jackknife_interval(value, np.array(left_out), level))
    return intervals


def _statistic(tables: tuple[_Sums, ...], keep: Int[np.ndarray, " k"]) -> float:
    """Compute the distance from the sums of the groups in `keep`; NaN without a pair."""
    parts = [
        (total[np.ix_(keep, keep)].sum(), pairs[np.ix_(keep, keep)].sum())
        for total, pairs in tables
    ]
    if min(pairs for _, pairs in parts) < 1:
        return float("nan")
    means = [total / pairs for total, pairs in parts]
    return float(means[0] + means[1] - 2 * means[2])


def _kernel_sums(first: Sample, second: Sample, chunk: int) -> _Sums:
    """Sum (kernel - 1) over the pairs of two groups, and count the pairs.

    The 1 cancels in the statistic; without it, float32 is finer where kernels are small.
    """
    a, b = first.features, second.features
    mine = theirs = None
    if first is second:
        mine = np.arange(len(a)) if first.patient is None else first.patient
        theirs = mine
    code_a, code_b = group_codes(mine, theirs, len(a), len(b))
    length = tile_length(max(len(a), len(b)), chunk)
    total, pairs = np.zeros((GROUPS, GROUPS)), np.zeros((GROUPS, GROUPS))
    for rows in slices(len(a), length):
        scaled = padded(a[rows].astype(np.float64) / a.shape[1], length)
        code = padded(code_a[rows], length)
        for part in slices(len(b), length):
            member = np.zeros((length, GROUPS), np.float32)
            member[np.arange(part.stop - part.start), second.group[part]] = 1
            tile = padded(b[part].astype(np.float64), length)
            sums = _tile_sums(scaled, tile, code, padded(code_b[part], length), member)
            for table, values in zip((total, pairs), sums, strict=True):
                host = np.asarray(values, np.float64)[: rows.stop - rows.start]
                np.add.at(table, first.group[rows], host)
    return total, pairs


@functools.partial(jax.jit)
def _tile_sums(
    first: Float[Array, "b d"],
    second: Float[Array, "t d"],
    code: Int32[Array, " b"],
    second_code: Int32[Array, " t"],
    member: Float[Array, "t g"],
) -> tuple[Float[Array, "b g"], Float[Array, "b g"]]:
    """Sum each row's kernels with each group, and count its pairs there."""
    highest = lax.Precision.HIGHEST
    x = jnp.matmul(first, second.T, precision=highest)
    pair = (code[:, None] != second_code).astype(jnp.float32)
    value = x * (3 + x * (3 + x)) * pair
    sums = jnp.matmul(value, member, precision=highest)
    return sums, jnp.matmul(pair, member, precision=highest)


def _value(sets: Comparison) -> MetricValue:
    """Measure the synthetic and the held-out images."""
    others = (sets.synthetic, sets.held_out)
    synthetic, baseline = kid(sets.real, others, level=sets.level)
    return MetricValue(synthetic, baseline)


KID = Metric[Comparison](
    name="kid",
    title="Kernel distance (KID)",
    better="low",
    meaning="unbiased squared maximum mean discrepancy; may be below zero by chance",
    compute=_value,
    by_label=True,
)
