"""Truncation: its centre is the least-squares fit of styles on label codes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthjax.gan.truncation import batch_moments, centre, truncate, zero_moments


def styles(count=4000, seed=0):
    random = np.random.default_rng(seed)
    label = (random.random((count, 3)) < [0.5, 0.2, 0.05]).astype(np.float32)
    slope = random.normal(size=(3, 6))
    noise = random.normal(size=(count, 6))
    w = (2 * label - 1) @ slope + 0.7 + noise
    return w.astype(np.float32), label


@pytest.mark.slow
def test_the_centre_is_the_linear_fit():
    w, label = styles()
    code = np.hstack([np.ones((len(label), 1)), 2 * label - 1])
    fit, *_ = np.linalg.lstsq(code, w, rcond=None)
    asked = np.array([[0, 0, 0], [1, 0, 1], [1, 1, 1], [0.5, 0, 0]], np.float32)
    expected = np.hstack([np.ones((4, 1)), 2 * asked - 1]) @ fit
    found = centre(batch_moments(jnp.asarray(w), jnp.asarray(label)), asked)
    np.testing.assert_allclose(found, expected, atol=0.02)


@pytest.mark.slow
def test_running_means_that_begin_at_zero_are_made_good():
    w, label = styles()
    moments = batch_moments(jnp.asarray(w), jnp.asarray(label))
    early = jax.tree.map(lambda value: 0.01 * value, moments)
    asked = jnp.eye(3)
    np.testing.assert_allclose(
        centre(early, asked), centre(moments, asked), rtol=1e-4, atol=1e-4
    )


def test_a_label_that_never_varied_moves_nothing():
    w, label = styles()
    label[:, 2] = 0
    moments = batch_moments(jnp.asarray(w), jnp.asarray(label))
    asked = jnp.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    found = centre(moments, asked)
    np.testing.assert_allclose(found[0], found[1], atol=0.01)  # of a spread of 1
    assert np.isfinite(found).all()


@pytest.mark.slow
def test_without_labels_it_is_the_mean():
    w = jnp.arange(12.0).reshape(4, 3)
    moments = batch_moments(w, jnp.zeros((4, 0)))
    np.testing.assert_allclose(
        centre(moments, jnp.zeros((2, 0))), np.tile(w.mean(0), (2, 1)), rtol=1e-6
    )
    assert set(zero_moments(3, 0)) == set(batch_moments(w, jnp.zeros((4, 0))))
    untrained = centre(zero_moments(3, 2), jnp.zeros((1, 2)))
    np.testing.assert_array_equal(untrained, np.zeros((1, 3)))


@pytest.mark.parametrize("psi", [0.0, 0.3, 1.0])
def test_truncation_goes_straight_to_the_centre(psi):
    w, towards = jnp.array([[1.0, 2.0]]), jnp.array([[5.0, -2.0]])
    expected = towards * (1 - psi) + w * psi
    np.testing.assert_allclose(truncate(w, towards, psi), expected, rtol=1e-6)
