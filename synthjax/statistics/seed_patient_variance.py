"""Intervals over two crossed sources of chance: who was tested, how training went.

Every training seed is tested on the same patients, so the variance of an estimate that is
a mean over k seeds is

    V = V_patients + sum over the arms of max(0, s^2 - V_interaction) / k,

V_patients from drawing patients anew for the mean over the seeds, s^2 the sample variance
of the seeds. What one seed has by chance on these patients (the interaction) is in both
terms; it is taken from the second, estimated from the draws of single seeds against
those of their mean. Without that, seeds that differ by it alone are covered 99 times of
100 where 95 are asked for. The interval is Student's t, with degrees of freedom by
Satterthwaite (Biometrics Bulletin 2, 1946): three seeds are few, and a percentile
interval that draws them with replacement is too short by a third.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats
from scipy.special import expit, logit

from synthjax.statistics.interval import Interval

METHOD = (
    "Student's t with Satterthwaite's degrees of freedom; variance of the patients by "
    "drawing whole patients with replacement, variance of the training seeds by their "
    "sample variance less what the patients explain"
)


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds, or a difference of two, with its variance by source."""

    value: float  # on the sample itself
    patients: float  # variance: which patients were tested
    seeds: tuple[float, ...]  # variance: how each arm's training went; NaN: one seed
    freedom: float  # degrees of freedom of the whole variance

    @property
    def error(self) -> float:
        """Standard error; the training's chance is absent with one seed."""
        return math.sqrt(self.patients + float(np.nansum(self.seeds)))

    def difference(self, level: float) -> Interval:
        """Of a difference of two numbers from 0 to 1; ends beyond -1 and 1 are cut."""
        plain = self.interval(level)
        return Interval(self.value, max(plain.low, -1.0), min(plain.high, 1.0))

    def interval(self, level: float) -> Interval:
        """Of anything without bounds."""
        half = self._quantile(level) * self.error
        return Interval(self.value, self.value - half, self.value + half)

    def share(self, level: float) -> Interval:
        """Of a number from 0 to 1: on the logit scale, so that it stays there.

        At 0 and 1 there is no such scale, and the ends are cut off.
        """
        if self.value in (0, 1) or not self.error > 0:
            plain = self.interval(level)
            return Interval(self.value, max(plain.low, 0.0), min(plain.high, 1.0))
        half = self._quantile(level) * self.error / (self.value * (1 - self.value))
        low, high = expit(logit(self.value) + np.array([-half, half]))
        return Interval(self.value, float(low), float(high))

    def p_different(self) -> float:
        """Two-sided p of the hypothesis that the true value is 0."""
        return 2 * self._beyond(abs(self.value))

    def p_below(self, margin: float) -> float:
        """One-sided p of the hypothesis that the true value is the margin or more."""
        return self._beyond(margin - self.value)

    def _quantile(self, level: float) -> float:
        return float(stats.t.ppf((1 + level) / 2, self.freedom))

    def _beyond(self, distance: float) -> float:
        if self.error == 0:
            return 0.5 if distance == 0 else float(distance < 0)
        return float(stats.t.sf(distance / self.error, self.freedom))


def estimate(
    *arms: Float[np.ndarray, "_ 1+r"],
    patients: int,
) -> Estimate:
    """The mean over the seeds of one arm, or that of the first minus the second's.

    Args:
        arms: a statistic of each seed, in the sample (column 0) and in each draw of
            patients; NaN draws are left out. The draws are the same in both arms.
        patients: number that the statistic rests on, which gives the degrees of freedom
            of their variance: for a finding the patients of its rarer class.

    Returns:
        NaN with no interval if the statistic is undefined in the sample.
    """
    means = [arm.mean(axis=0) for arm in arms]
    difference = means[0] - means[1] if len(means) > 1 else means[0]
    draws = difference[1:][~np.isnan(difference[1:])]
    nan = float("nan")
    if np.isnan(difference[0]) or len(draws) < 2:
        return Estimate(float(difference[0]), nan, (nan,) * len(arms), nan)
    of_patients = float(draws.var(ddof=1))
    least = max(patients - 1, 1)
    denominator = of_patients**2 / least
    of_seeds = []
    for arm, mean in zip(arms, means, strict=True):
        k = len(arm)
        if k == 1:
            of_seeds.append(nan)
            continue
        interaction = (_variance(arm).mean() - _variance(mean[None])[0]) / (k - 1)
        sampled = arm[:, 0].var(ddof=1) / k
        of_seeds.append(float(max(0.0, sampled - interaction)))
        if of_seeds[-1] > 0:
            denominator += sampled**2 / (k - 1)
            least = min(least, k - 1)
    total = of_patients + float(np.nansum(of_seeds))
    # The subtraction can make it less than that of the worst known part, even below 1,
    # where Student's t has no use.
    freedom = max(total**2 / denominator, least) if denominator > 0 else patients
    return Estimate(float(difference[0]), of_patients, tuple(of_seeds), float(freedom))


def _variance(values: Float[np.ndarray, "s 1+r"]) -> Float[np.ndarray, " s"]:
    return np.nanvar(values[:, 1:], axis=1, ddof=1)
