"""The brain in a slice: where each structure lies, as signed distances.

Every function gives, for all points of a slice, about how far (mm) a point lies inside
the structure; negative outside. Both sides are drawn at once from the distance to the
midline. Positions are those of an average atlas, read off axial anatomy.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from synthjax.phantom.head.anatomy import ANGLES, entry, sulci
from synthjax.phantom.head.place import Slice

Distance = Float[np.ndarray, "n n"]

RIBBON = 3.1  # thickness of the cortex, mm
FOLDS = 13  # sulci that open to the midline, on each side


class Tube(NamedTuple):
    """A tapering tube between two points (|x|, y, z), mm."""

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    radii: tuple[float, float]


LATERAL_VENTRICLE = (
    Tube((11, 31, 3), (4, 9, 5), (4.0, 3.2)),  # frontal horn
    Tube((8, 28, 14), (8.5, 2, 20), (4.5, 5.0)),  # body
    Tube((8.5, 2, 20), (17, -24, 17), (5.0, 5.5)),
    Tube((17, -24, 17), (25, -36, 4), (5.5, 6.0)),  # atrium
    Tube((25, -36, 4), (21, -58, 1), (5.5, 2.5)),  # occipital horn
    Tube((26, -34, 2), (33, -14, -9), (4.0, 1.8)),  # temporal horn
    Tube((33, -14, -9), (29, 6, -15), (1.8, 2.0)),
)
VENTRICLE_FLATTENING = 0.55  # ventricles are taller than wide


def tube(points: Slice, part: Tube, squash: float, scale: float = 1.0) -> Distance:
    """Return the distance into a tube on both sides, its radii times `scale`."""
    ax, ay, az = part.start[0], part.start[1], part.start[2] * squash
    bx, by, bz = (
        part.end[0] - ax,
        part.end[1] - ay,
        part.end[2] * squash - az,
    )
    px, py = points.away - ax, points.y - ay
    pz = points.level * squash - az
    along = (px * bx + py * by + pz * bz) * (1 / (bx * bx + by * by + bz * bz))
    np.clip(along, 0, 1, out=along)
    gap = (px - bx * along) ** 2
    gap += (py - by * along) ** 2
    gap += (pz - bz * along) ** 2
    start, end = part.radii
    return (along * (end - start) + start) * scale - np.sqrt(gap)


def reaches(points: Slice, part: Tube, squash: float, scale: float) -> bool:
    """Tell whether a tube comes near the slice at all."""
    low, high = sorted((part.start[2], part.end[2]))
    reach = max(part.radii) * scale / squash + 2
    return low - reach < points.level < high + reach


def ellipsoid(
    points: Slice,
    centre: tuple[float, float, float],
    axes: tuple[float, float, float],
    turn: float = 0.0,
) -> Distance | None:
    """Return the distance into an ellipsoid; None where the slice misses it."""
    rest = 1 - ((points.level - centre[2]) / axes[2]) ** 2
    if rest <= 0.02:
        return None
    px, py = points.away - centre[0], points.y - centre[1]
    if turn:
        cosine, sine = float(np.cos(turn)), float(np.sin(turn))
        px, py = px * cosine + py * sine, py * cosine - px * sine
    size = float(np.sqrt(rest))
    wide, long = axes[0] * size, axes[1] * size
    return (1 - np.hypot(px * (1 / wide), py * (1 / long))) * min(wide, long)


def union(parts: list[Distance | None]) -> Distance | None:
    """Return the distance into any of the parts."""
    whole: Distance | None = None
    for part in parts:
        if part is not None:
            whole = part if whole is None else np.maximum(whole, part, out=whole)
    return whole


def lateral_ventricles(points: Slice) -> Distance | None:
    """Return the distance into a lateral ventricle: horns, body and atrium."""
    scale, squash = points.ventricle_scale, VENTRICLE_FLATTENING
    parts = [
        tube(points, part, squash, scale)
        for part in LATERAL_VENTRICLE
        if reaches(points, part, squash, scale)
    ]
    inside = union([*parts])
    if inside is not None and any(points.squeeze):
        right, left = points.squeeze
        inside = inside - np.where(points.x < 0, np.float32(right), np.float32(left))
    return inside


def middle_ventricles(points: Slice) -> Distance | None:
    """Return the distance into the third or the fourth ventricle."""
    level, scale = points.level, points.ventricle_scale
    parts: list[Distance | None] = []
    if -13 < level < 8:
        slit = Tube((0, 8, -3), (0, -13, -2), (1.7, 1.5))
        parts.append(tube(points, slit, 0.22, scale))
    if level < -14:
        parts.append(ellipsoid(points, (0, -37, -27), (6.5 * scale, 5 * scale, 12)))
    return union(parts)


def fissure_ends(level: float) -> tuple[float, float]:
    """Return the y (mm) before and behind which the midline fissure runs."""
    front = np.interp(level, [-24, -8, 4, 16, 26, 32], [24, 24, 37, 41, 34, 0])
    back = np.interp(level, [-8, 4, 18, 27, 32], [-46, -38, -38, -26, 0])
    return float(front), float(back)


def in_fissure(points: Slice) -> Distance:
    """Return how far (mm) a point lies within the stretches of the midline fissure."""
    front, back = fissure_ends(points.level)
    return np.maximum(points.y - front, back - points.y)


def midline_fissure(points: Slice, width: float) -> Distance:
    """Return the distance into the midline fissure and the sulci that open to it."""
    stretch = in_fissure(points)
    inside = np.minimum(width / 2 - points.away, stretch)
    # Another row of sulci on each side, at uneven distances.
    phases = np.array(points.head.folds[: 2 * FOLDS])
    sway = np.sin(points.level / 8 + phases)
    place = (np.tile(np.arange(FOLDS), 2) - (FOLDS - 1) / 2) * 14 + 4.5 * sway
    nearest = np.rint(points.y * np.float32(1 / 14) + np.float32((FOLDS - 1) / 2))
    nearest = np.clip(nearest, 0, FOLDS - 1).astype(np.int8)
    nearest += (points.x > 0) * np.int8(FOLDS)
    tilt = (0.45 * np.cos(2 * phases)).astype(np.float32)[nearest]
    bend = np.float32(1.3) * np.sin(points.away * np.float32(0.45))
    gap = points.y + tilt * points.away + bend - place.astype(np.float32)[nearest]
    reach = (8 + 5 * np.cos(points.level / 11 + 3 * phases)).astype(np.float32)[nearest]
    side = np.minimum(width * 0.4 - np.abs(gap), reach - points.away)
    side = np.minimum(side, stretch - 5)
    return np.maximum(inside, side)


def convexity_sulci(points: Slice, width: Float[np.ndarray, "k"]) -> Distance:
    """Return the distance into a sulcus that opens to the convexity.

    `width` is a table over ANGLES (mm). Sulci wind: their axes sway with depth.
    """
    place, reach = sulci(points.head, points.level)
    grid, below = points.grid, points.below
    # A table of the nearest sulcus, whose neighbours meet halfway.
    padded = np.concatenate([[place[-1] - 2 * np.pi], place, [place[0] + 2 * np.pi]])
    nearest = np.searchsorted((padded[1:] + padded[:-1]) / 2, ANGLES)
    gap = ANGLES - padded[nearest]
    deep = np.concatenate([[reach[-1]], reach, [reach[0]]])[nearest]
    wind = np.sin(below * np.float32(0.42) + grid.at(3 * np.sin(7 * ANGLES)))
    slant = grid.at(0.28 * np.sin(3 * ANGLES + points.head.sulcus_phase[0]))
    safe = np.maximum(grid.radius, np.float32(8))
    moved = grid.angle + (1.5 * wind + slant * below) / safe
    index = entry(moved)
    offset = gap.astype(np.float32)[index] * grid.radius
    depth = deep.astype(np.float32)[index]
    half = (width / 2).astype(np.float32)[index]
    inside = np.minimum(half - np.abs(offset), depth - below)
    # A short side branch makes the end of most sulci a hook.
    bar = np.minimum(half * 0.9 - np.abs(below - 0.62 * depth), 5.5 - np.abs(offset))
    bar = np.minimum(bar, offset + half)
    return np.maximum(inside, bar)


def sylvian(points: Slice, width: float) -> Distance | None:
    """Return the distance into a Sylvian fissure: stem, insular cistern, branch."""
    level, half = points.level, width / 2
    if not -20 < level < 26:
        return None
    # The fissure winds, and not alike on both sides.
    first, second, third, fourth = points.head.folds[-4:]
    phase = np.where(points.x < 0, np.float32(first), np.float32(second))
    tilt = np.where(points.x < 0, np.float32(np.sin(third)), np.float32(np.sin(fourth)))
    wound = replace(
        points,
        away=points.away + 1.6 * np.sin(points.y * np.float32(0.24) + phase),
        y=points.y
        + 1.5 * np.sin(points.away * np.float32(0.33) + phase)
        + tilt * (0.12 * (points.away - 40) + 2),
    )
    stem = Tube((44, 9, 0), (72, 17, 0), (half * 0.7, half * 1.5))
    insula = Tube((40, 24, 0), (45, 5, 0), (half * 0.6, half * 0.9))
    rear = Tube((45, 5, 0), (43, -11, 0), (half * 0.9, half * 0.6))
    back = Tube((43, -9, 12), (70, -24, 18), (half * 0.6, half))
    parts = [tube(wound, part, 0.1) for part in (stem, insula, rear)]
    if level > 2:
        parts.append(tube(wound, back, 0.2))
    ending = max(0.0, abs(level - 3) - 14) * 0.35
    whole = union([*parts])
    assert whole is not None
    return whole - ending


def cisterns(points: Slice, width: float) -> Distance | None:
    """Return the distance into the basal cisterns: star, around midbrain and pons."""
    level = points.level
    parts: list[Distance | None] = []
    if -24 < level < -6:
        px, py = points.away, points.y - 9
        star = 9.5 + 3.8 * np.cos(5 * np.arctan2(px, py)) + width
        ending = max(0.0, abs(level + 14) - 5) * 1.3
        parts.append((star - np.hypot(px, py)) * 0.75 - ending)
    if -22 < level < -3:
        q = np.hypot(points.away * (1 / 16.5), (points.y + 13) * (1 / 13.5))
        ring = 0.5 * width + 0.8 - np.abs((q - 1) * 14 - 1.0)
        ending = max(0.0, abs(level + 11) - 6) * 0.6
        parts.append(np.minimum(ring, -5 - points.y) - ending)
    if -12 < level < 7:
        smile = Tube((0, -30, -3), (9, -26, -3), (2.2 + 0.4 * width, 1.6))
        parts.append(tube(points, smile, 0.25))
    if level < -22:
        before = Tube((0, 4, -30), (11, 1, -30), (1.6 + 0.4 * width, 1.4))
        parts.append(tube(points, before, 0.2))
        lateral = Tube((18, -14, -30), (26, -22, -30), (1.5 + 0.3 * width, 2.2))
        parts.append(tube(points, lateral, 0.25))
    return union(parts)


def deep_grey(points: Slice) -> Distance | None:
    """Return the distance into caudate nucleus, lentiform nucleus or thalamus."""
    return union(
        [
            ellipsoid(points, (13, 19, 6), (4.8, 9.5, 11), -0.3),
            ellipsoid(points, (25, 5, 3), (6.5, 15, 12), -0.32),
            ellipsoid(points, (11, -9, 4), (7.5, 13, 11), 0.45),
        ]
    )


def tentorium(level: float) -> tuple[float, float]:
    """Return where the cerebellum's slice begins: y at the midline, and fall per mm."""
    top = np.interp(level, [-28, -18, -8], [-10, -16, -27])
    fall = np.interp(level, [-28, -18, -8], [0.5, 0.8, 1.9])
    return float(top), float(fall)


