"""P-values of many tests at once."""

import numpy as np
from jaxtyping import Float


def holm(p: Float[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
    """Adjust p-values: all below alpha are significant together at the level alpha.

    Step-down by Holm (Scandinavian Journal of Statistics 6, 1979): of m sorted p-values
    the i-th (from 0) is multiplied by m - i, none is below the one before it, none above
    1. NaN p-values (tests not made) stay NaN and do not count.
    """
    made = np.flatnonzero(~np.isnan(p))
    order = made[np.argsort(p[made], kind="stable")]
    factor = len(order) - np.arange(len(order))
    adjusted = np.full(len(p), np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(factor * p[order]), 1.0)
    return adjusted
