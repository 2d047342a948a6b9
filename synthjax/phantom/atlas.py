"""Every finding beside the same patient without it, as a picture.

`chest_pair` and `head_pair` render one finding; `chest_atlas` and `head_atlas` put all
of them on a page. Left of each pair: the patient without findings; right: with the
finding in its title.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32
from PIL import Image, ImageDraw

from synthjax.phantom import chest, head

TITLE = 14  # height of a title, pixels
GAP = 6  # between the columns, pixels
BRAIN_WINDOW = 80.0  # Hounsfield units from black (0) to white

Pair = Float32[np.ndarray, "s 2*s"]


def chest_pair(
    finding: str, *, number: int = 0, resolution: int = 128, seed: int = 0
) -> Pair:
    """Render one patient without (left) and with (right) a finding, 0 to 1.

    Args:
      finding: one of `chest.LABELS`; those that follow from it are shown as well.
      number: of the patient.
      resolution: of each of the two images, pixels a side.
      seed: of the population.
    """
    case = chest.draw_case(seed, number)
    both = (case.with_findings(), case.with_findings(finding))
    return np.hstack([chest.render(one, 0, resolution) for one in both])


def head_pair(
    finding: str, *, number: int = 0, resolution: int = 256, seed: int = 0
) -> Pair:
    """Render one slice without (left) and with (right) a finding, 0 to 1.

    The slice lies where the finding is seen, and is shown in the brain window.

    Args:
      finding: one of `head.LABELS`.
      number: of the patient.
      resolution: of each of the two images, pixels a side.
      seed: of the population.
    """
    case = head.draw_case(seed, number).with_findings(finding)
    both = [head.scan(one, 0, resolution) for one in (case.healthy(), case)]
    shown = np.hstack(both).astype(np.float32) / np.float32(BRAIN_WINDOW)
    return np.clip(shown, 0, 1)


def chest_atlas(resolution: int = 128, shown: int = 128, seed: int = 0) -> Image.Image:
    """Render all findings of the chest, a patient each, as a page of four columns.

    Args:
      resolution: of an image, pixels a side.
      shown: side of an image on the page, pixels.
      seed: of the population.
    """
    return _page(
        chest.LABELS,
        [
            chest_pair(name, number=number, resolution=resolution, seed=seed)
            for number, name in enumerate(chest.LABELS)
        ],
        shown,
        columns=4,
    )


def head_atlas(resolution: int = 256, shown: int = 256, seed: int = 0) -> Image.Image:
    """Render all types of haemorrhage, a patient each, as a page of two columns.

    Args:
      resolution: of a slice, pixels a side.
      shown: side of a slice on the page, pixels.
      seed: of the population.
    """
    return _page(
        head.LABELS,
        [
            head_pair(name, number=number, resolution=resolution, seed=seed)
            for number, name in enumerate(head.LABELS)
        ],
        shown,
        columns=2,
    )


def _page(
    titles: Sequence[str], pairs: Sequence[Pair], shown: int, columns: int
) -> Image.Image:
    """Put pairs on a page, row by row, each with its title above."""
    rows = -(-len(pairs) // columns)
    width, height = 2 * shown + GAP, shown + TITLE
    page = Image.new("L", (columns * width, rows * height), 0)
    draw = ImageDraw.Draw(page)
    for index, (title, pair) in enumerate(zip(titles, pairs, strict=True)):
        left, top = (index % columns) * width, (index // columns) * height
        grey = Image.fromarray(np.rint(pair * np.float32(255)).astype(np.uint8))
        grey = grey.resize((2 * shown, shown), Image.Resampling.NEAREST)
        page.paste(grey, (left, top + TITLE))
        draw.text((left + 3, top + 1), title, fill=255)
    return page
