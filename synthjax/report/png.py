"""PNG images for the page: opened, cut out of grids, encoded."""

import io
from pathlib import Path

from PIL import Image

GRID_PAD = 1  # dark pixels between the images of a grid, as core.logbook.grid lays them


def open_image(path: Path) -> Image.Image:
    """Return an image in memory, its file closed."""
    with Image.open(path) as image:
        image.load()
        return image


def encode_png(image: Image.Image, max_width: int) -> bytes:
    """Return PNG bytes, made smaller with antialiasing if wider than `max_width`."""
    if image.width > max_width:
        height = round(image.height * max_width / image.width)
        image = image.resize((max_width, height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def grid_column(
    grid: Image.Image, index: int, *, columns: int, rows: int
) -> Image.Image:
    """Return one column of a grid of square images, its first `rows` rows.

    Args:
      grid: has GRID_PAD pixels between its images and none around.
      index: of the column, from 0.
      columns: of the grid.
      rows: that are wanted; fewer where the grid has fewer.
    """
    size = (grid.width + GRID_PAD) // columns - GRID_PAD
    left = index * (size + GRID_PAD)
    bottom = min(grid.height, rows * (size + GRID_PAD) - GRID_PAD)
    return grid.crop((left, 0, left + size, bottom))
