"""Clopper-Pearson's bounds and Holm's correction, against scipy and worked values."""

import numpy as np
import pytest
from scipy.stats import binomtest

from synthjax.statistics.multiple_testing import holm
from synthjax.statistics.proportion import clopper_pearson


@pytest.mark.parametrize(("k", "n"), [(0, 1), (0, 50), (3, 50), (25, 50), (50, 50)])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.999])
def test_bounds_equal_scipy(k, n, level) -> None:
    expected = binomtest(k, n).proportion_ci(level, method="exact")
    found = clopper_pearson(k, n, level)
    assert found == pytest.approx((expected.low, expected.high), abs=1e-10)


def test_none_found_is_not_none() -> None:
    low, high = clopper_pearson(0, 1000, 0.9)
    assert low == 0
    assert high == pytest.approx(1 - 0.05 ** (1 / 1000), abs=1e-12)  # one-sided 95 %
    for k, n in ((-1, 3), (4, 3), (0, 0)):
        with pytest.raises(ValueError, match=f"{k} of {n}"):
            clopper_pearson(k, n)


def test_holm_by_hand() -> None:
    """0.01 x 4, 0.03 x 3, 0.03 x 2 raised to 0.09, 0.9; as R's p.adjust."""
    p = np.array([0.03, np.nan, 0.9, 0.01, 0.03])
    expected = [0.09, np.nan, 0.9, 0.04, 0.09]
    np.testing.assert_allclose(holm(p), expected, atol=1e-15)
    rising = np.array([0.01, 0.02, 0.03, 0.04, 0.05])
    np.testing.assert_allclose(holm(rising), [0.05, 0.08, 0.09, 0.09, 0.09])
    np.testing.assert_array_equal(holm(np.array([0.6, 0.7])), [1, 1])
    assert len(holm(np.array([]))) == 0


def test_holm_equals_its_definition() -> None:
    """Significant at alpha: all smaller p-values pass alpha / (m - i) too."""
    p = np.random.default_rng(0).random(40) ** 4
    adjusted = holm(p)
    for alpha in (0.01, 0.05, 0.2):
        passed = np.zeros(len(p), bool)
        for i, test in enumerate(np.argsort(p)):
            if p[test] > alpha / (len(p) - i):
                break
            passed[test] = True
        np.testing.assert_array_equal(adjusted <= alpha, passed)
