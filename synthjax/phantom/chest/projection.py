"""The thorax as line integrals of attenuation along a parallel beam."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from synthjax.phantom.chest.anatomy import (
    BONE,
    LUNG,
    SIDES,
    SOFT,
    Scene,
    diaphragm,
    heart,
    lung,
    pleura,
    ribs,
)
from synthjax.phantom.solids import (
    Ellipsoid,
    Grid,
    Rods,
    Span,
    add_ellipsoid,
    add_rods,
    chain,
    join,
    length_outside,
    make_grid,
    span,
)

FIELD = 350.0  # side of the square detector, mm
CENTRE = (0.0, -20.0)  # x and z of its centre, mm
PLEURA = 1.5  # thickness of the visceral pleura around a collapsed lung, mm
FINEST = 1024  # largest grid that attenuation is computed on


def grid_for(scene: Scene, resolution: int) -> Grid:
    """Return the detector of one image, in the patient's frame.

    Attenuation is computed on at least 64 x 64 points and on twice the resolution up
    to 1024, and intensities are averaged over the pixels (antialiasing).
    """
    size = max(64, min(2 * resolution, FINEST))
    shift = scene.pose.shift
    return make_grid(size, FIELD, (CENTRE[0] - shift[0], CENTRE[1] - shift[1]))


def attenuation(scene: Scene, grid: Grid) -> Float[np.ndarray, "h w"]:
    """Return the line integral of attenuation of every ray through the thorax."""
    image = np.float32(SOFT) * body_chord(scene, grid)
    for side in SIDES:
        columns = half_columns(side, grid)
        _add_lung(image[:, columns], scene, side, grid.columns(columns))
    _add_spine(image, scene, grid)
    for solid in [*_soft_parts(scene), *scene.solids]:
        add_ellipsoid(image, turned(solid, scene), grid)
    add_rods(image, _turned_rods(_rods(scene), scene), grid)
    return np.maximum(image, 0, out=image)


def turned(solid: Ellipsoid, scene: Scene) -> Ellipsoid:
    """Return the solid after the patient's rotation, to first order in the angle."""
    x, y, z = solid.centre
    moved = (x + scene.pose.turn * y, y, z)
    return Ellipsoid(moved, solid.axes, solid.roll, solid.mu)


def _turned_rods(rods: Rods, scene: Scene) -> Rods:
    """Return the rods after the patient's rotation, to first order in the angle."""
    move = np.array([[1, 0, 0], [scene.pose.turn, 1, 0], [0, 0, 1]], np.float32)
    return Rods(rods.start @ move, rods.end @ move, rods.radius, rods.mu)


def body_chord(scene: Scene, grid: Grid) -> Float[np.ndarray, "h w"]:
    """Return the depth of the body, mm: a cylinder that thins above the shoulders."""
    patient = scene.patient
    wide = patient.half_width + patient.wall + 8
    flat = np.sqrt(np.maximum(1 - (np.abs(grid.x) / wide) ** 3, 0))
    shoulder = patient.top + 44 - 0.42 * np.maximum(np.abs(grid.x) - 42, 0)
    taper = np.clip((shoulder[None, :] - grid.z[:, None]) / 70, 0, 1)
    depth = np.float32(2 * (patient.half_depth + 0.6 * patient.wall + 10))
    return (depth * flat[None, :] * np.sqrt(taper)).astype(np.float32)


def mediastinum(scene: Scene, grid: Grid) -> Span:
    """Return great vessels and soft tissue between the lungs as an upright column."""
    patient = scene.patient
    extra = scene.mediastinum_extra * np.exp(-(((grid.z - 62) / 52) ** 2))
    half = patient.mediastinum + 5 * np.exp(-(((grid.z - 5) / 28) ** 2)) + extra
    fade = np.clip((grid.z + 40) / 60, 0, 1)
    middle = scene.mediastinum_shift * (0.4 + 0.6 * fade) + 3
    offset = (grid.x[None, :] - middle[:, None]) / half[:, None]
    inside = np.maximum(1 - offset.astype(np.float32) ** 2, 0)
    half = np.float32(72) * np.sqrt(inside)
    return Span(-half - 6, half - 6)


