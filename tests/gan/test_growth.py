"""Real images of a growing network: box means, whole pixels, and the fade."""

import jax.numpy as jnp
import numpy as np
import pytest

from synthjax.data.images.transforms import to_image
from synthjax.gan.growth import enlarge, real_images
from synthjax.gan.networks.convolution import mean_down

PIXELS = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)


def box(image, times):
    b, h, w, c = image.shape
    split = image.reshape(b, h // times, times, w // times, times, c)
    return split.astype(np.float64).mean((2, 4))


@pytest.mark.parametrize("resolution", [16, 8, 4])
def test_smaller_images_are_box_means_in_whole_pixels(resolution):
    image = real_images(jnp.asarray(PIXELS), resolution, None)
    expected = np.rint(box(PIXELS, 16 // resolution)) / 127.5 - 1
    np.testing.assert_allclose(image, expected, atol=1e-6)


def test_full_size_is_the_image_itself():
    image = real_images(jnp.asarray(PIXELS), 16, None)
    np.testing.assert_array_equal(image, to_image(jnp.asarray(PIXELS)))


@pytest.mark.parametrize("fade", [0.0, 0.25, 1.0])
def test_a_fading_image_lies_between_itself_and_its_coarser_self(fade):
    image = real_images(jnp.asarray(PIXELS), 8, jnp.float32(fade))
    fine = np.rint(box(PIXELS, 2)) / 127.5 - 1
    coarse = np.kron(box(fine, 2), np.ones((1, 2, 2, 1)))
    np.testing.assert_allclose(image, fade * fine + (1 - fade) * coarse, atol=1e-5)


def test_enlarging_repeats_pixels_and_halving_undoes_it():
    image = jnp.asarray(np.random.default_rng(1).normal(size=(1, 4, 4, 1)), jnp.float32)
    large = enlarge(image, 8)
    np.testing.assert_array_equal(large[0, :2, :2, 0], jnp.full((2, 2), image[0, 0, 0]))
    np.testing.assert_allclose(mean_down(large), image, atol=1e-6)
    assert enlarge(image, 4) is image
