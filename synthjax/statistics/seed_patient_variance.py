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
    var_patients: float  # variance by which patients were tested
    var_seeds: tuple[float, ...]  # variance by each arm's training; NaN with one seed
    df: float  # degrees of freedom of the whole variance

    @property
    def standard_error(self) -> float:
        """Return the standard error; with one seed, training has no part in it."""
        return math.sqrt(self.var_patients + float(np.nansum(self.var_seeds)))

    def interval(self, level: float) -> Interval:
        """Return Student's t interval, for a number without bounds."""
        half = self._quantile(level) * self.standard_error
        return Interval(self.value, self.value - half, self.value + half)

    def clipped_interval(self, level: float) -> Interval:
        """Return the interval of a difference of two shares, cut off at -1 and 1."""
        plain = self.interval(level)
        return Interval(self.value, max(plain.low, -1.0), min(plain.high, 1.0))

    def logit_interval(self, level: float) -> Interval:
        """Return the interval of a share, made on the logit scale to stay in 0..1.

        At 0 and 1 there is no such scale, and the ends are cut off instead.
        """
        if self.value in (0, 1) or not self.standard_error > 0:
            plain = self.interval(level)
            return Interval(self.value, max(plain.low, 0.0), min(plain.high, 1.0))
        slope = self.value * (1 - self.value)  # of the logistic function
        half = self._quantile(level) * self.standard_error / slope
        low, high = expit(logit(self.value) + np.array([-half, half]))
        return Interval(self.value, float(low), float(high))

    def p_different(self) -> float:
        """Return the two-sided p of the hypothesis that the true value is 0."""
        return 2 * self._beyond(abs(self.value))

    def p_below(self, margin: float) -> float:
        """Return the one-sided p of the hypothesis that the truth is margin or more."""
        return self._beyond(margin - self.value)

    def _quantile(self, level: float) -> float:
        return float(stats.t.ppf((1 + level) / 2, self.df))

    def _beyond(self, distance: float) -> float:
        error = self.standard_error
        if error == 0:
            return 0.5 if distance == 0 else float(distance < 0)
        return float(stats.t.sf(distance / error, self.df))


def estimate(
    *arms: Float[np.ndarray, "_ draws"],
    n_effective: int,
) -> Estimate:
    """Estimate the mean over the seeds of one arm, or of the first minus the second.

    Args:
        arms: a statistic of each seed, in the sample (column 0) and in each draw of
            patients; NaN draws are left out. The draws are the same in both arms.
        n_effective: number of patients that the statistic rests on, which gives the
            degrees of freedom of their variance: for a finding, the patients of its
            rarer class.

    Returns:
        NaN with no interval if the statistic is undefined in the sample.
    """
    means = [arm.mean(axis=0) for arm in arms]
    difference = means[0] - means[1] if len(means) > 1 else means[0]
    draws = difference[1:][~np.isnan(difference[1:])]
    nan = float("nan")
    if np.isnan(difference[0]) or len(draws) < 2:
        return Estimate(float(difference[0]), nan, (nan,) * len(arms), nan)
    var_patients = float(draws.var(ddof=1))
    min_df = max(n_effective - 1, 1)
    denominator = var_patients**2 / min_df
    var_seeds = []
    for arm, mean in zip(arms, means, strict=True):
        k = len(arm)
        if k == 1:
            var_seeds.append(nan)
            continue
        interaction = (_variance(arm).mean() - _variance(mean[None])[0]) / (k - 1)
        sampled = arm[:, 0].var(ddof=1) / k
        var_seeds.append(float(max(0.0, sampled - interaction)))
        if var_seeds[-1] > 0:
            denominator += sampled**2 / (k - 1)
            min_df = min(min_df, k - 1)
    total = var_patients + float(np.nansum(var_seeds))
    # The subtraction can make it less than that of the worst known part, even below 1,
    # where Student's t has no use.
    df = max(total**2 / denominator, min_df) if denominator > 0 else n_effective
    return Estimate(float(difference[0]), var_patients, tuple(var_seeds), float(df))


def _variance(values: Float[np.ndarray, "s draws"]) -> Float[np.ndarray, " s"]:
    """Return the variance over the draws, without the sample in column 0."""
    return np.nanvar(values[:, 1:], axis=1, ddof=1)
