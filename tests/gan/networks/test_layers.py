"""Layers against naive loops and plain formulas."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.test_util import check_grads

from synthjax.core.errors import StudyError
from synthjax.gan.networks.layers import (
    FromRGB,
    ToRGB,
    bias_act,
    minibatch_stddev,
    modulated_conv,
    normalize,
)
from synthjax.gan.networks.resample import conv_up


def draw(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def naive_modulated_conv(image, weight, style, up):
    """One sample at a time: its own weights, formed and normalised as in the paper."""
    outputs = []
    for x, s in zip(image, style, strict=True):
        own = weight * s[None, None, :, None]
        own = own / jnp.sqrt(jnp.sum(own**2, axis=(0, 1, 2)) + 1e-8)
        if up:
            outputs.append(conv_up(x[None], own)[0])
        else:
            dims = ("NHWC", "HWIO", "NHWC")
            y = lax.conv_general_dilated(x[None], own, (1, 1), "SAME", None, None, dims)
            outputs.append(y[0])
    return jnp.stack(outputs)


@pytest.mark.slow
@pytest.mark.parametrize("up", [False, True])
def test_modulated_conv_equals_a_loop_over_samples(up):
    image, weight, style = draw(0, 3, 6, 6, 4), draw(1, 3, 3, 4, 5), draw(2, 3, 4)
    ct = draw(3, 3, 12 if up else 6, 12 if up else 6, 5)

    def value_and_gradients(operation):
        @jax.jit
        def run(*arguments):
            value, pull = jax.vjp(operation, *arguments)
            return value, pull(ct)

        return run(image, weight, style)

    expected, gradients = value_and_gradients(lambda *a: naive_modulated_conv(*a, up))
    value, own_gradients = value_and_gradients(lambda *a: modulated_conv(*a, up=up))
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-5)
    for own, naive in zip(own_gradients, gradients, strict=True):
        scale = float(jnp.max(jnp.abs(naive)))
        np.testing.assert_allclose(own / scale, naive / scale, rtol=1e-5, atol=1e-5)


def plain_bias_act(x, bias, gain, clamp):
    y = jax.nn.leaky_relu(x + bias, 0.2) * gain
    return jnp.clip(y, -clamp, clamp) if clamp else y


@pytest.mark.slow
@pytest.mark.parametrize("clamp", [0.0, 1.0])
def test_bias_act_equals_the_plain_formula(clamp):
    x, bias, ct = draw(0, 4, 3, 3, 5), draw(1, 5), draw(2, 4, 3, 3, 5)
    value, pull = jax.vjp(lambda x, b: bias_act(x, b, 1.4, clamp), x, bias)
    expected, plain = jax.vjp(lambda x, b: plain_bias_act(x, b, 1.4, clamp), x, bias)
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    for own, naive in zip(pull(ct), plain(ct), strict=True):
        np.testing.assert_allclose(own, naive, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_bias_act_second_order_equals_finite_differences():
    random = np.random.default_rng(0)
    with jax.enable_x64(True):
        x, bias = jnp.asarray(random.normal(size=(6, 5))), jnp.arange(5) / 7.0

        def bent(x, bias):
            return jnp.sin(bias_act(*map(jnp.asarray, (x, bias)), 1.4, 0.0))

        check_grads(bent, (x, bias), order=2, modes=["rev"], rtol=1e-6)


@pytest.mark.slow
def test_minibatch_stddev_equals_numpy():
    image = draw(0, 8, 2, 2, 3)
    output = np.asarray(minibatch_stddev(image, 4))
    np.testing.assert_array_equal(output[..., :3], image)
    for group in (slice(0, 4), slice(4, 8)):
        expected = np.std(np.asarray(image[group], np.float64), axis=0).mean()
        np.testing.assert_allclose(output[group, :, :, 3], expected, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, 3])
def test_a_batch_smaller_than_the_group_is_the_group(batch):
    image = draw(0, batch, 2, 2, 3)
    output = minibatch_stddev(image, 4)
    np.testing.assert_array_equal(output, minibatch_stddev(image, batch))
    expected = np.sqrt(np.var(np.asarray(image, np.float64), axis=0) + 1e-8).mean()
    np.testing.assert_allclose(output[..., 3], expected, rtol=1e-5)


def test_minibatch_stddev_names_the_remedy():
    with pytest.raises(StudyError, match="groups of 4.*batch_size.*mbstd_group"):
        minibatch_stddev(jnp.zeros((6, 2, 2, 3)), 4)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 3])
def test_image_layers_equal_einsum(channels):
    image, w = draw(0, 2, 4, 4, 6), draw(1, 2, 5)
    layer = ToRGB(channels)
    params = layer.init(jax.random.key(0), image, w)["params"]
    style = w @ params["style"]["weight"] / 5**0.5 + params["style"]["bias"]
    expected = jnp.einsum("bhwc,bc,ck->bhwk", image, style, params["weight"]) / 6**0.5
    output = layer.apply({"params": params}, image, w)
    np.testing.assert_allclose(output, expected, rtol=1e-5, atol=1e-5)

    picture, first = draw(2, 2, 4, 4, channels), FromRGB(6)
    params = first.init(jax.random.key(0), picture)["params"]
    linear = picture @ params["conv"]["weight"] / channels**0.5
    expected = jax.nn.leaky_relu(linear, 0.2) * 2**0.5
    output = first.apply({"params": params}, picture)
    np.testing.assert_allclose(output, expected, rtol=1e-5, atol=1e-5)


def test_normalize_gives_unit_mean_square():
    x = normalize(draw(0, 3, 7) * 5)
    np.testing.assert_allclose(jnp.mean(x**2, axis=-1), 1.0, rtol=1e-5)
