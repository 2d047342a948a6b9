"""Exposure against its physics."""

from dataclasses import replace

import numpy as np
import pytest

from synthjax.phantom.chest.projection import FIELD
from synthjax.phantom.radiograph import Exposure, expose


def test_exposure_obeys_beer_lambert_and_the_dose():
    slab = np.full((64, 64), 2.0, np.float32)
    still = Exposure(photons=0.0, scatter=0.0, low=0.0, high=4.0)
    np.testing.assert_allclose(expose(slab, 64, still, FIELD, None), 0.5, atol=1e-6)
    deviations = []
    for photons in (1e3, 1e5):
        noisy = replace(still, photons=photons)
        shown = expose(slab, 64, noisy, FIELD, np.random.default_rng(0))
        counts = photons * (FIELD / 64) ** 2 * np.exp(-2)
        assert shown.std() * 4 == pytest.approx(1 / np.sqrt(counts), rel=0.05)
        deviations.append(shown.std())
    assert deviations[0] / deviations[1] == pytest.approx(10, rel=0.06)
    veiled = expose(slab, 64, replace(still, scatter=0.5), FIELD, None)
    np.testing.assert_allclose(veiled, (2 - np.log(1.5)) / 4, atol=1e-5)
