"""Calibration against scikit-learn, a known line, and recalibration that mends one."""

import numpy as np
import pytest
from scipy.special import expit
from scipy.special import logit as logit_of
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

from synthjax.statistics.bootstrap import draw_patients
from synthjax.statistics.calibration import calibration, calibration_line, recalibrate


def sample(n=3000, slope=1.0, intercept=0.0, seed=0):
    """Labels whose chance is the line through the logits."""
    generator = np.random.default_rng(seed)
    logit = 2 * generator.normal(size=n) - 1
    chance = expit(slope * logit + intercept)
    return (generator.random(n) < chance).astype(float), logit


def measured(label, logit, bins=15, draws=None):
    """Of one label."""
    draws = np.ones((len(label), 1), np.int16) if draws is None else draws
    return calibration(label[:, None], logit[:, None], draws, bins)


def test_brier_equals_scikit_learn() -> None:
    label, logit = sample()
    expected = brier_score_loss(label, expit(logit))
    assert measured(label, logit).brier[0] == pytest.approx(expected, abs=1e-12)


def test_curve_equals_scikit_learn() -> None:
    label, logit = sample()
    found = measured(label, logit).curve
    observed, confidence = calibration_curve(
        label, expit(logit), n_bins=15, strategy="quantile"
    )
    np.testing.assert_array_equal(found.n, 200)
    # Its bins are cut at quantiles, so an image at an edge may be in the next one.
    np.testing.assert_allclose(found.confidence, confidence, atol=2e-3)
    np.testing.assert_allclose(found.observed, observed, atol=1e-2)


def test_error_of_bins_by_hand() -> None:
    label = np.array([0.0, 0, 1, 1, 1])
    probability = np.array([0.1, 0.2, 0.3, 0.8, 0.9])
    found = measured(label, logit_of(probability), 2)  # bins of three and two
    np.testing.assert_array_equal(found.curve.n, [3, 2])
    expected = (3 * abs(0.2 - 1 / 3) + 2 * abs(0.85 - 1)) / 5
    assert found.ece[0] == pytest.approx(expected, abs=1e-15)
    assert np.isnan(found.slope[0])  # separated
    np.testing.assert_array_equal(measured(label, logit_of(probability)).curve.n, 1)


def test_draws_equal_repeated_images() -> None:
    """Two labels with unknown ones; the line to what one step leaves."""
    generator = np.random.default_rng(3)
    columns = [sample(n=1000, slope=0.8, seed=seed) for seed in (4, 5)]
    label, logit = (np.stack(part, axis=1) for part in zip(*columns, strict=True))
    label[generator.random(label.shape) < 0.1] = np.nan
    draws = draw_patients(np.arange(1000), 20, generator)
    found = calibration(label, logit, draws, 15)
    for r, times in enumerate(draws.T):
        repeated, scores = (np.repeat(part, times, axis=0) for part in (label, logit))
        known = ~np.isnan(repeated)
        truth, chance = repeated[known], expit(scores[known])
        brier = brier_score_loss(truth, chance)
        assert found.brier[r] == pytest.approx(brier, abs=1e-12)
        line = calibration_line(truth, scores[known])
        assert (found.slope[r], found.intercept[r]) == pytest.approx(line, abs=0.01)
    assert found.slope[1:].std() > 0.03


@pytest.mark.parametrize("scale", [1.0, 30.0, 1e-3])
def test_line_equals_scikit_learn(scale) -> None:
    """At any scale of the logits: Newton's method starts from nothing."""
    label, logit = sample(n=400)
    model = LogisticRegression(C=np.inf, tol=1e-12, max_iter=1000)
    model.fit(logit[:, None], label)
    slope, intercept = calibration_line(label, scale * logit + 3)
    assert slope == pytest.approx(model.coef_[0, 0] / scale, rel=1e-5)
    shifted = model.intercept_[0] - 3 * slope
    assert intercept == pytest.approx(shifted, rel=1e-5)


def test_line_is_the_true_one() -> None:
    label, logit = sample(n=40_000, slope=0.6, intercept=-0.8)
    assert calibration_line(label, logit) == pytest.approx((0.6, -0.8), abs=0.05)


def test_no_line_where_none_is_best() -> None:
    for label, logit in (
        ([0, 0, 1, 1], [0, 1, 2, 3]),
        ([0, 0, 1, 1], [0, 1, 1, 3]),
        ([1, 1, 0, 0], [0, 1, 2, 3]),
        ([1, 1, 1, 1], [0, 1, 2, 3]),
        ([0, 1, 0, 1], [2, 2, 2, 2]),
    ):
        found = calibration_line(np.array(label, float), np.array(logit, float))
        assert np.isnan(found).all()


def test_recalibration_mends_another_prevalence() -> None:
    """Overconfident logits shifted as by a training set with more positives."""
    valid, valid_logit = sample(n=20_000, slope=0.5, intercept=-1.5, seed=1)
    test, test_logit = sample(n=20_000, slope=0.5, intercept=-1.5, seed=2)
    valid[:100] = np.nan
    mended = recalibrate(valid, valid_logit, test_logit)
    before, after = measured(test, test_logit), measured(test, mended)
    assert before.ece[0] > 0.1
    assert after.ece[0] < 0.03
    assert (after.slope[0], after.intercept[0]) == pytest.approx((1, 0), abs=0.15)
    assert after.brier[0] < before.brier[0]


def test_recalibration_is_finite_or_nothing() -> None:
    logit = np.array([-2.0, -1, 1, 2])
    separated = recalibrate(np.array([0.0, 0, 1, 1]), logit, logit)
    assert np.isfinite(separated).all()
    assert np.all(np.diff(separated) > 0)
    for label in (np.zeros(4), np.full(4, np.nan)):
        np.testing.assert_array_equal(recalibrate(label, logit, logit), logit)
