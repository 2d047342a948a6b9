"""The affine resampling against scipy, its frequency response and its transpose."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy import ndimage

from synthjax.gan.augment.warp import sample, spline_coefficients, spread, warp

IDENTITY = [[1, 0, 0], [0, 1, 0]]
TRANSFORMS = np.array(
    [
        IDENTITY,
        [[0.9, 0.3, 1.7], [-0.4, 1.2, -3.3]],
        [[1, 0, 3], [0, 1, -2]],
        [[0, 1, 0.5], [-1, 0, 40]],  # far outside: several times mirrored
        [[1.6, 0, 0], [0, 0.4, 0.25]],
    ]
)


def draw(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def matrices(transforms):
    last = np.broadcast_to([[[0, 0, 1]]], (len(transforms), 1, 3))
    return jnp.asarray(np.concatenate([transforms, last], axis=1), jnp.float32)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(8, 8), (12, 17)])
@pytest.mark.parametrize("channels", [1, 3])
def test_warp_equals_scipy(size, channels):
    image = draw(0, len(TRANSFORMS), *size, channels)
    out = jax.jit(warp)(image, matrices(TRANSFORMS))
    centre = (np.array(size) - 1) / 2
    for one, moved, transform in zip(image, out, TRANSFORMS, strict=True):
        linear, shift = transform[:, :2], transform[:, 2]
        for channel in range(channels):
            expected = ndimage.affine_transform(
                np.asarray(one[..., channel], np.float64),
                linear,
                centre + shift - linear @ centre,
                order=3,
                mode="mirror",
            )
            np.testing.assert_allclose(moved[..., channel], expected, atol=3e-5)
    np.testing.assert_array_equal(out[0], image[0])  # the identity, to the bit


def test_fine_detail_survives_a_shift_by_half_a_pixel():
    kept = {8: 0.998, 4: 0.97, 8 / 3: 0.76}  # by the wave's length in pixels
    place = (np.arange(48) - 23.5)[:, None] * 2 * np.pi / np.array(list(kept))
    wave = np.broadcast_to(np.cos(place).T[:, None, :, None], (3, 8, 48, 1))
    inverse = matrices([[[1, 0, 0], [0, 1, 0.5]]] * 3)
    out = np.asarray(jax.jit(warp)(jnp.asarray(wave, jnp.float32), inverse))
    shifted = np.cos(place + np.pi / np.array(list(kept)))[12:36]
    amplitude = np.sum(out[:, 4, 12:36, 0].T * shifted, axis=0) / np.sum(shifted**2, 0)
    np.testing.assert_allclose(amplitude, list(kept.values()), atol=0.005)


@pytest.mark.slow
def test_spread_is_the_transpose_of_sample():
    coefficients, value = draw(0, 2, 11, 13, 3), draw(1, 2, 6, 7, 3)
    inside = np.random.default_rng(2).uniform([0, 0], [7, 9], (2, 6, 7, 2))
    position = jnp.asarray(inside, jnp.float32)
    left = jnp.sum(jax.jit(sample)(coefficients, position) * value)
    spread_out = jax.jit(spread, static_argnums=(2, 3))(value, position, 11, 13)
    right = jnp.sum(coefficients * spread_out)
    np.testing.assert_allclose(left, right, rtol=1e-5)


@pytest.mark.slow
def test_a_spline_goes_through_its_samples():
    image = draw(0, 1, 8, 10, 1)
    row, column = np.meshgrid(np.arange(8), np.arange(10), indexing="ij")
    position = jnp.asarray(np.stack([row, column], axis=-1)[None], jnp.float32)
    out = jax.jit(sample)(jax.jit(spline_coefficients)(image), position)
    np.testing.assert_allclose(out, image, atol=2e-6)


@pytest.mark.slow
def test_gradients_to_second_order():
    inverse = matrices(TRANSFORMS[1:4])

    @jax.jit
    def nonlinear(image):
        return jnp.tanh(warp(image, inverse))

    with jax.enable_x64(True):
        image = jnp.asarray(draw(0, 3, 5, 6, 1), jnp.float64)
        check_grads(nonlinear, (image,), order=2, modes=["rev"], eps=1e-4)
