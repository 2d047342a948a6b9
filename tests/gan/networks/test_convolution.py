"""The convolution triple against lax's own convolutions and their autodiff, float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.test_util import check_grads

from synthjax.gan.networks import convolution
from synthjax.gan.networks.convolution import (
    conv,
    conv_mean,
    filter_gradient,
    mean_down,
    nearest_conv,
    nearest_up,
    transposed_conv,
)


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


@pytest.mark.slow
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


def reference4(image, weight):
    return lax.conv_general_dilated(
        image,
        weight,
        (2, 2),
        ((1, 1), (1, 1)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def draw4():
    """Image, 4x4 weight and output of unlike sides; odd and even halves."""
    return draw(0, 3, 10, 6, 2), draw(1, 4, 4, 2, 4), draw(2, 3, 5, 3, 4)


@pytest.mark.slow
def test_4x4_values_and_gradients_equal_lax():
    x, w, ct = draw4()
    expected, pull = jax.vjp(reference4, x, w)
    dx, dw = pull(ct)
    close = {"rtol": 1e-5, "atol": 1e-5}
    np.testing.assert_allclose(conv(x, w, 2), expected, **close)
    np.testing.assert_allclose(transposed_conv(ct, w, 2), dx, **close)
    np.testing.assert_allclose(filter_gradient(x, ct, 2), dw, **close)
    own = jax.vjp(lambda x, w: conv(x, w, 2), x, w)[1](ct)
    np.testing.assert_allclose(own[0], dx, **close)
    np.testing.assert_allclose(own[1], dw, **close)


def test_4x4_transpose_is_the_same_on_every_platform():
    _, w, ct = draw4()
    whole = convolution._transposed(ct, w, stride=2)
    phases = convolution._in_phases(ct, w)
    np.testing.assert_allclose(phases, whole, rtol=1e-5, atol=1e-5)


def test_4x4_double_backward_equals_lax():
    x, w, _ = draw4()

    def penalty(operation):
        def total(x, w):
            return jnp.sum(jnp.tanh(operation(x, w)))

        return lambda x, w: jnp.sum(jax.grad(total)(x, w) ** 2)

    own = jax.jit(jax.grad(penalty(lambda x, w: conv(x, w, 2)), (0, 1)))(x, w)
    expected = jax.jit(jax.grad(penalty(reference4), (0, 1)))(x, w)
    for a, b in zip(own, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("operation", [conv, transposed_conv, filter_gradient])
def test_4x4_gradients_to_second_order(operation):
    x, w, y = draw4()
    arguments = {conv: (x, w), transposed_conv: (y, w), filter_gradient: (x, y)}

    @jax.jit
    def nonlinear(*args):
        return jnp.tanh(0.1 * operation(*args, 2))

    with jax.enable_x64(True):
        wide = tuple(jnp.asarray(a, jnp.float64) for a in arguments[operation])
        check_grads(nonlinear, wide, order=2, modes=["rev"])


def plain_conv(image, weight):
    """3x3 convolution with zero padding, tap by tap, float64."""
    _, height, width, _ = image.shape
    padded = np.pad(np.asarray(image, np.float64), ((0, 0), (1, 1), (1, 1), (0, 0)))
    return sum(
        padded[:, i : i + height, j : j + width] @ np.asarray(weight[i, j], np.float64)
        for i in range(3)
        for j in range(3)
    )


def plain_mean(image):
    quarters = [image[:, i::2, j::2] for i in range(2) for j in range(2)]
    return sum(quarters) / 4


@pytest.mark.slow
def test_fused_up_equals_repeated_pixels_convolved():
    x, w = draw(0, 2, 3, 5, 4), draw(1, 3, 3, 4, 6)
    repeated = np.repeat(np.repeat(np.asarray(x), 2, axis=1), 2, axis=2)
    np.testing.assert_array_equal(nearest_up(x), repeated)
    expected = plain_conv(repeated, w)
    np.testing.assert_allclose(nearest_conv(x, w), expected, rtol=1e-5, atol=1e-5)


def test_fused_down_equals_means_of_the_convolved():
    x, w = draw(0, 2, 6, 10, 4), draw(1, 3, 3, 4, 6)
    means = plain_mean(np.asarray(x, np.float64))
    np.testing.assert_allclose(mean_down(x), means, rtol=1e-5, atol=1e-6)
    expected = plain_mean(plain_conv(x, w))
    np.testing.assert_allclose(conv_mean(x, w), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_gradient_penalty_through_fused_layers_equals_finite_differences():
    random = np.random.default_rng(0)
    with jax.enable_x64(True):
        x = jnp.asarray(random.normal(size=(2, 4, 4, 2)))
        up = jnp.asarray(random.normal(size=(3, 3, 2, 3))) / 5
        down = jnp.asarray(random.normal(size=(3, 3, 3, 2))) / 5

        def critic(x, up, down):
            hidden = jnp.tanh(nearest_conv(x, up))
            return jnp.sum(jnp.tanh(conv_mean(hidden, down)), axis=(1, 2, 3))

        @jax.jit
        def penalty(up, down):
            slope = jax.grad(lambda x: jnp.sum(critic(x, up, down)))(x)
            norm = jnp.sqrt(jnp.sum(slope**2, axis=(1, 2, 3)))
            return jnp.mean((norm - 1) ** 2)

        gradients = jax.jit(jax.grad(penalty, (0, 1)))(up, down)
        step = 1e-6
        for seed in range(3):
            random = np.random.default_rng(seed)
            ways = [jnp.asarray(random.normal(size=w.shape)) for w in (up, down)]
            ahead = penalty(up + step * ways[0], down + step * ways[1])
            behind = penalty(up - step * ways[0], down - step * ways[1])
            expected = (ahead - behind) / (2 * step)
            own = sum(jnp.sum(g * way) for g, way in zip(gradients, ways, strict=True))
            np.testing.assert_allclose(own, expected, rtol=1e-7)


@pytest.mark.slow
def test_bfloat16_goes_through_the_fused_layers():
    x, w = draw(0, 2, 4, 4, 4).astype(jnp.bfloat16), draw(1, 3, 3, 4, 6)
    assert nearest_conv(x, w).dtype == jnp.bfloat16
    assert conv_mean(x, w).dtype == jnp.bfloat16
