"""Intervals for statistics of two samples: the delete-a-group jackknife.

A distance of two sets is no mean of images, and an ordinary bootstrap repeats images,
which neighbours and covariances take for real structure. So whole patients go to a few
groups, the statistic is computed again without each group, and the spread of those
values is the variance (Miller 1974; Kott 2001). Synthetic images, which have no patients,
go there one by one; group g of both sets is left out together.
"""

import numpy as np
from jaxtyping import Float, Int, Shaped
from scipy.special import stdtrit

from synthjax.statistics.interval import Interval

GROUPS = 12  # a multiple of every number of parts in frechet_extrapolated.py


def assign_groups(
    patient: Shaped[np.ndarray, " n"], generator: np.random.Generator
) -> Int[np.ndarray, " n"]:
    """Assign each image to a group, 0 to GROUPS - 1; a patient's images share one.

    Patients are taken in random order, and a group is full once it has its share of the
    images. With fewer patients than groups some groups are empty.
    """
    _, row, count = np.unique(patient, return_inverse=True, return_counts=True)
    order = generator.permutation(len(count))
    before = np.cumsum(count[order]) - count[order]
    group = np.empty(len(count), np.int64)
    group[order] = before * GROUPS // max(1, len(patient))
    return group[row.ravel()]


def jackknife_interval(
    value: float,
    left_out: Float[np.ndarray, " g"],
    level: float,
    *,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> Interval:
    """Give an estimate its interval, by Student's t with one degree less than groups.

    Args:
        value: of the whole samples.
        left_out: without each group; NaN where it is undefined, which is left out.
        level: coverage, between 0 and 1.
        bounds: what the statistic cannot leave; the interval's ends do not either.
    """
    draws = left_out[np.isfinite(left_out)]
    if not np.isfinite(value) or len(draws) < 2:
        return Interval(float(value), float("nan"), float("nan"))
    g = len(draws)
    deviation = np.sqrt((g - 1) / g * np.sum((draws - draws.mean()) ** 2))
    half = float(stdtrit(g - 1, (1 + level) / 2)) * float(deviation)
    low, high = np.clip([value - half, value + half], *bounds)
    return Interval(float(value), float(low), float(high))
