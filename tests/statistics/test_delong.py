"""DeLong against placement values pair by pair, and a worked example."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from synthjax.statistics.delong import delong, patient_influence


def naive(label, score):
    """Equations 1 to 8 of the paper, every pair compared."""
    positive, negative = score[:, label == 1], score[:, label == 0]
    above = positive[:, :, None] > negative[:, None, :]
    equal = positive[:, :, None] == negative[:, None, :]
    kernel = above + 0.5 * equal
    of_positive, of_negative = kernel.mean(axis=2), kernel.mean(axis=1)
    covariance = np.cov(of_positive) / positive.shape[1]
    covariance = covariance + np.cov(of_negative) / negative.shape[1]
    return kernel.mean(axis=(1, 2)), covariance


@pytest.mark.parametrize("decimals", [0, 1, 8])
def test_equals_the_naive_statistic(decimals) -> None:
    generator = np.random.default_rng(decimals)
    label = (generator.random(90) < 0.3).astype(float)
    score = np.round(label + generator.normal(size=(3, 90)), decimals)
    label[:5] = np.nan
    found = delong(label, score)
    area, covariance = naive(label, score)
    np.testing.assert_allclose(found.auroc, area, atol=1e-12)
    np.testing.assert_allclose(found.covariance, covariance, atol=1e-14)
    known = ~np.isnan(label)
    sklearn_areas = [roc_auc_score(label[known], row[known]) for row in score]
    np.testing.assert_allclose(found.auroc, sklearn_areas, atol=1e-12)
    interval, p = found.difference(0.9)
    error = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    half = stats.norm.ppf(0.95) * error
    assert interval.low == pytest.approx(area[0] - area[1] - half, abs=1e-12)
    z = (area[0] - area[1]) / error
    assert p == pytest.approx(2 * stats.norm.sf(abs(z)), abs=1e-12)


def test_by_hand() -> None:
    """Positives 3, 2 and negatives 1, 2: placements 1, 3/4 and 1, 3/4, area 7/8."""
    label = np.array([1.0, 1, 0, 0])
    found = delong(label, np.array([[3.0, 2, 1, 2]]))
    assert found.auroc[0] == 0.875
    # Each pair of placements has the variance 1/32, over two images of the class.
    assert found.covariance[0, 0] == pytest.approx(1 / 32, abs=1e-15)


def test_equal_scores_have_no_difference() -> None:
    label = np.array([1.0, 1, 0, 0])
    score = np.array([[3.0, 2, 1, 2]])
    interval, p = delong(label, np.concatenate([score, 2 * score])).difference(0.95)
    assert interval.numbers() == {"value": 0, "low": 0, "high": 0}
    assert p == 1
    with pytest.raises(ValueError, match="1 positive and 3 negative"):
        delong(np.array([1.0, 0, 0, 0]), score)


@pytest.mark.slow
def test_rejects_as_often_as_it_says() -> None:
    """Two equally good scores: p below 0.05 about five times in a hundred."""
    generator = np.random.default_rng(2)
    label = np.repeat([0.0, 1.0], 60)
    rejected = 0
    for _ in range(1000):
        shared = generator.normal(size=120)
        score = label + shared + generator.normal(size=(2, 120))
        rejected += delong(label, score).difference(0.95)[1] < 0.05
    assert 30 <= rejected <= 72, rejected  # three standard deviations are 21


def test_influence_of_single_images_is_delongs_covariance() -> None:
    """But for the n - 1 that DeLong divides by; of a patient, the sum of its images."""
    generator = np.random.default_rng(5)
    label = np.arange(80) % 2.0
    score = np.round(label + generator.normal(size=(2, 80)), 1)
    area, influence = patient_influence(label, score, np.arange(80))
    found = delong(label, score)
    assert area == pytest.approx(found.auroc)
    assert influence @ influence.T == pytest.approx(found.covariance * 39 / 40)
    _, pairs = patient_influence(label, score, np.arange(80) // 4)
    assert pairs == pytest.approx(influence.reshape(2, 20, 4).sum(axis=2))
