"""An estimate with its interval."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Interval:
    """A point estimate and its percentile interval."""

    value: float  # estimate on the sample itself
    low: float  # lower end of the interval, NaN if no replicate was defined
    high: float  # upper end of the interval, NaN if no replicate was defined


def percentile_interval(
    value: float, draws: Float[np.ndarray, " r"], level: float
) -> Interval:
    """The estimate with the middle `level` of its draws; NaN draws are left out."""
    draws = draws[~np.isnan(draws)]
    if np.isnan(value) or not len(draws):
        return Interval(value, float("nan"), float("nan"))
    tail = (1 - level) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Interval(value, float(low), float(high))
