"""Where every point of a slice belongs in a brain, and how blood displaces it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from synthjax.phantom.head.anatomy import ANGLES, Grid, Head, inner_radius
from synthjax.phantom.head.canvas import Map
from synthjax.phantom.head.haemorrhages import (
    Epidural,
    Haemorrhages,
    Intraparenchymal,
    Subdural,
)

BACK_AND_FRONT = 84.0  # |y| from which on the falx holds the midline, mm
PUSH = 45.0  # mm over which the push of a clot dies away


@dataclass(frozen=True)
class Slice:
    """One slice of a head on a grid, with what blood has done to the brain's place.

    `x` and `y` are where a point of the brain was before blood pushed it (mm); `depth`
    is the distance below the inner table, `below` that below the surface of the brain.
    """

    head: Head
    level: float  # z, mm
    grid: Grid
    x: Map
    y: Map
    away: Map  # |x|
    depth: Map
    below: Map
    pressed: Float[np.ndarray, "k"]  # over ANGLES: 0 free, 1 sulci pressed shut
    ventricle_scale: float  # width of the ventricles, relative
    squeeze: tuple[float, float]  # mm that the right and the left ventricle lose


def place_brain(head: Head, level: float, found: Haemorrhages, grid: Grid) -> Slice:
    """Place the brain in the slice at `level` (z, mm) of a head with haemorrhages.

    Blood on the convexity moves the brain sideways, most on its own side, presses the
    sulci beneath it shut and narrows the ventricle of its side; a clot pushes its
    surroundings outwards as an incompressible one of part of its area would; ventricles
    with blood, or with blood in the cisterns before them, are wide.
    """
    thick = found.thickness(level)
    pressed = np.clip(thick / 6, 0, 1)
    gap = (0.4 + 2.6 * head.atrophy) * (1 - 0.9 * pressed)
    depth = grid.at(inner_radius(head, level, ANGLES)) - grid.radius
    x, y = grid.x, grid.y
    squeeze = [0.0, 0.0]
    for one in found.convex:
        x = _moved_aside(x, grid, one, level)
        side = int(one.angle > 0)
        squeeze[side] += min(2.2, 0.3 * abs(one.shift(level)))
    if found.intraparenchymal is not None:
        x, y = _moved_outwards(x, y, found.intraparenchymal, level)
    widen = 1.0
    if found.intraventricular is not None:
        widen = found.intraventricular.width
    elif found.subarachnoid is not None and found.subarachnoid.basal:
        widen = 1.12
    x = x * np.float32(1 / head.wide)
    return Slice(
        head=head,
        level=level,
        grid=grid,
        x=x,
        y=y,
        away=np.abs(x),
        depth=depth,
        below=depth - grid.at(thick + gap),
        pressed=pressed,
        ventricle_scale=float(min((0.72 + 0.62 * head.atrophy) * widen, 1.6)),
        squeeze=(squeeze[0], squeeze[1]),
    )


def _moved_aside(x: Map, grid: Grid, one: Epidural | Subdural, level: float) -> Map:
    """Return x before blood on the convexity moved the midline by `shift`."""
    side = float(np.sign(one.angle))
    near = np.clip(grid.x * np.float32(side / 110) + np.float32(0.5), 0, 1)
    near *= np.maximum(1 - (grid.y * np.float32(1 / BACK_AND_FRONT)) ** 2, 0)
    return x - (2 * one.shift(level)) * near


def _moved_outwards(
    x: Map, y: Map, clot: Intraparenchymal, level: float
) -> tuple[Map, Map]:
    """Return x and y before a clot pushed them away from its centre."""
    right, up = x - clot.centre[0], y - clot.centre[1]
    away = right**2 + up**2
    push = (0.7 * clot.size(level)) ** 2 * np.exp(away * np.float32(-1 / PUSH**2))
    factor = np.sqrt(np.maximum(1 - push / np.maximum(away, 1), 0))
    return clot.centre[0] + right * factor, clot.centre[1] + up * factor
