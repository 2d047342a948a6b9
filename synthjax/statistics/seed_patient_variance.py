"""Intervals over two crossed sources of chance: who was tested, how training went.

Every training seed is tested on the same patients, so the variance of an arm's mean over
k seeds is V_patients + max(0, s^2 - V_interaction) / k: V_patients from drawing patients
anew for the mean, corrected for patients of unequal weight (`patient_counts`), s^2 the
sample variance of the seeds. What one seed has by chance on these patients (the
interaction) is in both terms; it is taken from the second, estimated from the draws of
single seeds against those of their mean.

Each end of an interval is made for itself, in three steps:

- Half-widths of the parts, each with Student's t of its own degrees of freedom, are
  squared and added. Whatever the true variances are, this covers at least as often as it
  says (Banerjee, Sankhya 22, 1960); one t with Satterthwaite's degrees of freedom does
  not where a part has one or two.
- A share of 0 to 1 has its ends on the logit scale, on which the error does not shrink
  as the share nears 1. Near the bounds, one patient who was not met is reckoned with, of
  whom half is right: at 1 of 1, n patients then leave open about 3.6 / n, as an exact
  binomial interval does.
- The ends of a difference follow from the ends of both arms (Zou and Donner, Statistics
  in Medicine 27, 2008), with their correlation by the patients, which both were tested on.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import optimize, stats
from scipy.special import expit, logit

from synthjax.statistics.interval import Interval
from synthjax.statistics.patient_counts import PatientCounts

METHOD = (
    "each arm's ends on the logit scale, those of the difference from both (Zou and "
    "Donner 2008); Student's t for each source of variance, half-widths squared and "
    "added (Banerjee 1960); variance of the patients by drawing whole patients with "
    "replacement, corrected for unequal numbers of images, variance of the training "
    "seeds by their sample variance less what the patients explain"
)
_LEAST_P = 1e-12  # smaller p-values are given as this
_LARGEST_P = 0.499  # larger ones, up to 1/2, as 1/2


@dataclass(frozen=True)
class ArmEstimate:
    """A mean over the training seeds of one arm."""

    value: float  # on the sample itself
    var_patients: float  # variance by which patients were tested
    var_seeds: float  # variance by training; NaN with one seed
    seeds: int

    def squared_half_width(self, tail: float, var_patients: float, df: float) -> float:
        """Add the squared half-widths of patients and seeds, `tail` beyond each end."""
        square = float(stats.t.isf(tail, df)) ** 2 * var_patients
        if self.seeds > 1:
            square += float(stats.t.isf(tail, self.seeds - 1)) ** 2 * self.var_seeds
        return square


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds, or the difference of two arms', with its variance by source."""

    arms: tuple[ArmEstimate, ...]  # one, or two of which the second is subtracted
    covariance: float  # of both arms, by the patients; 0 of one arm
    patients: PatientCounts  # that it rests on

    @property
    def value(self) -> float:
        """Return the estimate on the sample itself."""
        return self.arms[0].value - sum(arm.value for arm in self.arms[1:])

    @property
    def var_patients(self) -> float:
        """Return the variance by which patients were tested."""
        total = sum(arm.var_patients for arm in self.arms)
        return max(total - 2 * self.covariance, 0.0)  # NaN stays NaN

    @property
    def var_seeds(self) -> tuple[float, ...]:
        """Return the variance by each arm's training; NaN with one seed."""
        return tuple(arm.var_seeds for arm in self.arms)

    @property
    def standard_error(self) -> float:
        """Return the standard error; with one seed, training has no part in it."""
        return math.sqrt(self.var_patients + float(np.nansum(self.var_seeds)))

    def interval(self, level: float) -> Interval:
        """Return the interval of a number without bounds."""
        tail, df = (1 - level) / 2, self.patients.df
        square = float(stats.t.isf(tail, df)) ** 2 * self.var_patients
        square += sum(arm.squared_half_width(tail, 0.0, df) for arm in self.arms)
        half = math.sqrt(square)
        return Interval(self.value, self.value - half, self.value + half)

    def share_interval(self, level: float) -> Interval:
        """Return the interval of a share of 0 to 1, or of a difference of two.

        It is never of no width: the ends reckon with a patient who was not met.
        """
        return self._ends((1 - level) / 2)

    def _ends(self, tail: float) -> Interval:
        """Return the interval that leaves `tail` beyond each end."""
        if not math.isfinite(self.value + self.standard_error):
            return Interval(self.value, float("nan"), float("nan"))
        ends = [self._arm_ends(arm, tail) for arm in self.arms]
        if len(ends) == 1:
            return Interval(self.value, *ends[0][:2])
        (low, high, half), (other_low, other_high, other_half) = ends
        quantile = float(stats.t.isf(tail, self.patients.df))
        product = half * other_half  # 0 at a level of 0 alone
        shared = quantile**2 * self.covariance / product if product else 0.0
        first, second = (arm.value for arm in self.arms)

        def distance(a: float, b: float) -> float:
            return math.sqrt(max(0.0, a**2 + b**2 - 2 * shared * a * b))

        return Interval(
            self.value,
            max(self.value - distance(first - low, other_high - second), -1.0),
            min(self.value + distance(high - first, second - other_low), 1.0),
        )

    def _arm_ends(self, arm: ArmEstimate, tail: float) -> tuple[float, float, float]:
        """Return both ends of an arm's share, and the half-width without the scale."""
        counts = self.patients
        var_patients = max(arm.var_patients, counts.var_unseen)
        square = arm.squared_half_width(tail, var_patients, counts.df)
        half = math.sqrt(square)
        centre = arm.value + (0.5 - arm.value) * counts.unseen
        step = half / (centre * (1 - centre))
        low, high = expit(logit(centre) + np.array([-step, step]))
        return min(float(low), arm.value), max(float(high), arm.value), half

    def p_different(self) -> float:
        """Return the two-sided p of the hypothesis that the true difference is 0."""
        p = self.p_below(0.0)
        return 2 * min(p, 1 - p)

    def p_below(self, margin: float) -> float:
        """Return the one-sided p of the hypothesis that the truth is margin or more.

        It is the p at which an end of `share_interval` is the margin: below
        (1 - level) / 2 exactly where the upper end at that level is below the margin.
        """
        if not math.isfinite(self.value + self.standard_error):
            return float("nan")
        if margin > self.value:
            return _solve(lambda p: self._ends(p).high - margin)
        return 1 - _solve(lambda p: margin - self._ends(p).low)


