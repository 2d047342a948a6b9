"""Images of the report: cut out of grids, kept pixel by pixel, inlined as PNG."""

import base64
import io
from pathlib import Path
from typing import Any

from PIL import Image

PAD = 1  # dark pixels between the images of a grid, as core's logbook lays them


def data_uri(content: bytes, kind: str) -> str:
    """`content` as a data: URI of media type `kind`."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def png(image: Image.Image, max_width: int) -> bytes:
    """PNG bytes; made smaller with antialiasing if wider than `max_width` pixels."""
    if image.width > max_width:
        height = round(image.height * max_width / image.width)
        image = image.resize((max_width, height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def open_image(path: Path) -> Image.Image:
    """An image in memory, its file closed."""
    with Image.open(path) as image:
        image.load()
        return image


def column(sheet: Image.Image, number: int, *, columns: int, rows: int) -> Image.Image:
    """One column of a grid of square images, its first `rows` rows.

    The grid has `columns` columns, PAD pixels between images and none around.
    """
    size = (sheet.width + PAD) // columns - PAD
    left = number * (size + PAD)
    bottom = min(sheet.height, rows * (size + PAD) - PAD)
    return sheet.crop((left, 0, left + size, bottom))


def pairs(
    real: Path, synthetic: Path, grid: dict[str, Any], *, rows: int, cell: int
) -> list[dict[str, Any]]:
    """For each column of the two grids its findings and its real and synthetic strip.

    Args:
      real, synthetic: the grids.
      grid: what they hold, "columns" with the "finding" each is for and the "labels"
        of its images.
      rows: images of a column that are shown.
      cell: widest image, pixels.
    """
    sheets = {"real": open_image(real), "synthetic": open_image(synthetic)}
    columns = grid["columns"]
    found = []
    for number, described in enumerate(columns):
        finding = described["finding"]
        others = [name for name in described["labels"] if name != finding]
        strips = {
            arm: column(sheet, number, columns=len(columns), rows=rows)
            for arm, sheet in sheets.items()
        }
        found.append(
            {"finding": finding, "others": others}
            | {arm: png(strip, cell) for arm, strip in strips.items()}
            | {f"{arm}_size": strip.size for arm, strip in strips.items()}
        )
    return found
