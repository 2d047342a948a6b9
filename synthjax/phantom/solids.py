"""Chord lengths of solids along a parallel beam, in closed form.

Axes in millimetres: x to the right of the image (the patient's left in a frontal view),
y along the beam (towards the patient's front), z up. A solid that a ray meets in one
piece is an interval `Span` of y; unions and intersections of organs are then exact.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
from jaxtyping import Float, Int

BLOCK = 1 << 15  # pixels of rods that are computed at a time (cache, memory)


@dataclass(frozen=True)
class Grid:
    """Detector pixels: centres in the patient's frame and their `pitch` (mm).

    `x` grows to the right, `z` falls from the top row to the bottom row.
    """

    x: Float[np.ndarray, "w"]
    z: Float[np.ndarray, "h"]
    pitch: float

    @property
    def size(self) -> int:
        """Return the number of pixels in a row."""
        return len(self.x)

    def columns(self, chosen: slice) -> "Grid":
        """Return the same detector with these columns only."""
        return Grid(self.x[chosen], self.z, self.pitch)


def make_grid(size: int, field: float, centre: tuple[float, float]) -> Grid:
    """Make a detector of `field` mm a side around the point `centre` = (x, z) mm."""
    pitch = field / size
    steps = (np.arange(size, dtype=np.float32) + 0.5) * pitch - field / 2
    x = (centre[0] + steps).astype(np.float32)
    z = (centre[1] - steps).astype(np.float32)
    return Grid(x, z, pitch)


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid whose y axis is a principal axis; `roll` turns it in the x-z plane.

    `centre` and semi-`axes` are (x, y, z) in mm, `roll` in radians (positive turns the
    x axis towards z), `mu` its attenuation in 1/mm relative to what it displaces.
    """

    centre: tuple[float, ...]
    axes: tuple[float, ...]
    roll: float = 0.0
    mu: float = 0.0

    @property
    def half_extent(self) -> tuple[float, float]:
        """Return half width in x and half height in z of the projection (mm)."""
        cos, sin = np.cos(self.roll), np.sin(self.roll)
        a, _, c = self.axes
        return float(np.hypot(a * cos, c * sin)), float(np.hypot(a * sin, c * cos))


@dataclass(frozen=True)
class Span:
    """Intervals of y, one per ray, from `start` to `end` (mm); empty if end <= start."""

    start: Float[np.ndarray, "h w"]
    end: Float[np.ndarray, "h w"]

    @property
    def length(self) -> Float[np.ndarray, "h w"]:
        """Return the length of every interval (mm)."""
        length = self.end - self.start
        return np.maximum(length, 0, out=length)

    def __and__(self, other: "Span") -> "Span":
        """Return the intersection of both intervals of every ray."""
        return Span(
            np.maximum(self.start, other.start), np.minimum(self.end, other.end)
        )


def half_chord(
    solid: Ellipsoid, x: Float[np.ndarray, "w"], z: Float[np.ndarray, "h"]
) -> Float[np.ndarray, "h w"]:
    """Return half the chord of every ray (x, z) through an ellipsoid, mm; 0 outside."""
    a, b, c = solid.axes
    dx = (x - solid.centre[0])[None, :]
    dz = (z - solid.centre[2])[:, None]
    if solid.roll:
        cos, sin = np.float32(np.cos(solid.roll)), np.float32(np.sin(solid.roll))
        u = dx * (cos / a) + dz * (sin / a)
        w = dz * (cos / c) - dx * (sin / c)
        inside = 1 - u * u - w * w
    else:
        inside = (1 - (dx / a) ** 2) - (dz / c) ** 2
    np.maximum(inside, 0, out=inside)
    np.sqrt(inside, out=inside)
    inside *= np.float32(b)
    return inside


def span(solid: Ellipsoid, grid: Grid) -> Span:
    """Return where the rays of a detector run inside an ellipsoid."""
    half = half_chord(solid, grid.x, grid.z)
    middle = np.float32(solid.centre[1])
    return Span(middle - half, middle + half)


