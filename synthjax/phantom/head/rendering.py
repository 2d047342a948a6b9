"""A slice of a head in Hounsfield units: brain, blood on it, skull, scalp and air."""

import numpy as np
from jaxtyping import Float, Int16

from synthjax.phantom.head.anatomy import (
    ANGLES,
    CORONAL,
    LAMBDOID,
    Head,
    make_grid,
    slope,
)
from synthjax.phantom.head.brain import base_bones
from synthjax.phantom.head.canvas import Canvas
from synthjax.phantom.head.case import Case
from synthjax.phantom.head.haemorrhages import Haemorrhages
from synthjax.phantom.head.place import Slice, place_brain
from synthjax.phantom.head.scanner import acquire, points_for
from synthjax.phantom.head.tissue import paint_brain

NOISE = 3.0  # standard deviation of a 0.9 mm pixel, HU
CUPPING = 3.0  # HU that beam hardening adds to the brain next to the skull
AIR, FAT, MUSCLE, SKIN = -1000.0, -85.0, 48.0, 25.0  # HU
TABLE, DIPLOE, SUTURE, PETROUS = 1450.0, 650.0, 250.0, 1150.0
BLUR = 1.0  # mm: the narrowest edge
SLAB = 5.0  # thickness of a slice, mm: blurs walls that are not vertical


def scan(
    case: Case,
    image: int = 0,
    resolution: int = 128,
    *,
    noise: float = NOISE,
    cupping: float = CUPPING,
) -> Int16[np.ndarray, "s s"]:
    """Render slice `image` (from 0) of a case in Hounsfield units.

    Args:
      case: the patient with their haemorrhages.
      image: which of the patient's slices; each has a noise of its own.
      resolution: pixels a side, a power of two from 16 to 1024.
      noise: standard deviation of a 0.9 mm pixel, HU; 0 for none.
      cupping: HU that beam hardening adds to the brain next to the skull.
    """
    canvas, points = paint(case, image, resolution)
    return acquire(
        canvas.hounsfield,
        points.depth,
        resolution,
        pitch=case.head.field / resolution,
        cupping=cupping,
        noise=noise,
        rng=case.noise(image),
    )


def paint(case: Case, image: int, resolution: int) -> tuple[Canvas, Slice]:
    """Paint the tissue of slice `image` (from 0), before the scanner."""
    level = float(case.levels[image])
    return paint_head(case.head, level, case.found(image), points_for(resolution))


def paint_head(
    head: Head, level: float, found: Haemorrhages, size: int
) -> tuple[Canvas, Slice]:
    """Paint a slice on `size` x `size` points, and return where its points belong.

    Args:
      head: who is scanned.
      level: z of the slice, mm.
      found: the haemorrhages that show in this slice.
      size: points a side.
    """
    points = place_brain(head, level, found, make_grid(head, size))
    white = np.full(points.x.shape, head.white, np.float32)
    canvas = Canvas(white, max(BLUR, points.grid.pitch))
    paint_brain(canvas, points, found)
    _paint_surface(canvas, points, found)
    _paint_skull(canvas, points)
    _paint_scalp(canvas, points)
    return canvas, points


def _paint_surface(canvas: Canvas, points: Slice, found: Haemorrhages) -> None:
    """Paint fluid between brain and skull, and the blood on the convexity."""
    wall = SLAB * slope(points.level) * 0.5
    canvas.paint(points.head.csf + 4, canvas.cover(-points.below, wall))
    for kind, one in (("subdural", found.subdural), ("epidural", found.epidural)):
        if one is not None:
            table = one.thickness(points.level)
            # Where there is no blood the edge must lie clear of the skull.
            inside = points.grid.at(np.where(table > 0.3, table, -20)) - points.depth
            canvas.paint(one.hounsfield, canvas.cover(inside), kind)


def _bone(head: Head, level: float) -> Float[np.ndarray, "k"]:
    """Return the skull's thickness over ANGLES (mm); a slanting wall looks thick."""
    bump = 1 + 0.25 * np.cos(ANGLES) ** 2 + 0.12 * np.sin(3 * ANGLES + level / 20)
    brow = 4 * _low(level) * np.exp(-((ANGLES / 0.3) ** 4))
    return head.bone * bump * float(np.hypot(1, slope(level))) + brow


def _low(level: float) -> float:
    """Return 0 above the frontal sinus, 1 at its middle."""
    return float(np.clip((-8 - level) / 12, 0, 1))


def _paint_skull(canvas: Canvas, points: Slice) -> None:
    """Paint bones of the base, both tables, diploe, sutures and frontal sinus."""
    grid, depth, level = points.grid, points.depth, points.level
    base = base_bones(points)
    if base is not None:
        canvas.paint(PETROUS, canvas.cover(base, 2.0))
    thick = _bone(points.head, level)
    shell = canvas.cover(-depth, SLAB * slope(level))
    canvas.paint(TABLE, shell)
    room = grid.at(thick) + depth  # to the outer table
    spongy = np.minimum(-depth, room) - np.float32(1.9)
    canvas.paint(DIPLOE, canvas.cover(spongy) * np.float32(0.9))
    away = np.minimum(
        np.abs(np.abs(ANGLES) - CORONAL), np.abs(np.abs(ANGLES) - LAMBDOID)
    )
    canvas.paint(SUTURE, shell * grid.at(0.7 * np.exp(-((away / 0.012) ** 2))))
    if _low(level):
        brow = grid.at(np.where(np.abs(ANGLES) < 0.28, 0.0, -99.0))
        sinus = np.minimum(-depth, room + brow) - np.float32(2.5)
        sinus = np.minimum(sinus, 5 * _low(level) - 2)
        canvas.paint(AIR + 60, canvas.cover(sinus))


def _paint_scalp(canvas: Canvas, points: Slice) -> None:
    """Paint temporal muscle (in lower slices), fat, skin, and the air around."""
    grid, head, level = points.grid, points.head, points.level
    outside = -points.depth - grid.at(_bone(head, level))
    temple = 9 * np.exp(-(((np.abs(ANGLES) - 1.15) / 0.38) ** 2))
    muscle = temple * float(np.clip((16 - level) / 20, 0, 1))
    canvas.paint(FAT, canvas.cover(outside))
    canvas.paint(MUSCLE, canvas.cover(np.minimum(outside, grid.at(muscle) - outside)))
    skin = outside - grid.at(muscle + head.scalp * (1 + 0.15 * np.cos(2 * ANGLES)))
    canvas.paint(SKIN, canvas.cover(skin + 1.6))
    canvas.paint(AIR, canvas.cover(skin))
