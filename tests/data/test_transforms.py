"""Pixel values survive the trip to the network's range; resize averages."""

import numpy as np
import pytest

from synthjax.core.errors import StudyError
from synthjax.data.transforms import (
    convert_channels,
    pad_to_square,
    resize,
    to_image,
    to_image_u8,
)


def test_bytes_to_image_and_back_is_exact():
    image_u8 = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    image = np.asarray(to_image(image_u8))
    assert image.dtype == np.float32
    assert (image.min(), image.max()) == (-1.0, 1.0)
    np.testing.assert_array_equal(to_image_u8(image), image_u8)


def test_to_image_u8_rounds_and_clips():
    image = np.array([-7.0, -1.0, 0.0, 0.999, 1.0, 3.0], np.float32).reshape(1, 6, 1)
    np.testing.assert_array_equal(
        np.asarray(to_image_u8(image)).ravel(), [0, 0, 128, 255, 255, 255]
    )


def test_resize_is_antialiased():
    """A pattern finer than the new grid becomes its mean, not a sampled phase."""
    stripes = np.tile(np.array([[0.0, 1.0]], np.float32), (64, 32))[..., None]
    small = resize(stripes, 8, 8)
    np.testing.assert_allclose(small, 0.5, atol=0.02)


def test_resize_matches_the_triangle_filter():
    """Closed form: halving weighs the four nearest pixels 1, 3, 3, 1 (over 8)."""
    row = np.random.default_rng(0).random(32).astype(np.float32)
    pixels = np.tile(row, (32, 1))[..., None]
    small = resize(pixels, 32, 16)[5, :, 0]
    inner = [row[2 * i - 1 : 2 * i + 3] @ [1, 3, 3, 1] / 8 for i in range(1, 15)]
    np.testing.assert_allclose(small[1:15], inner, rtol=1e-5)


@pytest.mark.parametrize("size", [16, 33, 128])
def test_resize_keeps_constants_type_and_range(size):
    constant = np.full((40, 56, 3), 77, np.uint8)
    np.testing.assert_array_equal(resize(constant, size, size), 77)
    noise = np.random.default_rng(1).integers(0, 256, (40, 56, 1), np.uint8)
    resized = resize(noise, size, size)
    assert resized.dtype == np.uint8
    assert resized.shape == (size, size, 1)


def test_pad_to_square_centres():
    padded = pad_to_square(np.full((4, 7, 1), 9, np.uint8))
    assert padded.shape == (7, 7, 1)
    np.testing.assert_array_equal(padded[1:5], 9)
    assert padded.sum() == 9 * 28


def test_convert_channels():
    grey = np.arange(16, dtype=np.uint8).reshape(4, 4, 1)
    rgb = convert_channels(grey, 3)
    assert rgb.shape == (4, 4, 3)
    np.testing.assert_array_equal(convert_channels(rgb, 1), grey)
    red = np.zeros((1, 1, 3), np.uint8)
    red[..., 0] = 255
    assert convert_channels(red, 1).item() == 76
    with pytest.raises(StudyError, match="4 to 1"):
        convert_channels(np.zeros((2, 2, 4), np.uint8), 1)
