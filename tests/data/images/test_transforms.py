"""Pixel values survive the trip to the network's range."""

import numpy as np
import pytest

from synthjax.data.images.transforms import to_image, to_pixels


@pytest.mark.slow
@pytest.mark.parametrize("bits", [8, 16])
def test_pixels_to_image_and_back_is_exact(bits):
    pixels = np.arange(2**bits, dtype=f"uint{bits}").reshape(1, 16, -1, 1)
    image = np.asarray(to_image(pixels))
    assert image.dtype == np.float32
    assert (image.min(), image.max()) == (-1.0, 1.0)
    back = np.asarray(to_pixels(image, bits))
    assert back.dtype == pixels.dtype
    np.testing.assert_array_equal(back, pixels)


def test_to_pixels_rounds_and_clips():
    image = np.array([-7.0, -1.0, 0.0, 0.999, 1.0, 3.0], np.float32).reshape(1, 6, 1)
    np.testing.assert_array_equal(
        np.asarray(to_pixels(image, 8)).ravel(), [0, 0, 128, 255, 255, 255]
    )
