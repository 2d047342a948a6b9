"""The distances of GAN inversion, against NumPy and by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthjax.core import rng
from synthjax.synth.inversion.distance import decorrelation, distance


@pytest.mark.slow
def test_distance_against_numpy():
    a, b = np.random.default_rng(0).normal(size=(2, 3, 32, 32, 1)).astype(np.float32)
    expected = np.zeros(3)
    for size in (32, 16, 8):
        k = 32 // size
        x, y = (z.reshape(3, size, k, size, k).mean((2, 4)) for z in (a, b))
        expected += ((x - y) ** 2).mean((1, 2))
    np.testing.assert_allclose(distance(a, b), expected, rtol=1e-5)


@pytest.mark.slow
def test_decorrelation_is_zero_for_white_noise_and_one_for_a_flat_map():
    white = jax.random.normal(rng.key(0, "white"), (64, 8, 8, 1))
    # A mean of 64 products of two normals has the variance 1/64; two directions.
    np.testing.assert_allclose(decorrelation((white,)).mean(), 2 / 64, rtol=0.4)
    flat = jnp.ones((4, 8, 8, 1))
    np.testing.assert_allclose(decorrelation((flat, flat)), 4.0)  # two maps, two axes
    stripes = jnp.tile(jnp.asarray([1.0, -1.0]), 4).reshape(1, 1, 8, 1)
    both = decorrelation((jnp.broadcast_to(stripes, (1, 8, 8, 1)),))
    np.testing.assert_allclose(both, 2.0)