def length_outside(inner: Span, others: list[Span]) -> Float[np.ndarray, "h w"]:
    """Return the length inside `inner` and outside the union of `others` (mm).

    Inclusion and exclusion: intersections of intervals are intervals, so this is exact.
    """
    length = inner.length
    shared = [(inner & other, index) for index, other in enumerate(others)]
    sign = -1
    while shared:
        for part, _ in shared:
            length += sign * part.length
        shared = [
            (part & others[index], index)
            for part, last in shared
            for index in range(last + 1, len(others))
        ]
        sign = -sign
    return np.maximum(length, 0, out=length)


def add_ellipsoid(
    image: Float[np.ndarray, "h w"], solid: Ellipsoid, grid: Grid
) -> None:
    """Add the ellipsoid's attenuation to `image` in place, inside its bounding box."""
    (x, _, z), (wide, high) = solid.centre, solid.half_extent
    edges = [x - wide - grid.x[0], x + wide - grid.x[0]]
    edges += [grid.z[0] - z - high, grid.z[0] - z + high]
    left, right, top, bottom = (max(0, ceil(edge / grid.pitch)) for edge in edges)
    if left < right and top < bottom:
        half = half_chord(solid, grid.x[left:right], grid.z[top:bottom])
        image[top:bottom, left:right] += np.float32(2 * solid.mu) * half


@dataclass(frozen=True)
class Rods:
    """Straight cylinders with flat ends.

    `start` and `end` [n 3] are the ends of the axes (mm), `radius` [n] in mm, `mu` [n]
    in 1/mm relative to what they displace.
    """

    start: Float[np.ndarray, "n 3"]
    end: Float[np.ndarray, "n 3"]
    radius: Float[np.ndarray, "n"]
    mu: Float[np.ndarray, "n"]

    def take(self, chosen: Int[np.ndarray, "m"]) -> "Rods":
        """Return some of the rods."""
        return Rods(
            self.start[chosen], self.end[chosen], self.radius[chosen], self.mu[chosen]
        )


def chain(
    points: Float[np.ndarray, "k 3"],
    radius: float | Float[np.ndarray, "m"],
    mu: float,
) -> Rods:
    """Make rods from each point to the next; `radius` is one number or one per rod."""
    points = np.asarray(points, np.float32)
    count = len(points) - 1
    radii = np.broadcast_to(np.asarray(radius, np.float32), count)
    return Rods(points[:-1], points[1:], radii, np.full(count, mu, np.float32))


def join(parts: list[Rods]) -> Rods:
    """Put all rods of several groups into one group."""
    return Rods(
        np.concatenate([part.start for part in parts]),
        np.concatenate([part.end for part in parts]),
        np.concatenate([part.radius for part in parts]),
        np.concatenate([part.mu for part in parts]),
    )


def add_rods(image: Float[np.ndarray, "h w"], rods: Rods, grid: Grid) -> None:
    """Add the attenuation of all rods to `image` in place.

    A rod thinner than the detector resolves is widened to one pixel in radius and
    thinned in attenuation by the ratio of the cross-sections: the sum over the image
    stays the same, so thin lines do not alias.
    """
    radius = np.maximum(rods.radius, np.float32(grid.pitch))
    mu = rods.mu * (rods.radius / radius) ** 2
    low = np.minimum(rods.start, rods.end) - radius[:, None]
    high = np.maximum(rods.start, rods.end) + radius[:, None]
    edges = [low[:, 0] - grid.x[0], high[:, 0] - grid.x[0]]
    edges += [grid.z[0] - high[:, 2], grid.z[0] - low[:, 2]]
    first, last, top, bottom = np.ceil(np.stack(edges) / grid.pitch).astype(np.int32)
    first, last = np.clip(first, 0, None), np.clip(last, None, len(grid.x))
    top, bottom = np.clip(top, 0, None), np.clip(bottom, None, len(grid.z))
    seen = np.flatnonzero((first < last) & (top < bottom))
    if not len(seen):
        return
    some = Rods(rods.start[seen], rods.end[seen], radius[seen], mu[seen])
    first, last, top, bottom = first[seen], last[seen], top[seen], bottom[seen]
    total = np.cumsum((last - first) * (bottom - top))
    blocks = np.searchsorted(total, np.arange(BLOCK, total[-1], BLOCK))
    flat = np.zeros(image.size)
    for chosen in np.split(np.arange(len(seen)), blocks):
        if len(chosen):
            box = (first[chosen], last[chosen], top[chosen], bottom[chosen])
            index, value = _rod_shadows(some.take(chosen), box, grid)
            flat += np.bincount(index, value, minlength=image.size)
    image += flat.reshape(image.shape).astype(np.float32)


