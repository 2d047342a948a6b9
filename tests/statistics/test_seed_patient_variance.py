"""Variances as they should be, and intervals that hold at their bounds."""

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import t

from synthjax.statistics.patient_counts import PatientCounts
from synthjax.statistics.proportion import clopper_pearson
from synthjax.statistics.seed_patient_variance import (
    ArmEstimate,
    Estimate,
    estimate,
    estimate_from_covariance,
)

NAN = float("nan")


def counts(n, df=None, inflation=1.0):
    """Counts of n patients of the rarer class."""
    return PatientCounts(n, df or n - 1.0, inflation, 1 / (n + 1))


def one_arm(value, var_patients, patients, var_seeds=NAN, seeds=1):
    arm = ArmEstimate(value, var_patients, var_seeds, seeds)
    return Estimate((arm,), 0.0, patients)


@pytest.mark.slow
def test_variance_has_its_parts() -> None:
    """Known parts: of patients 4, of seeds 9, and 1 of each seed on these patients."""
    generator = np.random.default_rng(6)
    k, r = 4, 3000
    found = []
    for _ in range(300):
        patients = 2 * generator.normal(size=r + 1)
        own = generator.normal(size=(k, r + 1))
        table = patients + own + 3 * generator.normal(size=(k, 1))
        found.append(estimate(table, patients=counts(1000)))
    of_patients = np.mean([each.var_patients for each in found])
    assert of_patients == pytest.approx(4 + 1 / k, rel=0.02)
    of_seeds = np.mean([each.var_seeds[0] for each in found])
    assert of_seeds == pytest.approx(9 / k, rel=0.12)


def test_half_widths_of_the_parts_are_squared_and_added() -> None:
    arms = (ArmEstimate(0.8, 4e-4, 9e-4, 3), ArmEstimate(0.7, 5e-4, 1e-4, 5))
    found = Estimate(arms, 2e-4, counts(50))
    assert found.var_patients == pytest.approx(5e-4)
    quantiles = t.ppf(0.975, [49, 2, 4])
    half = np.sqrt((quantiles**2 * [5e-4, 9e-4, 1e-4]).sum())
    interval = found.interval(0.95)
    assert [interval.low, interval.high] == pytest.approx([0.1 - half, 0.1 + half])
    # Far from the bounds, and with little at stake, the scale makes no difference.
    small = [ArmEstimate(0.52, 4e-8, 9e-8, 3), ArmEstimate(0.5, 5e-8, 1e-8, 5)]
    found = Estimate(tuple(small), 2e-8, counts(10**6, df=49.0))
    share = found.share_interval(0.95)
    assert share.low == pytest.approx(found.interval(0.95).low, abs=2e-6)
    assert share.high == pytest.approx(found.interval(0.95).high, abs=2e-6)


def test_shares_stay_between_their_bounds() -> None:
    interval = one_arm(0.98, 0.02**2, counts(50)).share_interval(0.95)
    assert 0.8 < interval.low < 0.96
    assert 0.99 < interval.high < 1
    centre = 0.98 - 0.48 / 51
    step = t.ppf(0.975, 49) * 0.02 / (centre * (1 - centre))
    assert interval.low == pytest.approx(expit(logit(centre) - step))


@pytest.mark.parametrize("n", [10, 20, 50, 300, 2000])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_where_no_draw_differs_the_interval_is_as_an_exact_one(n, level) -> None:
    """At 1 of 1 and 0 of 1 resampling cannot move, and means nothing by it."""
    exact = clopper_pearson(n, n, level)[0]
    perfect = one_arm(1.0, 0.0, counts(n)).share_interval(level)
    assert perfect.high == 1
    assert 0.6 < (1 - perfect.low) / (1 - exact) < 1.6
    nothing = one_arm(0.0, 0.0, counts(n)).share_interval(level)
    assert (nothing.low, nothing.high) == (0, pytest.approx(1 - perfect.low))
    tied = one_arm(0.5, 0.0, counts(n)).share_interval(level)
    assert tied.high - tied.low > 1 / n


@pytest.mark.parametrize("value", [0.5, 0.99, 1.0])
def test_two_arms_without_variance_have_a_gap_that_is_not_certain(value) -> None:
    def gap(n):
        arm = ArmEstimate(value, 0.0, 0.0, 3)
        return Estimate((arm, arm), 0.0, counts(n))

    for n in (3, 12, 25):
        interval = gap(n).share_interval(0.95)
        assert interval.low < -0.04 and interval.high > 0.04
        assert gap(n).p_below(0.04) > 0.025
        assert gap(n).p_different() == pytest.approx(1)
    assert gap(2000).p_below(0.05) < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [1, 2, 3, 5])
def test_p_and_interval_say_the_same(seeds) -> None:
    generator = np.random.default_rng(seeds)
    for _ in range(20):
        arms = np.clip(0.9 + 0.04 * generator.normal(size=(2, seeds, 101)), 0, 1)
        found = estimate(*arms, patients=counts(20))
        p = found.p_below(0.05)
        if abs(p - 0.5) > 1e-3:
            at = found.share_interval(1 - 2 * min(p, 1 - p))
            end = at.high if p < 0.5 else at.low
            assert end == pytest.approx(0.05, abs=1e-6)
        interval = found.share_interval(0.95)
        assert (interval.high < 0.05) == (p < 0.025)
        assert -1 <= interval.low <= found.value <= interval.high <= 1
        excludes = not interval.low <= 0 <= interval.high
        assert (found.p_different() < 0.05) == excludes


def test_a_covariance_may_be_given_and_is_corrected() -> None:
    generator = np.random.default_rng(3)
    draws = 0.8 + 0.02 * generator.normal(size=(5, 2001))
    first, second = draws[:2], draws[2:]
    drawn = estimate(first, second, patients=counts(40, inflation=1.5))
    covariance = np.cov(draws[:, 1:])
    given = estimate_from_covariance(
        [first[:, 0], second[:, 0]], covariance, counts(40, inflation=1.5)
    )
    ends = given.share_interval(0.9), drawn.share_interval(0.9)
    assert list(vars(ends[0]).values()) == pytest.approx(list(vars(ends[1]).values()))
    plain = estimate_from_covariance(
        [first[:, 0], second[:, 0]], covariance, counts(40)
    )
    assert drawn.var_patients == pytest.approx(1.5 * plain.var_patients)


def test_without_draws_there_is_no_interval() -> None:
    found = estimate(np.full((2, 1), 0.7), patients=counts(40))
    ends = found.share_interval(0.95)
    assert found.value == 0.7
    assert np.isnan(
        [ends.low, ends.high, found.p_below(0.1), found.p_different()]
    ).all()