def half_columns(side: int, grid: Grid) -> slice:
    """Return the columns that can hold the lung of this side."""
    middle = int(np.searchsorted(grid.x, 0))
    return slice(0, middle) if side < 0 else slice(middle, grid.size)


def neighbours(scene: Scene, side: int, grid: Grid) -> list[Span]:
    """Return what takes room from a lung: diaphragm, heart and mediastinum."""
    solids = [diaphragm(scene, side), heart(scene)]
    spans = [span(turned(solid, scene), grid) for solid in solids]
    return [*spans, mediastinum(scene, grid)]


def _add_lung(
    image: Float[np.ndarray, "h w"], scene: Scene, side: int, grid: Grid
) -> None:
    """Put one lung, its diseases and free air into the soft tissue of the body."""
    index = SIDES.index(side)
    collapse = scene.collapse[index]
    around = neighbours(scene, side, grid)
    inflated = lung(scene, side)
    length = length_outside(span(turned(inflated, scene), grid), around)
    density = LUNG + (SOFT - LUNG) * 0.55 * collapse
    air = np.ones((len(grid.z), len(grid.x)), np.float32)
    for fill in scene.fills[index]:
        air *= 1 - fill.fraction(grid.x, grid.z)
    image += np.float32(density - SOFT) * length * air
    if collapse:
        coat = tuple(axis + PLEURA for axis in inflated.axes)
        coated = turned(replace(inflated, axes=coat), scene)
        covered = length_outside(span(coated, grid), around)
        space = span(turned(pleura(scene, side), scene), grid)
        free = length_outside(space, around) - covered
        image -= np.float32(SOFT) * np.maximum(free, 0)


def _add_spine(image: Float[np.ndarray, "h w"], scene: Scene, grid: Grid) -> None:
    """Add the vertebral bodies: an upright column, thinner in bone at the discs."""
    radius, height = 16.0, 24.0
    bow = scene.patient.spine_bow * np.sin(grid.z / 90) - 70 * scene.pose.turn
    inside = np.abs(grid.x) < radius + 14
    offset = (grid.x[None, inside] - bow[:, None]) / radius
    disc = 0.5 + 0.5 * np.cos(2 * np.pi * grid.z / height)
    mu = scene.patient.bone * (BONE - SOFT) * (0.42 - 0.26 * disc**4)
    chord = 2 * radius * np.sqrt(np.maximum(1 - offset**2, 0))
    image[:, inside] += (mu[:, None] * chord).astype(np.float32)


def _soft_parts(scene: Scene) -> list[Ellipsoid]:
    """Return hila, aortic knob, breasts, stomach bubble and shoulder blades."""
    patient = scene.patient
    shift = scene.mediastinum_shift
    dense = SOFT - LUNG
    bone = patient.bone * (BONE - SOFT)
    parts = [
        Ellipsoid((shift + 30, 0, 52), (16, 20, 15), 0.0, 0.8 * dense),
        Ellipsoid((shift - 38, 0, 2), (13, 18, 20), 0.3, 0.7 * dense),
        Ellipsoid((shift + 40, 0, 8), (12, 18, 18), -0.3, 0.7 * dense),
    ]
    bubble = (58.0, 10.0, scene.dome[1] - 26)
    parts.append(Ellipsoid(bubble, (26, 30, 14), 0.15, -0.8 * SOFT))
    out = 0.92 if scene.pose.view == "AP" else 1.12
    for side in SIDES:
        blade = (side * out * patient.half_width, -95.0, 62.0)
        parts.append(Ellipsoid(blade, (22, 7, 58), -side * 0.25, bone))
        if patient.breast:
            low = (side * 74.0, 110.0, -44.0)
            size = patient.breast
            parts.append(Ellipsoid(low, (size, 0.17 * size, 0.9 * size), 0.0, SOFT))
    return parts


def _rods(scene: Scene) -> Rods:
    """Return bones, vessels, airways and what the findings added."""
    own = [_ribs(scene), _clavicles(scene), _vessels(scene), _airways(scene)]
    return join([*own, *scene.rods])


