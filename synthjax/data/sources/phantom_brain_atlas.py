"""Every type of haemorrhage beside the same slice without it, as one picture.

    python -m synthjax.data.sources.phantom_brain_atlas notebooks/phantom_brain.png

Left of each pair: the slice without findings; right: with the finding in its title. All
are shown in the brain window.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from synthjax.data.images.pixels import quantise
from synthjax.data.images.windowing import WINDOWS, apply_window
from synthjax.data.sources.phantom_brain import (
    Case,
    PhantomBrainConfig,
    draw,
    draw_case,
    scan,
)
from synthjax.phantom.head.haemorrhages import Haemorrhages
from synthjax.phantom.head.labels import LABELS, TYPES

COLUMNS = 2  # pairs in a row
TITLE = 14  # height of a title, pixels
LEVELS = np.array([6.0, -10.0, 14.0, 22.0, -18.0, 34.0, 46.0])  # z tried, in this order


def case_with(name: str, number: int, seed: int = 0) -> Case:
    """A patient with one type of haemorrhage (or none), at one level that shows it."""
    case = draw_case(PhantomBrainConfig(), seed, number)
    present = np.array([float(kind == name) for kind in TYPES])
    case = replace(
        case, haemorrhages=draw(case.head, seed, number, present), levels=LEVELS
    )
    shown = [case.label(image)[LABELS.index(name)] for image in range(len(LEVELS))]
    return replace(case, levels=LEVELS[[int(np.argmax(shown))]])


def healthy(case: Case) -> Case:
    """The same patient without haemorrhages."""
    return replace(case, haemorrhages=Haemorrhages())


def pair(name: str, number: int, resolution: int, seed: int = 0) -> Image.Image:
    """One slice without (left) and with (right) a finding."""
    config = PhantomBrainConfig()
    case = case_with(name, number, seed)
    both = [scan(config, one, 0, resolution) for one in (healthy(case), case)]
    shown = apply_window(np.hstack(both).astype(np.float32), WINDOWS["brain"])
    return Image.fromarray(quantise(shown, 8))


def atlas(resolution: int = 256, pixels: int = 256, seed: int = 0) -> Image.Image:
    """All labels: pairs of slices of `resolution`, each shown with `pixels` a side."""
    rows = -(-len(LABELS) // COLUMNS)
    wide, high = 2 * pixels + 6, pixels + TITLE
    page = Image.new("L", (COLUMNS * wide, rows * high), 0)
    text = ImageDraw.Draw(page)
    for index, name in enumerate(LABELS):
        left, top = (index % COLUMNS) * wide, (index // COLUMNS) * high
        shown = pair(name, index, resolution, seed)
        shown = shown.resize((2 * pixels, pixels), Image.Resampling.NEAREST)
        page.paste(shown, (left, top + TITLE))
        text.text((left + 3, top + 1), name, fill=255)
    return page


def main() -> None:
    """Write the atlas to the path of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path, help="PNG file to write")
    parser.add_argument("--resolution", type=int, default=256, help="pixels rendered")
    parser.add_argument("--pixels", type=int, default=256, help="pixels shown")
    parser.add_argument("--seed", type=int, default=0, help="which patients")
    given = parser.parse_args()
    atlas(given.resolution, given.pixels, given.seed).save(given.path, optimize=True)


if __name__ == "__main__":
    main()