def cerebellum(points: Slice) -> Distance | None:
    """Return the distance behind the tentorium; None where the slice is above it."""
    if points.level > -6:
        return None
    top, fall = tentorium(points.level)
    edge = top - 5 - fall * points.away - points.y
    return edge * float(1 / np.hypot(1, fall)) - max(0.0, points.level + 10) * 2


def brainstem(points: Slice) -> Distance | None:
    """Return the distance into midbrain and pons."""
    if points.level > -5:
        return None
    low = float(np.clip((-10 - points.level) / 14, 0, 1))
    centre = (0.0, -13.0 - 1.5 * low, points.level)
    return ellipsoid(points, centre, (14.5 + 2 * low, 11.5 + 2.5 * low, 20.0))


def base_bones(points: Slice) -> Distance | None:
    """Return the distance into petrous ridges, sphenoid wings and clinoids."""
    level = points.level
    if level > -17:
        return None
    low = float(np.clip((-17 - level) / 11, 0, 1))
    # Sizes grow from nothing, so that bone rises gradually from level to level.
    lift = -7 * (1 - low)
    parts = []
    petrous = Tube((19, -9, 0), (70, -36, 0), (1.5 + 2.5 * low, 6.0 + 5 * low))
    parts.append(tube(points, petrous, 0.0))
    wing = Tube((24, 22, 0), (70, 40, 0), (1.5 + 1.0 * low, 3.5 + 2.5 * low))
    parts.append(tube(points, wing, 0.0))
    clinoid = Tube((9, 17, 0), (17, 22, 0), (1.5 + low, 1.5 + low))
    parts.append(tube(points, clinoid, 0.0))
    dorsum = Tube((0, 1, 0), (7, 0, 0), (0.8 + low, 0.8 + low))
    parts.append(tube(points, dorsum, 0.0))
    roof = Tube((27, 52, 0), (36, 46, 0), (5.0, 6.0))
    parts.append(tube(points, roof, 0.0) - 7 * (1 - low))
    whole = union([*parts])
    assert whole is not None
    return whole + lift