def _rod_shadows(
    rods: Rods, box: tuple[Int[np.ndarray, "n"], ...], grid: Grid
) -> tuple[Int[np.ndarray, "m"], Float[np.ndarray, "m"]]:
    """Return flat indices of pixels in the rods' boxes, and the attenuation there.

    With rays at (qx, qz) from the rod's start, the unit axis t, w = qx tx + qz tz and
    A = 1 - ty^2, the ray is inside the endless cylinder where
    |A s - w ty| < sqrt(w^2 - A (qx^2 + qz^2 - r^2)), and between the flat ends where
    0 < w + s ty < length; the chord is the overlap of the two.

    `box` holds the first column, last column, top row and bottom row of every rod.
    """
    first, last, top, bottom = box
    axis = rods.end - rods.start
    length = np.linalg.norm(axis, axis=1)
    tx, ty, tz = (axis / length[:, None]).T
    ty = np.where(np.abs(ty) < 1e-3, np.float32(1e-3), ty)
    a = np.maximum(1 - ty * ty, np.float32(1e-5))
    # Values of a rod, then of its rows, then of the pixels in the rows.
    rod, row = _expand(top, bottom)
    qz = grid.z[row] - rods.start[rod, 2]
    across = (a * rods.radius**2)[rod] - a[rod] * qz * qz
    # In a row the shadow of the endless cylinder is a strip: only its columns count.
    steep = np.where(np.abs(tz) < 1e-3, np.float32(1e-3), tz)
    half = (rods.radius * np.hypot(tx, steep) / np.abs(steep))[rod]
    centre = (rods.start[:, 0] - grid.x[0])[rod] + qz * (tx / steep)[rod]
    begin = np.ceil((centre - half) / grid.pitch)
    stop = np.floor((centre + half) / grid.pitch) + 1
    begin = np.clip(begin, first[rod], last[rod]).astype(np.int32)
    stop = np.clip(stop, begin, last[rod]).astype(np.int32)
    line, column = _expand(begin, stop)
    index = row[line] * len(grid.x) + column
    of = rod[line]
    qx = grid.x[column] - rods.start[:, 0][of]
    w = qx * tx[of] + (qz * tz[rod])[line]
    half = w * w
    half += across[line]
    qx *= qx
    qx *= a[of]
    half -= qx
    np.maximum(half, 0, out=half)
    np.sqrt(half, out=half)
    half *= (1 / a)[of]
    middle = w * (ty / a)[of]
    w *= (1 / ty)[of]
    cap_middle = (length / (2 * ty))[of] - w
    cap_half = (length / (2 * np.abs(ty)))[of]
    chord = np.minimum(middle + half, cap_middle + cap_half)
    chord -= np.maximum(middle - half, cap_middle - cap_half)
    np.maximum(chord, 0, out=chord)
    return index, chord * rods.mu[of]


def _expand(
    start: Int[np.ndarray, "n"], end: Int[np.ndarray, "n"]
) -> tuple[Int[np.ndarray, "m"], Int[np.ndarray, "m"]]:
    """List all integers of all ranges [start, end): which range, and the integer."""
    count = end - start
    which = np.repeat(np.arange(len(count)), count)
    before = np.cumsum(count) - count
    return which, np.arange(len(which)) + (start - before)[which]
