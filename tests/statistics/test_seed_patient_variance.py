"""Variances as they should be, and intervals between their bounds."""

import numpy as np
import pytest

from synthjax.statistics.seed_patient_variance import Estimate, estimate


def test_variance_has_its_parts() -> None:
    """Known parts: of patients 4, of seeds 9, and 1 of each seed on these patients."""
    generator = np.random.default_rng(6)
    k, r = 4, 3000
    found = []
    for _ in range(300):
        patients = 2 * generator.normal(size=r + 1)
        own = generator.normal(size=(k, r + 1))
        found.append(
            estimate(
                patients + own + 3 * generator.normal(size=(k, 1)), n_effective=1000
            )
        )
    of_patients = np.mean([each.var_patients for each in found])
    assert of_patients == pytest.approx(4 + 1 / k, rel=0.02)
    of_seeds = np.mean([each.var_seeds[0] for each in found])
    assert of_seeds == pytest.approx(9 / k, rel=0.12)
    assert np.median([each.df for each in found]) < 30


def test_shares_stay_between_their_bounds() -> None:
    wide = Estimate(0.98, 0.02**2, (float("nan"),), 50.0)
    interval = wide.logit_interval(0.95)
    assert 0.8 < interval.low < 0.96
    assert 0.99 < interval.high < 1
    narrow = Estimate(0.6, 1e-4**2, (float("nan"),), 50.0)
    share, plain = narrow.logit_interval(0.95), narrow.interval(0.95)
    assert share.low == pytest.approx(plain.low, abs=1e-7)
    edge = Estimate(1.0, 0.1**2, (float("nan"),), 50.0).logit_interval(0.95)
    assert (edge.value, edge.high) == (1, 1)
    assert edge.low == pytest.approx(1 - 2.0086 * 0.1, abs=1e-4)
    certain = Estimate(1.0, 0.0, (0.0,), 50.0).logit_interval(0.95)
    assert certain.numbers() == {"value": 1, "low": 1, "high": 1}


def test_two_seeds_keep_a_degree_of_freedom() -> None:
    """Where the subtraction leaves next to nothing, the interval stays one."""
    generator = np.random.default_rng(2)
    df = []
    for _ in range(200):
        arms = 0.8 + 0.05 * generator.normal(size=(2, 2, 101))
        found = estimate(*arms, n_effective=10)
        df.append(found.df)
        assert -1 <= found.clipped_interval(0.95).low <= found.value
        assert found.value <= found.clipped_interval(0.95).high <= 1
    assert min(df) >= 1 and max(df) <= 12
