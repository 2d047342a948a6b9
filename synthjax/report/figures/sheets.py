"""Grids of images."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from jaxtyping import UInt8
from matplotlib.figure import Figure

from synthjax.report.figures.style import INK, STYLE, plain_text


def sheet(
    images_u8: UInt8[np.ndarray, "..."], captions: Sequence[str], title: str = ""
) -> Figure:
    """Draw a grid of images, every pixel visible, with a caption under each column.

    Args:
      images_u8: the grid [h w], [h w 1] or [h w 3], columns of equal width.
      captions: one for each column.
      title: set above the grid.
    """
    with matplotlib.rc_context(STYLE):
        height, width = images_u8.shape[:2]
        figure = Figure(figsize=(8, 8 * height / width + 1), layout="constrained")
        axes = figure.add_subplot()
        grey = images_u8.ndim == 2 or images_u8.shape[-1] == 1
        pixels = images_u8.reshape(height, width) if grey else images_u8
        axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        captions = [plain_text(caption) for caption in captions]
        step = width / len(captions)
        centres = [step * (i + 0.5) - 0.5 for i in range(len(captions))]
        tilted = max(map(len, captions)) > 6
        axes.set_xticks(
            centres,
            captions,
            rotation=35 if tilted else 0,
            ha="right" if tilted else "center",
        )
        axes.set_yticks([])
        axes.tick_params(length=0, labelcolor=INK)
        axes.spines[:].set_visible(False)
        axes.set_title(plain_text(title))
    return figure
