"""Columns are cut out of grids pixel by pixel."""

import io

import numpy as np
from PIL import Image

from synthjax.core.logbook import grid, save_png
from synthjax.report.png import encode_png, grid_column, open_image


def test_column_of_a_grid_holds_the_images_that_were_laid_there(tmp_path):
    rng = np.random.default_rng(0)
    images_u8 = rng.integers(0, 256, (12, 8, 8, 1)).astype(np.uint8)
    save_png(tmp_path / "grid.png", grid(images_u8, 4))
    strip = np.asarray(
        grid_column(open_image(tmp_path / "grid.png"), 2, columns=4, rows=2)
    )
    assert strip.shape == (17, 8)
    np.testing.assert_array_equal(strip[:8], images_u8[2, ..., 0])
    np.testing.assert_array_equal(strip[9:], images_u8[6, ..., 0])


def test_only_wide_images_are_reduced():
    image = Image.new("L", (300, 600))
    assert Image.open(io.BytesIO(encode_png(image, 150))).size == (150, 300)
    assert Image.open(io.BytesIO(encode_png(image, 300))).size == (300, 600)
