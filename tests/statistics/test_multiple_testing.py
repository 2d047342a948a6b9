"""Holm's correction against worked values and its definition."""

import numpy as np

from synthjax.statistics.multiple_testing import holm


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
