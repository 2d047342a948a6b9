"""Every finding beside the same patient without it, as one picture.

    python -m synthjax.data.sources.phantom_chest_atlas notebooks/phantom_findings.png

Left of each pair: the patient without findings; right: with the finding in its title.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from synthjax.data.images.pixels import quantise
from synthjax.data.sources.phantom_chest import (
    PhantomChestConfig,
    build_scene,
    draw_case,
    render,
)
from synthjax.phantom.chest.labels import LABELS, close

COLUMNS = 4  # pairs in a row
TITLE = 14  # height of a title, pixels


def pair(name: str, number: int, resolution: int, seed: int = 0) -> Image.Image:
    """One patient without (left) and with (right) a finding."""
    config = PhantomChestConfig()
    case = draw_case(config, seed, number)
    tile = np.zeros((resolution, 2 * resolution), np.uint8)
    for place, present in enumerate((False, True)):
        label = np.zeros(len(LABELS), np.float32)
        label[LABELS.index(name)] = present and name != "No Finding"
        scene = build_scene(replace(case, label=close(label)), 0)
        shown = quantise(
            render(config, scene, resolution, np.random.default_rng(number)), 8
        )
        tile[:, place * resolution : (place + 1) * resolution] = shown
    return Image.fromarray(tile)


def atlas(resolution: int = 128, pixels: int = 128, seed: int = 0) -> Image.Image:
    """All findings: pairs of images of `resolution`, each shown with `pixels` a side."""
    rows = -(-len(LABELS) // COLUMNS)
    wide, high = 2 * pixels + 6, pixels + TITLE
    page = Image.new("L", (COLUMNS * wide, rows * high), 0)
    draw = ImageDraw.Draw(page)
    for index, name in enumerate(LABELS):
        left, top = (index % COLUMNS) * wide, (index // COLUMNS) * high
        shown = pair(name, index, resolution, seed)
        shown = shown.resize((2 * pixels, pixels), Image.Resampling.NEAREST)
        page.paste(shown, (left, top + TITLE))
        draw.text((left + 3, top + 1), name, fill=255)
    return page


def main() -> None:
    """Write the atlas to the path of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path, help="PNG file to write")
    parser.add_argument("--resolution", type=int, default=128, help="pixels rendered")
    parser.add_argument("--pixels", type=int, default=128, help="pixels shown")
    parser.add_argument("--seed", type=int, default=0, help="which patients")
    given = parser.parse_args()
    atlas(given.resolution, given.pixels, given.seed).save(given.path, optimize=True)


if __name__ == "__main__":
    main()
