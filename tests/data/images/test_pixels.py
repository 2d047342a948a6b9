"""Values of any size become pixels the same way everywhere: closed forms of each step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthjax.core.errors import ConfigError, StudyError
from synthjax.data.images.pixels import (
    PixelsConfig,
    convert_channels,
    crop_to_square,
    fit,
    pad_to_square,
    quantise,
    resize,
    to_bytes,
    unit,
)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).random(shape, np.float32)


@pytest.mark.parametrize("bits", [8, 16])
def test_unit_and_back_is_exact(bits):
    pixels = np.arange(2**bits, dtype=f"uint{bits}")
    np.testing.assert_array_equal(quantise(unit(pixels), bits), pixels)


def test_sixteen_bits_are_shown_as_eight():
    shown = to_bytes(np.array([0, 128, 129, 32768, 65535], np.uint16))
    np.testing.assert_array_equal(shown, [0, 0, 1, 128, 255])
    eight = np.arange(256, dtype=np.uint8)
    assert to_bytes(eight) is eight


def test_resize_is_antialiased():
    """A pattern finer than the new grid becomes its mean, not a sampled phase."""
    stripes = np.tile(np.array([[0.0, 1.0]], np.float32), (64, 32))[..., None]
    np.testing.assert_allclose(resize(stripes, 8, 8), 0.5, atol=0.02)


def test_resize_matches_the_triangle_filter():
    """Closed form: halving weighs the four nearest pixels 1, 3, 3, 1 (over 8)."""
    row = noise(32)
    small = resize(np.tile(row, (32, 1))[..., None], 32, 16)[5, :, 0]
    inner = [row[2 * i - 1 : 2 * i + 3] @ [1, 3, 3, 1] / 8 for i in range(1, 15)]
    np.testing.assert_allclose(small[1:15], inner, rtol=1e-5)


@pytest.mark.parametrize("size", [16, 33, 128])
def test_resize_keeps_constants_and_range(size):
    constant = np.full((40, 56, 3), 0.3, np.float32)
    np.testing.assert_allclose(resize(constant, size, size), 0.3, rtol=1e-6)
    resized = resize(noise(40, 56, 1), size, size)
    assert resized.dtype == np.float32
    assert resized.shape == (size, size, 1)
    assert 0 <= resized.min() and resized.max() <= 1


def test_aspect_is_padded_cropped_or_squashed():
    wide = np.full((20, 40, 1), 0.5, np.float32)
    wide[:, 10:30] = 1.0
    shown = {
        aspect: fit(wide, PixelsConfig(aspect=aspect), 16, 1)[..., 0]
        for aspect in ("pad", "crop", "squash")
    }
    assert shown["pad"][0].max() == 0 and shown["pad"][8].min() == 128
    np.testing.assert_array_equal(shown["crop"], 255)
    assert shown["squash"].min() == 128 and shown["squash"][0, 8] == 255


def test_pad_and_crop_are_centred():
    padded = pad_to_square(np.ones((4, 7, 1), np.float32))
    assert padded.shape == (7, 7, 1)
    np.testing.assert_array_equal(padded[1:5], 1)
    assert padded.sum() == 28
    np.testing.assert_array_equal(
        crop_to_square(np.arange(7.0)[None, :, None].repeat(3, 0))[0, :, 0], [2, 3, 4]
    )


def test_convert_channels():
    grey = noise(4, 4, 1)
    rgb = convert_channels(grey, 3)
    assert rgb.shape == (4, 4, 3)
    np.testing.assert_allclose(convert_channels(rgb, 1), grey, rtol=1e-6)
    red = np.array([1.0, 0.0, 0.0], np.float32).reshape(1, 1, 3)
    assert convert_channels(red, 1).item() == pytest.approx(0.299)
    with pytest.raises(StudyError, match="4 to 1"):
        convert_channels(np.zeros((2, 2, 4), np.float32), 1)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("resolution", [16, 32, 64])
def test_lower_sets_of_a_pyramid_are_box_means_of_the_highest(bits, resolution):
    values = noise(100, 90, 1)
    config = PixelsConfig(pyramid_from=128, bits=bits)
    top = fit(values, config, 128, 1).astype(np.float64)
    step = 128 // resolution
    means = top.reshape(resolution, step, resolution, step, 1).mean(axis=(1, 3))
    low = fit(values, config, resolution, 1)
    assert low.dtype == f"uint{bits}"
    np.testing.assert_array_equal(low, np.rint(means))


def test_division_by_the_maximum_makes_the_brightest_white():
    dim = noise(32, 32, 1) * 0.5
    assert fit(dim, PixelsConfig(), 32, 1).max() < 129
    shown = fit(dim, PixelsConfig(normalise="maximum"), 32, 1)
    np.testing.assert_array_equal(shown, np.rint(dim / dim.max() * 255))
    black = fit(
        np.zeros((8, 8, 1), np.float32), PixelsConfig(normalise="maximum"), 8, 1
    )
    assert black.max() == 0


@given(
    height=st.integers(1, 80),
    width=st.integers(1, 80),
    have=st.sampled_from([1, 3]),
    channels=st.sampled_from([1, 3]),
    aspect=st.sampled_from(["pad", "crop", "squash"]),
)
def test_any_size_fits(height, width, have, channels, aspect):
    pixels = fit(noise(height, width, have), PixelsConfig(aspect=aspect), 16, channels)
    assert pixels.shape == (16, 16, channels) and pixels.dtype == np.uint8


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"aspect": "stretch"}, "pad, crop, squash"),
        ({"bits": 12}, "one of 8, 16"),
        ({"normalise": "mean"}, "none, maximum"),
        ({"pyramid_from": 100}, "one of 0, 16, 32"),
        ({"window": "liver"}, "brain, subdural, bone"),
        ({"white": -1}, "white"),
    ],
)
def test_values_are_checked(wrong, message):
    with pytest.raises(ConfigError, match=message):
        PixelsConfig(**wrong)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (PixelsConfig(pyramid_from=64), "pyramid_from=64.*resolution=128"),
        (PixelsConfig(bits=16), "bits=16.*channels=1"),
        (PixelsConfig(window="three"), None),
    ],
)
def test_shapes_that_cannot_be_made_are_named(config, message):
    if message is None:
        config.check_set(128, 3)
        with pytest.raises(ConfigError, match=r"three.*channels=3"):
            config.check_set(128, 1)
        return
    with pytest.raises(ConfigError, match=message):
        config.check_set(128, 3)
