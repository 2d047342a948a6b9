"""Clopper-Pearson's bounds against scipy and worked values."""

import pytest
from scipy.stats import binomtest

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
