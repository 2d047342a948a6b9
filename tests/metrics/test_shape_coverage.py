"""Coverage of coarse images: closed forms, and what it is there to catch."""

import numpy as np
import pytest

from synthjax.metrics.shape_coverage import coarse, shape_coverage


def heads(count, seed, size=None):
    """Bright ellipses of every size and place, or of one size in the middle; noise."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:32, :32]
    images = []
    for _ in range(count):
        a, b = random.uniform(6, 14, 2) if size is None else (size, size)
        row, column = random.uniform(12, 20, 2) if size is None else (16, 16)
        inside = ((y - row) / a) ** 2 + ((x - column) / b) ** 2 < 1
        images.append(np.where(inside, 150, 20) + random.normal(0, 15, (32, 32)))
    return np.clip(images, 0, 255).astype(np.uint8)[..., None]


def test_real_images_reach_the_floor_and_one_shape_reaches_next_to_nothing():
    real = heads(300, 0)
    assert shape_coverage(real, heads(300, 1)) == pytest.approx(1 - 2**-5, abs=0.04)
    assert shape_coverage(real, heads(300, 1, size=9)) < 0.05


def test_noise_and_texture_do_not_count():
    real, other = heads(200, 0), heads(200, 1)
    rough = other.astype(int) + np.random.default_rng(2).integers(-20, 21, other.shape)
    change = shape_coverage(real, np.clip(rough, 0, 255).astype(np.uint8))
    assert change == pytest.approx(shape_coverage(real, other), abs=0.05)


def test_a_set_covers_itself_and_half_of_it_at_least_half():
    real = heads(100, 3)
    assert shape_coverage(real, real) == 1
    assert shape_coverage(real, real[:50]) >= 0.5


def test_it_is_defined_only_with_neighbours():
    real = heads(6, 4)
    assert np.isnan(shape_coverage(real[:5], real))
    assert np.isnan(shape_coverage(real, real[:0]))
    assert shape_coverage(real, real) == 1


@pytest.mark.parametrize(
    ("shape", "dtype", "size"),
    [
        ((32, 32, 1), np.uint8, 64),
        ((64, 64, 3), np.uint16, 192),
        ((4, 4, 1), np.uint8, 16),
    ],
)
def test_coarse_images_are_block_means(shape, dtype, size):
    random = np.random.default_rng(0)
    top = np.iinfo(dtype).max
    pixels = random.integers(0, top, (3, *shape), dtype=dtype)
    found = coarse(pixels)
    assert found.shape == (3, size)
    block = max(1, shape[0] // 8)
    expected = pixels[1, :block, block : 2 * block, 0].astype(float).mean() / top
    assert found[1].reshape(min(8, shape[0]), -1, shape[2])[0, 1, 0] == pytest.approx(
        expected
    )
