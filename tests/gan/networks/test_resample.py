"""The FIR operations against scipy.signal.upfirdn and their own transposes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy.signal import upfirdn

from synthjax.gan.networks.convolution import transposed_conv
from synthjax.gan.networks.resample import (
    blur,
    conv_down,
    conv_up,
    downsample,
    upsample,
)

TAPS = np.array([1.0, 3.0, 3.0, 1.0]) / 8


def draw(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def filtered(image, up, down, gain, start, size):
    """Both axes by upfirdn, then the window [start, start + size)."""
    x = np.asarray(image, np.float64)
    for axis in (1, 2):
        x = upfirdn(TAPS * gain**0.5, x, up, 1, axis=axis)
        x = np.take(x, range(start, start + size * down, down), axis=axis)
    return x


@pytest.mark.parametrize("pad", [1, 2])
def test_blur_equals_scipy(pad):
    x = draw(0, 2, 6, 6, 3)
    expected = filtered(x, 1, 1, 4.0, 3 - pad, 6 + 2 * pad - 3)
    np.testing.assert_allclose(blur(x, pad, 4.0), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_upsample_and_downsample_equal_scipy():
    x = draw(0, 2, 6, 6, 3)
    up = filtered(x, 2, 1, 4.0, 1, 12)
    down = filtered(x, 1, 2, 1.0, 2, 3)
    np.testing.assert_allclose(upsample(x), up, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(downsample(x), down, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_constants_are_kept_inside():
    x = jnp.ones((1, 8, 8, 1), jnp.float32)
    np.testing.assert_allclose(upsample(x)[0, 1:-1, 1:-1], 1.0, rtol=1e-6)
    np.testing.assert_allclose(downsample(x)[0, 1:-1, 1:-1], 1.0, rtol=1e-6)


@pytest.mark.slow
def test_up_and_down_are_transposes():
    x, y = draw(0, 2, 8, 8, 3), draw(1, 2, 4, 4, 3)
    left, right = jnp.sum(downsample(x) * y), jnp.sum(x * upsample(y)) / 4
    np.testing.assert_allclose(left, right, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "operation", [lambda x: blur(x, 1, 4.0), lambda x: blur(x, 2), upsample, downsample]
)
def test_gradients_to_second_order(operation):
    @jax.jit
    def nonlinear(x):
        return jnp.tanh(operation(x))

    with jax.enable_x64(True):
        x = jnp.asarray(draw(0, 1, 4, 4, 2), jnp.float64)
        # The filter accumulates in float32 by design, which bounds what finite
        # differences can resolve.
        check_grads(nonlinear, (x,), order=2, modes=["rev"], eps=1e-3, rtol=1e-2)


@pytest.mark.slow
def test_conv_up_and_down_are_filter_and_convolution():
    x, w = draw(0, 2, 4, 4, 3), draw(1, 3, 3, 3, 5)
    up = filtered(transposed_conv(x, w.swapaxes(2, 3), 2), 1, 1, 4.0, 2, 8)
    np.testing.assert_allclose(conv_up(x, w), up, rtol=1e-5, atol=1e-5)
    blurred = filtered(x, 1, 1, 1.0, 1, 5)
    expected = np.zeros((2, 2, 2, 5))
    for i in range(3):
        for j in range(3):
            taken = blurred[:, i : i + 3 : 2, j : j + 3 : 2]
            expected += taken @ np.asarray(w[i, j], np.float64)
    np.testing.assert_allclose(conv_down(x, w), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_bfloat16_is_accumulated_in_float32():
    x = draw(0, 2, 8, 8, 3).astype(jnp.bfloat16)
    exact = blur(x.astype(jnp.float32), 2)
    assert blur(x, 2).dtype == jnp.bfloat16
    np.testing.assert_array_equal(blur(x, 2), exact.astype(jnp.bfloat16))
