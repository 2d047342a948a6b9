"""Groups of whole patients, and the jackknife of a mean against its t interval."""

import numpy as np
import scipy.stats

from synthjax.statistics.jackknife import GROUPS, assign_groups, jackknife_interval


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
    assert jackknife_interval(0.99, left_out, 0.9, bounds=(0.0, 1.0)).high == 1
