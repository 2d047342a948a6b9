"""The Fréchet distance with its limit against scipy and Gaussians that are known."""

import numpy as np
import pytest
import scipy.linalg

from synthjax.metrics.frechet_extrapolated import frechet_intervals, frechet_sample
from synthjax.statistics.jackknife import assign_groups


def moments(features, random):
    return frechet_sample(features, assign_groups(np.arange(len(features)), random))


def test_frechet_equals_scipy():
    random = np.random.default_rng(2)
    a = random.normal(size=(300, 9)) @ random.normal(size=(9, 9)) + 1
    b = random.normal(size=(200, 9)) @ random.normal(size=(9, 9))
    found, _ = frechet_intervals(moments(a, random), moments(b, random), 0.95)
    s, t = np.cov(a.T), np.cov(b.T)
    root = scipy.linalg.sqrtm(s @ t).real
    expected = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(s + t - 2 * root)
    assert found.value == pytest.approx(expected, rel=1e-8)
    assert found.low < found.value < found.high


def test_frechet_is_biased_and_its_extrapolation_is_not():
    """Two samples of N(0, I) in 64 dimensions, 250 of each: 8.8, and 0."""
    random = np.random.default_rng(3)
    a, b = (moments(random.normal(size=(250, 64)), random) for _ in range(2))
    plain, limit = frechet_intervals(a, b, 0.95)
    assert plain.value == pytest.approx(8.8, abs=0.6)
    assert abs(limit.value) < 0.9
    assert limit.low < 0 < limit.high


@pytest.mark.slow
def test_the_distance_of_known_gaussians_is_in_its_interval():
    """N(0, I) and N(0.3, 1.2^2 I) in 16 dimensions: 16 (0.3^2 + 0.2^2)."""
    truth, inside, plain = 16 * (0.3**2 + 0.2**2), 0, 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        a = moments(random.normal(size=(300, 16)), random)
        b = moments(0.3 + 1.2 * random.normal(size=(300, 16)), random)
        biased, limit = frechet_intervals(a, b, 0.95)
        inside += limit.low <= truth <= limit.high
        plain += biased.value
    assert inside >= 17
    assert plain / 20 > truth + 0.4
