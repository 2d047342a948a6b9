"""The variance of an AUROC, and of the difference of two on the same images.

DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988), in O(n log n) by the midranks
of Sun and Xu (IEEE Signal Processing Letters 21, 2014). The images are taken as
independent and the trained networks as given: it is for a pair of networks; patients
with several images and the chance of training are the bootstrap's. What a patient has by
all of its images together (Obuchowski, Biometrics 53, 1997) is the bootstrap's variance
without drawing, for simulations.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

from synthjax.statistics.interval import Interval
from synthjax.statistics.roc import share_below


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
    of_positive, of_negative = _placements(positive, negative)
    covariance = np.cov(of_positive) / p + np.cov(of_negative) / n
    return DeLong(of_positive.mean(axis=1), np.atleast_2d(covariance))


def patient_influence(
    label: Float[np.ndarray, " n"],
    score: Float[np.ndarray, "m n"],
    patient: Int[np.ndarray, " n"],
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, "m p"]]:
    """Measure AUROCs and what each patient contributes to their deviation.

    The influence times its transpose is the covariance of the AUROCs by the patients.

    Args:
        label: 0 or 1, both present.
        score: any monotone scores of m networks.
        patient: number of each image's patient, from 0 on.
    """
    positive = label == 1
    of_positive, of_negative = _placements(score[:, positive], score[:, ~positive])
    area = of_positive.mean(axis=1, keepdims=True)
    deviation = np.empty(score.shape)
    deviation[:, positive] = (of_positive - area) / positive.sum()
    deviation[:, ~positive] = (of_negative - area) / (~positive).sum()
    patients = int(patient.max()) + 1
    influence = [np.bincount(patient, row, patients) for row in deviation]
    return area[:, 0], np.stack(influence)


def _placements(
    positive: Float[np.ndarray, "m p"], negative: Float[np.ndarray, "m q"]
) -> tuple[Float[np.ndarray, "m p"], Float[np.ndarray, "m q"]]:
    """Return the share of the other class that each image is on the right side of.

    Equations 5 and 6 of DeLong et al.; a tie counts one half.
    """
    above, below = np.empty(positive.shape), np.empty(negative.shape)
    for row, (scores, others) in enumerate(zip(positive, negative, strict=True)):
        above[row] = share_below(scores, np.sort(others))
        below[row] = 1 - share_below(others, np.sort(scores))
    return above, below
