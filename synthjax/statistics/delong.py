"""The variance of an AUROC, and of the difference of two on the same images.

DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988), in O(n log n) by the midranks
of Sun and Xu (IEEE Signal Processing Letters 21, 2014). The images are taken as
independent and the trained networks as given: it is for a pair of networks; patients
with several images and the chance of training are the bootstrap's.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats

from synthjax.statistics.interval import Interval


@dataclass(frozen=True)
class DeLong:
    """AUROCs of m scores on the same images, with their covariance."""

    auroc: Float[np.ndarray, " m"]
    covariance: Float[np.ndarray, "m m"]  # NaN with fewer than two of a class

    def difference(self, level: float) -> tuple[Interval, float]:
        """Return first minus second with a normal interval, and the two-sided p of no gap."""
        value = float(self.auroc[0] - self.auroc[1])
        contrast = np.array([1.0, -1.0])
        variance = max(0.0, float(contrast @ self.covariance[:2, :2] @ contrast))
        error = variance**0.5
        half = float(stats.norm.ppf((1 + level) / 2)) * error
        p = 1.0 if value == 0 else 0.0
        if error > 0:
            p = float(2 * stats.norm.sf(abs(value) / error))
        return Interval(value, value - half, value + half), p


def delong(label: Float[np.ndarray, " n"], score: Float[np.ndarray, "m n"]) -> DeLong:
    """Measure AUROCs and their covariance; NaN labels are left out.

    Args:
        label: 0, 1 or NaN (unknown).
        score: any monotone scores of m networks.

    Raises:
        ValueError: a class has fewer than two images.
    """
    positive, negative = score[:, label == 1], score[:, label == 0]
    p, n = positive.shape[1], negative.shape[1]
    if p < 2 or n < 2:
        raise ValueError(f"{p} positive and {n} negative images: needs two of each")
    # Placement values (equations 5 and 6): the rank in all less the rank in the class.
    together = stats.rankdata(np.concatenate([positive, negative], axis=1), axis=1)
    of_positive = (together[:, :p] - stats.rankdata(positive, axis=1)) / n
    of_negative = 1 - (together[:, p:] - stats.rankdata(negative, axis=1)) / p
    covariance = np.cov(of_positive) / p + np.cov(of_negative) / n
    return DeLong(of_positive.mean(axis=1), np.atleast_2d(covariance))
