"""Real and synthetic images of the same labels, side by side."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from synthjax.report.png import encode_png, grid_column, open_image
from synthjax.report.section import SectionInputs, Values
from synthjax.report.study_reader import COMPARED_ARMS


def images(inputs: SectionInputs) -> Values:
    """Return a strip of real and one of synthetic images for each finding."""
    study = inputs.study
    paths = {
        arm: study.image("evaluate", "grids", f"{arm}.png") for arm in COMPARED_ARMS
    }
    described = study.json("evaluate", "grids", "grid.json")
    found = {arm: path for arm, path in paths.items() if path is not None}
    if len(found) < len(paths) or described is None:
        return {"pairs": []}
    return {"pairs": list(_pairs(found, described["columns"], inputs))}


def _pairs(
    paths: dict[str, Path], columns: list[dict[str, Any]], inputs: SectionInputs
) -> Iterator[dict[str, Any]]:
    """Yield each column of both grids, with the labels that its images have.

    Args:
      paths: arm -> grid of its images.
      columns: "finding", which each column is for, and all "labels" of its images.
      inputs: of the section.
    """
    grids = {arm: open_image(path) for arm, path in paths.items()}
    config = inputs.config
    for number, column in enumerate(columns):
        finding = column["finding"]
        others = [name for name in column["labels"] if name != finding]
        pair: dict[str, Any] = {"finding": finding, "others": others}
        for arm, grid in grids.items():
            strip = grid_column(
                grid, number, columns=len(columns), rows=config.images_per_finding
            )
            alt = f"{arm.capitalize()} test images with {', '.join([finding, *others])}"
            picture = inputs.figures.add_png(
                f"pair-{number:02d}-{arm}", encode_png(strip, config.image_width), alt
            )
            pair[arm] = picture | {"width": strip.width, "height": strip.height}
        yield pair
