"""The ranges of a search, and its learning rate."""

import numpy as np
import pytest

from synthjax.core.errors import ConfigError
from synthjax.synth.inversion.config import InversionConfig, learning_rate


def test_learning_rate_rises_stays_and_falls():
    config = InversionConfig(steps=100, learning_rate=0.2)
    rates = np.array([learning_rate(config, step) for step in range(100)])
    np.testing.assert_allclose(rates[:5], 0.04 * np.arange(1, 6), rtol=1e-5)
    np.testing.assert_allclose(rates[5:75], 0.2, rtol=1e-5)
    np.testing.assert_allclose(rates[99], 0, atol=1e-7)
    cosine = 0.1 - 0.1 * np.cos(np.pi * 4 * (1 - (80 + 1) / 100))
    np.testing.assert_allclose(rates[80], cosine, rtol=1e-4)


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"batch_size": 0},
        {"mean_samples": 0},
        {"learning_rate": 0.0},
        {"rampup": 1.5},
        {"exploring": -0.1},
        {"exploration": -1.0},
        {"noise_weight": -1.0},
    ],
)
def test_wrong_values_are_named(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        InversionConfig(**wrong)
