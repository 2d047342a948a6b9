"""Vendi score and similarity of pairs against plain numpy and scipy."""

import numpy as np
import pytest
from scipy.signal import convolve2d

from synthjax.metrics.diversity import (
    WEIGHTS,
    draw_pairs,
    mean_similarity,
    scales,
    similarity_of_pairs,
    vendi_score,
)
from synthjax.statistics.jackknife import GROUPS, assign_groups


def groups(n, seed=0):
    return assign_groups(np.arange(n), np.random.default_rng(seed))


def test_vendi_is_the_entropy_of_the_kernel():
    features = np.random.default_rng(1).normal(size=(80, 7)).astype(np.float32)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    value = np.linalg.eigvalsh(unit.astype(np.float64) @ unit.T / 80)
    value = value[value > 1e-12]
    expected = np.exp(-np.sum(value * np.log(value)))
    found = vendi_score(features, groups(80), 0.95)
    assert found.value == pytest.approx(expected, rel=1e-5)
    assert found.low < expected < found.high


def test_vendi_counts_different_images():
    alike = np.repeat(np.eye(4), 15, axis=0)
    assert vendi_score(alike, groups(60), 0.95).value == pytest.approx(4)
    assert vendi_score(np.ones((60, 3)), groups(60), 0.95).value == pytest.approx(1)


def plain_similarity(x, y, levels):
    """Wang 2003 on the scale 0 to 255: the mean of the channels, each by itself."""
    if x.shape[2] > 1:
        channels = [np.s_[..., c : c + 1] for c in range(x.shape[2])]
        return np.mean([plain_similarity(x[c], y[c], levels) for c in channels])
    window = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window = np.outer(window, window) / window.sum() ** 2
    weights = np.array(WEIGHTS[:levels]) / sum(WEIGHTS[:levels])
    x, y = x.astype(float), y.astype(float)
    result = 1.0
    for level in range(levels):
        maps = []
        for channel in range(x.shape[2]):
            a, b = x[..., channel], y[..., channel]

            def smooth(image):
                return convolve2d(image, window, "valid")

            m, n = smooth(a), smooth(b)
            va, vb = smooth(a * a) - m * m, smooth(b * b) - n * n
            c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
            part = (2 * (smooth(a * b) - m * n) + c2) / (va + vb + c2)
            if level == levels - 1:
                part *= (2 * m * n + c1) / (m * m + n * n + c1)
            maps.append(part)
        result *= max(np.mean(maps), 0) ** weights[level]
        x, y = (
            (i[::2, ::2] + i[1::2, ::2] + i[::2, 1::2] + i[1::2, 1::2]) / 4
            for i in (x, y)
        )
    return result


@pytest.mark.slow
@pytest.mark.parametrize(("side", "channels", "levels"), [(32, 1, 2), (64, 3, 3)])
def test_similarity_equals_scipy(side, channels, levels):
    random = np.random.default_rng(2)
    y, x = np.mgrid[:side, :side] / side
    smooth = 120 + 80 * np.sin(5 * x + random.normal(0, 1, (6, 1, 1))) * y
    first = smooth[..., None] + random.normal(0, 9, (6, side, side, channels))
    second = first + random.normal(0, 30, first.shape)
    first, second = (np.clip(i, 0, 255).astype(np.uint8) for i in (first, second))
    assert scales(side) == levels
    found = similarity_of_pairs(first, second)
    expected = [
        plain_similarity(a, b, levels) for a, b in zip(first, second, strict=True)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(similarity_of_pairs(first, first), 1, atol=1e-5)


def test_scales_by_size():
    assert [scales(side) for side in (32, 64, 128, 176, 512)] == [2, 3, 4, 5, 5]


def test_pairs_are_of_two_patients_and_of_one_group():
    patient = np.repeat(np.arange(150), np.arange(150) % 3 + 1)
    group = assign_groups(patient, np.random.default_rng(3))
    pairs = draw_pairs(patient, group, 100, np.random.default_rng(4))
    assert pairs.shape == (100, 2)
    assert len(set(pairs.ravel())) == 200
    assert (patient[pairs[:, 0]] != patient[pairs[:, 1]]).all()
    assert (group[pairs[:, 0]] == group[pairs[:, 1]]).all()
    value = np.random.default_rng(5).random(100)
    found = mean_similarity(value, group[pairs[:, 0]], 0.95)
    assert found.value == pytest.approx(value.mean())
    assert 0.02 < found.high - found.value < 4 * value.std() / 10
    assert np.isnan(mean_similarity(value[:0], group[:0], 0.95).value)
    assert GROUPS == 12
