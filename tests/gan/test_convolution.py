"""The convolution triple against lax's own convolutions and their autodiff, float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.test_util import check_grads

from synthjax.gan import convolution
from synthjax.gan.convolution import conv, filter_gradient, transposed_conv


def draw(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def reference(image, weight, stride):
    pad = ((1, 1), (1, 1)) if stride == 1 else "VALID"
    return lax.conv_general_dilated(
        image, weight, (stride, stride), pad, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def shapes(stride):
    side = 5 if stride == 1 else 11
    return (3, side, side, 2), (3, 3, 2, 4), (3, 5, 5, 4)


@pytest.mark.parametrize("stride", [1, 2])
def test_values_and_gradients_equal_lax(stride):
    x_shape, w_shape, y_shape = shapes(stride)
    x, w, ct = draw(0, *x_shape), draw(1, *w_shape), draw(2, *y_shape)
    expected, pull = jax.vjp(lambda x, w: reference(x, w, stride), x, w)
    dx, dw = pull(ct)
    close = {"rtol": 1e-5, "atol": 1e-5}
    np.testing.assert_allclose(conv(x, w, stride), expected, **close)
    np.testing.assert_allclose(transposed_conv(ct, w, stride), dx, **close)
    np.testing.assert_allclose(filter_gradient(x, ct, stride), dw, **close)
    own = jax.vjp(lambda x, w: conv(x, w, stride), x, w)[1](ct)
    np.testing.assert_allclose(own[0], dx, **close)
    np.testing.assert_allclose(own[1], dw, **close)


@pytest.mark.parametrize("stride", [1, 2])
def test_double_backward_equals_lax(stride):
    x_shape, w_shape, _ = shapes(stride)
    x, w = draw(0, *x_shape), draw(1, *w_shape)

    def penalty(operation):
        def total(x, w):
            return jnp.sum(jnp.tanh(operation(x, w, stride)))

        return lambda x, w: jnp.sum(jax.grad(total)(x, w) ** 2)

    own = jax.jit(jax.grad(penalty(conv), (0, 1)))(x, w)
    expected = jax.jit(jax.grad(penalty(reference), (0, 1)))(x, w)
    for a, b in zip(own, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("operation", [conv, transposed_conv, filter_gradient])
def test_gradients_to_second_order(operation):
    stride = 2
    x_shape, w_shape, y_shape = shapes(stride)
    x, w, y = draw(0, *x_shape), draw(1, *w_shape), draw(2, *y_shape)
    arguments = {conv: (x, w), transposed_conv: (y, w), filter_gradient: (x, y)}

    @jax.jit
    def nonlinear(*args):
        return jnp.tanh(0.1 * operation(*args, stride))

    with jax.enable_x64(True):
        wide = tuple(jnp.asarray(a, jnp.float64) for a in arguments[operation])
        check_grads(nonlinear, wide, order=2, modes=["rev"])


@pytest.mark.parametrize("stride", [1, 2])
def test_parts_of_the_batch_sum_to_the_whole(stride, monkeypatch):
    x_shape, _, y_shape = shapes(stride)
    x, y = draw(0, *x_shape), draw(2, *y_shape)
    whole = filter_gradient(x, y, stride)
    monkeypatch.setattr(convolution, "CPU_PIXELS", 50)  # two images, then one
    parts = convolution._filter_gradient_in_parts(x, y, stride=stride)
    np.testing.assert_allclose(parts, whole, rtol=1e-5, atol=1e-5)
