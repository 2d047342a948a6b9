"""Fréchet, kernel and sliced Wasserstein distances against plain numpy and scipy."""

import numpy as np
import pytest
import scipy.linalg
import scipy.stats

from synthjax.metrics.frechet_extrapolated import frechet_intervals, frechet_sample
from synthjax.metrics.kid import kid
from synthjax.metrics.sample import Sample
from synthjax.metrics.sliced_wasserstein import draw_directions, sliced_wasserstein
from synthjax.statistics.jackknife import GROUPS, assign_groups, jackknife_interval

pytestmark = pytest.mark.usefixtures("quick_compile")


def sample(features, random, per_patient=1):
    patient = np.arange(len(features)) // per_patient
    return Sample(features.astype(np.float32), patient, assign_groups(patient, random))


def moments(features, random):
    return frechet_sample(features, assign_groups(np.arange(len(features)), random))


def test_patients_stay_in_one_group_of_about_equal_size():
    patient = np.repeat(np.arange(100), np.arange(100) % 4 + 1)
    group = assign_groups(patient, np.random.default_rng(0))
    assert all(len(set(group[patient == p])) == 1 for p in range(100))
    assert np.ptp(np.bincount(group, minlength=GROUPS)) <= 6


def test_the_jackknife_of_a_mean_is_its_t_interval():
    """Of group means: equal to scipy's interval of the mean of as many values."""
    values = np.random.default_rng(1).normal(3, 2, GROUPS)
    left_out = np.array([np.delete(values, g).mean() for g in range(GROUPS)])
    found = jackknife_interval(values.mean(), left_out, 0.9)
    expected = scipy.stats.t.interval(
        0.9, GROUPS - 1, values.mean(), scipy.stats.sem(values)
    )
    np.testing.assert_allclose([found.low, found.high], expected, rtol=1e-10)
    assert np.isnan(jackknife_interval(1.0, np.full(GROUPS, np.nan), 0.9).low)
    assert jackknife_interval(0.99, left_out, 0.9, bounds=(0, 1)).high == 1


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


def plain_kid(a, b, mine=None, theirs=None):
    d = a.shape[1]
    kernel = [(x @ y.T / d + 1) ** 3 for x, y in ((a, a), (b, b), (a, b))]
    pairs = []
    for table, patient in zip(kernel, (mine, theirs, None), strict=False):
        keep = np.ones(table.shape, bool)
        if patient is not None:
            keep = patient[:, None] != patient
        pairs.append(table[keep].mean())
    return pairs[0] + pairs[1] - 2 * pairs[2]


@pytest.mark.parametrize("chunk", [64, 2048])
def test_kernel_distance_equals_all_pairs_whatever_the_chunk(chunk):
    random = np.random.default_rng(4)
    a = sample(random.normal(size=(150, 70)), random, per_patient=3)
    b = sample(0.2 + 1.3 * random.normal(size=(110, 70)), random)
    found = kid(a, [b], level=0.95, chunk=chunk)[0]
    exact = [part.features.astype(np.float64) for part in (a, b)]
    assert found.value == pytest.approx(plain_kid(*exact, a.patient, b.patient), 1e-5)
    keep = [part.group != 4 for part in (a, b)]
    left = plain_kid(
        *(f[k] for f, k in zip(exact, keep, strict=True)),
        *(p.patient[k] for p, k in zip((a, b), keep, strict=True)),
    )
    others = [
        plain_kid(
            *(f[p.group != g] for f, p in zip(exact, (a, b), strict=True)),
            *(p.patient[p.group != g] for p in (a, b)),
        )
        for g in range(GROUPS)
    ]
    assert left == others[4]
    interval = jackknife_interval(found.value, np.array(others), 0.95)
    assert found.low == pytest.approx(interval.low, rel=1e-4)


def test_kernel_distance_is_unbiased_and_not_clipped():
    """Equal distributions: below 0 about half of the time, 0 on average."""
    values, inside = [], 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        a, b = (sample(random.normal(size=(60, 16)), random) for _ in range(2))
        found = kid(a, [b], level=0.95)[0]
        values.append(found.value)
        inside += found.low <= 0 <= found.high
    error = np.std(values) / 40**0.5
    assert abs(np.mean(values)) < 3 * error
    assert 10 < np.sum(np.array(values) < 0) < 30
    assert inside >= 35


def test_sliced_wasserstein_equals_scipy():
    random = np.random.default_rng(5)
    a, b = random.normal(size=(120, 5)), random.normal(0.5, 2, size=(120, 5))
    axes = draw_directions(5, 30, random)
    np.testing.assert_allclose(np.linalg.norm(axes, axis=0), 1)
    groups = [assign_groups(np.arange(120), random) for _ in range(2)]
    found = sliced_wasserstein(a, b, *groups, axes, 0.95)
    expected = np.mean([scipy.stats.wasserstein_distance(a @ u, b @ u) for u in axes.T])
    assert found.value == pytest.approx(expected, rel=1e-10)
    assert found.low < expected < found.high
    moved = sliced_wasserstein(a, a + 3 * axes[:, 0], *groups, axes[:, :1], 0.95)
    assert moved.value == pytest.approx(3)
