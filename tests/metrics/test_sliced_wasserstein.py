"""The sliced Wasserstein distance against scipy."""

import numpy as np
import pytest
import scipy.stats

from synthjax.metrics.sliced_wasserstein import draw_directions, sliced_wasserstein
from synthjax.statistics.jackknife import assign_groups


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
