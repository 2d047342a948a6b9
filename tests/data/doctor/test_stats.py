"""The sample of images, and their statistics."""

import numpy as np
import pytest

from synthjax.data.doctor.stats import sample_evenly


@pytest.mark.slow
def test_the_sample_is_spread_evenly():
    numbers = sample_evenly(1000, 10, seed=3)
    np.testing.assert_array_equal(numbers // 100, np.arange(10))
    np.testing.assert_array_equal(numbers, sample_evenly(1000, 10, seed=3))
    assert (numbers != sample_evenly(1000, 10, seed=4)).any()
    np.testing.assert_array_equal(sample_evenly(7, 10, seed=0), np.arange(7))
