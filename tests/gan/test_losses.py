"""Losses against their closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit, log_expit, log_softmax

from synthjax.gan.losses import (
    LABEL_LOSSES,
    LOSSES,
    binary_label_loss,
    softmax_label_loss,
)

REAL = np.array([-80.0, -2.0, -1.0, 0.0, 0.5, 1.0, 3.0, 80.0], np.float32)
SYNTHETIC = REAL[[3, 7, 1, 0, 6, 5, 2, 4]]
SOFT = np.array([[0.3, 2.0, -1.0], [4.0, -60.0, 0.0], [0.1, 0.2, 0.3]], np.float32)


def _both(name):
    real, synthetic = jnp.asarray(REAL), jnp.asarray(SYNTHETIC)
    loss = LOSSES[name]
    needed = real if loss.needs_real else None
    return loss.discriminator(real, synthetic), loss.generator(synthetic, needed)


def test_logistic_equals_log_sigmoid():
    d, g = _both("logistic")
    expected = -log_expit(REAL) - log_expit(-SYNTHETIC)
    np.testing.assert_allclose(d, expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(g, -log_expit(SYNTHETIC), rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(g, LOSSES["logistic"].generator(SYNTHETIC))
    assert d.shape == g.shape == REAL.shape


def test_wgan_gp_is_the_difference():
    d, g = _both("wgan_gp")
    np.testing.assert_array_equal(d, SYNTHETIC - REAL)
    np.testing.assert_array_equal(g, -SYNTHETIC)


@pytest.mark.slow
def test_hinge_stops_at_the_margin():
    d, g = _both("hinge")
    expected = np.maximum(0, 1 - REAL) + np.maximum(0, 1 + SYNTHETIC)
    np.testing.assert_allclose(d, expected, rtol=1e-6)
    np.testing.assert_array_equal(g, -SYNTHETIC)
    slope = jax.grad(LOSSES["hinge"].discriminator, argnums=(0, 1))
    assert slope(jnp.float32(1.5), jnp.float32(-1.5)) == (0.0, 0.0)
    assert slope(jnp.float32(0.5), jnp.float32(-0.5)) == (-1.0, 1.0)


def test_relativistic_pairs_logits():
    d, g = _both("relativistic")
    np.testing.assert_allclose(d, -log_expit(REAL - SYNTHETIC), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(g, -log_expit(SYNTHETIC - REAL), rtol=1e-5, atol=1e-7)
    loss = LOSSES["relativistic"]
    shift = jnp.float32(8.0)  # what the discriminator thinks of the labels alone
    shifted = loss.discriminator(REAL + shift, SYNTHETIC + shift)
    np.testing.assert_allclose(shifted, d, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_the_two_sides_pull_apart(name):
    loss = LOSSES[name]
    real, synthetic = jnp.float32(0.3), jnp.float32(-0.2)
    d_real, d_synthetic = jax.grad(loss.discriminator, argnums=(0, 1))(real, synthetic)
    g = jax.grad(loss.generator)(synthetic, real)
    assert d_real < 0 < d_synthetic  # descent raises real logits, lowers synthetic ones
    assert g < 0  # and the generator raises the logits of its images
    assert d_real.dtype == g.dtype == jnp.float32 and not d_real.weak_type


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_finite_and_per_sample(name):
    d, g = _both(name)
    assert np.isfinite(d).all() and np.isfinite(g).all()
    loss = LOSSES[name]
    alone = loss.discriminator(REAL[2:3], SYNTHETIC[2:3])
    np.testing.assert_array_equal(alone, d[2:3])
    np.testing.assert_array_equal(loss.generator(SYNTHETIC[2:3], REAL[2:3]), g[2:3])


def test_what_each_loss_asks_of_the_step():
    flags = {k: (v.needs_real, v.paired, v.interpolates) for k, v in LOSSES.items()}
    assert flags == {
        "logistic": (False, False, False),
        "wgan_gp": (False, True, True),
        "hinge": (False, False, False),
        "relativistic": (True, True, False),
    }


@pytest.mark.slow
def test_binary_label_loss_is_over_known_labels():
    label = np.array([[1, 0, np.nan], [np.nan] * 3, [0.25, 1, 0]], np.float32)
    likelihood = label * log_expit(SOFT) + (1 - label) * log_expit(-SOFT)
    expected = -np.nansum(likelihood, axis=1)
    loss = binary_label_loss(jnp.asarray(SOFT), jnp.asarray(label))
    np.testing.assert_allclose(loss, expected, rtol=1e-5, atol=1e-7)
    assert loss[1] == 0


def test_softmax_label_loss_shares_a_row_between_its_positives():
    label = np.array([[1, 0, 1], [0, 1, np.nan], [0, 0, 0]], np.float32)
    logs = log_softmax(SOFT.astype(np.float64), axis=1)
    expected = [-(logs[0, 0] + logs[0, 2]) / 2, -logs[1, 1], 0.0]
    loss = softmax_label_loss(jnp.asarray(SOFT), jnp.asarray(label))
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    assert loss[2] == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", LABEL_LOSSES)
def test_label_gradients_are_closed_form(name):
    """Probability minus target, and nothing where nothing is known."""
    label = np.array([[1, 0, 1], [np.nan] * 3, [np.nan, 1, 0]], np.float32)
    loss = LABEL_LOSSES[name]
    slope = jax.grad(lambda x: jnp.sum(loss(x, jnp.asarray(label))))(jnp.asarray(SOFT))
    present = np.nan_to_num(label)
    if name == "binary":
        expected = np.where(np.isnan(label), 0, expit(SOFT) - present)
    else:
        total = present.sum(1, keepdims=True)
        probability = np.exp(log_softmax(SOFT.astype(np.float64), axis=1))
        expected = np.where(total > 0, probability - present / np.maximum(total, 1), 0)
    np.testing.assert_allclose(slope, expected, rtol=1e-5, atol=1e-6)
    assert slope.dtype == jnp.float32


@pytest.mark.slow
@pytest.mark.parametrize("name", LABEL_LOSSES)
def test_no_labels_cost_nothing(name):
    none = jnp.zeros((4, 0), jnp.float32)
    np.testing.assert_array_equal(LABEL_LOSSES[name](none, none), np.zeros(4))