def _solve(beyond: Callable[[float], float]) -> float:
    """Return the p from almost 0 to 1/2 at which a falling function is 0."""
    if beyond(_LEAST_P) <= 0:
        return _LEAST_P
    if beyond(_LARGEST_P) >= 0:
        return 0.5
    exponent = optimize.brentq(
        lambda x: beyond(10**x),
        math.log10(_LEAST_P),
        math.log10(_LARGEST_P),
        xtol=1e-10,
    )
    return float(10**exponent)


def estimate(*arms: Float[np.ndarray, "_ draws"], patients: PatientCounts) -> Estimate:
    """Estimate the mean over the seeds of one arm, or of the first minus the second.

    Args:
        arms: a statistic of each seed, in the sample (column 0) and in each draw of
            patients; NaN draws are left out. The draws are the same in both arms.
        patients: that the statistic rests on.

    Returns:
        NaN with no interval if the statistic is undefined in the sample.
    """
    table = np.concatenate([arm[:, 1:] for arm in arms])
    draws = table[:, ~np.isnan(table).any(axis=0)]
    covariance = np.full((len(table), len(table)), np.nan)
    if draws.shape[1] > 1:
        covariance = np.atleast_2d(np.cov(draws))
    return estimate_from_covariance([arm[:, 0] for arm in arms], covariance, patients)


def estimate_from_covariance(
    arms: Sequence[Float[np.ndarray, " _"]],
    covariance: Float[np.ndarray, "q q"],
    patients: PatientCounts,
) -> Estimate:
    """Estimate the same from a covariance that was not drawn, such as DeLong's.

    Args:
        arms: one or two, the statistic of each seed.
        covariance: of all seeds of all arms in that order, by the patients; before the
            correction for patients of unequal weight, which is made here.
        patients: that the statistic rests on.
    """
    covariance = covariance * patients.inflation
    found, start = [], 0
    for values in arms:
        k = len(values)
        own = covariance[start : start + k, start : start + k]
        start += k
        var_patients, var_seeds = float(own.mean()), float("nan")
        if k > 1:
            interaction = (own.diagonal().mean() - var_patients) / (k - 1)
            sampled = values.var(ddof=1) / k
            # Not max(0, ...), which makes 0 of NaN.
            var_seeds = float(np.maximum(sampled - interaction, 0.0))
        found.append(ArmEstimate(float(values.mean()), var_patients, var_seeds, k))
    first = found[0].seeds
    shared = float(covariance[:first, first:].mean()) if len(found) > 1 else 0.0
    return Estimate(tuple(found), shared, patients)