def _ribs(scene: Scene) -> Rods:
    """Return the ribs, broken where the scene says so."""
    nodes = ribs(scene)
    keep = np.ones(nodes.shape[:3], bool)
    for side, rib, node in scene.breaks:
        nodes[side, rib, node + 1 :, 2] -= 12  # the front fragment sinks
        keep[side, rib, node] = False
    start, end = nodes[:, :, :-1][keep[:, :, :-1]], nodes[:, :, 1:][keep[:, :, :-1]]
    count = len(start)
    # Ribs end in cartilage, which is invisible: the front third fades.
    fade = np.broadcast_to(
        np.linspace(1.15, 0.55, nodes.shape[2] - 1), keep[:, :, 1:].shape
    )
    mu = scene.patient.bone * (BONE - SOFT) * fade[keep[:, :, :-1]]
    radius = np.full(count, 4.8, np.float32)
    return Rods(start, end, radius, mu.astype(np.float32))


def _clavicles(scene: Scene) -> Rods:
    """Return the clavicles, which stand higher in an AP image."""
    top = scene.patient.top
    lift = 8 if scene.pose.view == "AP" else 0
    x = np.array([16, 29, 42, 57, 72, 87, 102, 118, 134], np.float32)
    z = top - 42 + lift + 32 * ((x - 16) / 118) ** 1.2 + 4 * np.sin((x - 16) / 19)
    y = 70 - 62 * ((x - 16) / 118) ** 1.5
    mu = scene.patient.bone * (BONE - SOFT) * 1.8
    points = [np.stack([side * x, y, z], axis=-1) for side in SIDES]
    return join([chain(line, 5.5, mu) for line in points])


def _vessels(scene: Scene) -> Rods:
    """Return the pulmonary vessels, tapering from the hilum, inside the lung."""
    angles = np.deg2rad([82, 58, 36, 12, -14, -38, -60, -80])
    steps = np.array([0.1, 0.22, 0.38, 0.58, 0.79, 1.0])
    starts, ends = [], []
    for index, side in enumerate(SIDES):
        space = pleura(scene, side)
        hilum = np.array([side * 34.0, 0.0, 4.0])
        toward = np.stack(
            [side * np.cos(angles), 0.35 * np.sin(7 * angles), np.sin(angles)], axis=-1
        )
        # Distance to the pleura along each direction, and to the diaphragm.
        axes = np.array(space.axes)
        scaled, offset = toward / axes, (hilum - np.array(space.centre)) / axes
        a, b = (scaled**2).sum(1), scaled @ offset
        reach = (-b + np.sqrt(b * b - a * (offset @ offset - 1))) / a
        floor = (hilum[2] - scene.dome[index] + 10) / np.maximum(-toward[:, 2], 1e-3)
        reach = np.minimum(0.86 * reach, floor) * (1 - scene.collapse[index])
        points = hilum + (reach[:, None] * steps)[:, :, None] * toward[:, None, :]
        points[:, :, 2] += 0.04 * reach[:, None] * np.sin(5 * steps)
        starts.append(points[:, :-1].reshape(-1, 3))
        ends.append(points[:, 1:].reshape(-1, 3))
    taper = np.tile([3.8, 3.2, 2.6, 2.0, 1.5], len(SIDES) * len(angles))
    radius = (taper * np.sqrt(scene.vessel_width)).astype(np.float32)
    mu = np.full_like(radius, (SOFT - LUNG) * scene.vessel_width)
    start, end = np.concatenate(starts), np.concatenate(ends)
    return Rods(start.astype(np.float32), end.astype(np.float32), radius, mu)


def _airways(scene: Scene) -> Rods:
    """Return trachea and main bronchi: air inside the mediastinum."""
    x = 2 + scene.mediastinum_shift
    fork = np.array([x, -10.0, 38.0])
    trachea = chain(np.array([[2.0, -5.0, 190.0], [x, -8, 110], fork]), 8.0, -SOFT)
    right = chain(np.array([fork, [x - 30, -10, 8.0]]), 6.0, -0.8 * SOFT)
    left = chain(np.array([fork, [x + 38, -10, 14.0]]), 5.5, -0.8 * SOFT)
    return join([trachea, right, left])
