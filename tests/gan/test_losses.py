"""Losses against their closed forms."""

import jax.numpy as jnp
import numpy as np
from scipy.special import log_expit

from synthjax.gan.losses import LOSSES


def test_logistic_equals_log_sigmoid():
    real = np.array([-80.0, -2.0, 0.0, 3.0, 80.0], np.float32)
    synthetic = real[::-1].copy()
    loss = LOSSES["logistic"]
    d = loss.discriminator(jnp.asarray(real), jnp.asarray(synthetic))
    g = loss.generator(jnp.asarray(synthetic))
    expected = -log_expit(real) - log_expit(-synthetic)
    np.testing.assert_allclose(d, expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(g, -log_expit(synthetic), rtol=1e-5, atol=1e-7)
    assert d.shape == g.shape == (5,)
