"""The kernel inception distance's statistic, on any features."""

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


def kid(
    real: Sample, others: Sequence[Sample], *, level: float, chunk: int = 2048
) -> list[Interval]:
    """The unbiased squared maximum mean discrepancy of other sets from the real one.

    Cubic kernel (x.y / d + 1)^3 of all pairs of different images (Bińkowski et al. 2018,
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
    within = _kernel_sums(real, real, chunk)
    everything, found = np.arange(GROUPS), []
    for other in others:
        tables = (
            within,
            _kernel_sums(other, other, chunk),
            _kernel_sums(real, other, chunk),
        )
        left_out = [_statistic(tables, np.delete(everything, g)) for g in everything]
        value = _statistic(tables, everything)
        found.append(jackknife_interval(value, np.array(left_out), level))
    return found


def _statistic(
    tables: tuple[tuple[np.ndarray, np.ndarray], ...], keep: Int[np.ndarray, " g"]
) -> float:
    """Of the groups in `keep`; NaN without a pair."""
    parts = [
        (total[np.ix_(keep, keep)].sum(), pairs[np.ix_(keep, keep)].sum())
        for total, pairs in tables
    ]
    if min(pairs for _, pairs in parts) < 1:
        return float("nan")
    means = [total / pairs for total, pairs in parts]
    return float(means[0] + means[1] - 2 * means[2])


def _kernel_sums(
    one: Sample, other: Sample, chunk: int
) -> tuple[Float[np.ndarray, "g g"], Float[np.ndarray, "g g"]]:
    """Sums of (kernel - 1) over the pairs of two groups, and how many pairs.

    The 1 cancels in the statistic; without it, float32 is finer where kernels are small.
    """
    a, b = one.features, other.features
    mine = theirs = None
    if one is other:
        mine = np.arange(len(a)) if one.patient is None else one.patient
        theirs = mine
    code_a, code_b = group_codes(mine, theirs, len(a), len(b))
    length = tile_length(max(len(a), len(b)), chunk)
    total, pairs = np.zeros((GROUPS, GROUPS)), np.zeros((GROUPS, GROUPS))
    for rows in slices(len(a), length):
        scaled = padded(a[rows].astype(np.float64) / a.shape[1], length)
        code = padded(code_a[rows], length)
        for part in slices(len(b), length):
            member = np.zeros((length, GROUPS), np.float32)
            member[np.arange(part.stop - part.start), other.group[part]] = 1
            tile = padded(b[part].astype(np.float64), length)
            found = _tile_sums(scaled, tile, code, padded(code_b[part], length), member)
            for table, values in zip((total, pairs), found, strict=True):
                values = np.asarray(values, np.float64)[: rows.stop - rows.start]
                np.add.at(table, one.group[rows], values)
    return total, pairs


@functools.partial(jax.jit)
def _tile_sums(
    one: Float[Array, "b d"],
    other: Float[Array, "t d"],
    code: Int32[Array, " b"],
    other_code: Int32[Array, " t"],
    member: Float[Array, "t g"],
) -> tuple[Array, Array]:
    """Of each row, the sums and the numbers of pairs with each group, [b g]."""
    highest = lax.Precision.HIGHEST
    x = jnp.matmul(one, other.T, precision=highest)
    pair = (code[:, None] != other_code).astype(jnp.float32)
    value = x * (3 + x * (3 + x)) * pair
    sums = jnp.matmul(value, member, precision=highest)
    return sums, jnp.matmul(pair, member, precision=highest)


def _value(sets: Comparison) -> MetricValue:
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
