"""Solids of the phantoms against numerical integrals."""

import numpy as np
import pytest

from synthjax.phantom.chest.projection import FIELD
from synthjax.phantom.solids import (
    Ellipsoid,
    Rods,
    add_ellipsoid,
    add_rods,
    half_chord,
    length_outside,
    make_grid,
    span,
)

DEPTH = np.linspace(-200, 200, 40001)  # y of the numerical integrals, mm


def inside_ellipsoid(solid: Ellipsoid, x: float, z: float) -> np.ndarray:
    """Whether the points of the ray (x, z) lie inside, from the definition."""
    cos, sin = np.cos(solid.roll), np.sin(solid.roll)
    dx, dz = x - solid.centre[0], z - solid.centre[2]
    u, w = dx * cos + dz * sin, dz * cos - dx * sin
    a, b, c = solid.axes
    return (u / a) ** 2 + ((DEPTH - solid.centre[1]) / b) ** 2 + (w / c) ** 2 < 1


def length(inside: np.ndarray) -> float:
    """Length of the marked part of a ray (mm)."""
    return inside.sum() * (DEPTH[1] - DEPTH[0])


def test_ellipsoid_chords_and_their_unions_equal_numerical_integrals():
    organ = Ellipsoid((10, -5, 20), (60, 80, 100), 0.4)
    others = [
        Ellipsoid((30, 20, 10), (40, 50, 30), -0.3),
        Ellipsoid((0, -40, 0), (70, 60, 50)),
        Ellipsoid((20, 0, 60), (30, 100, 60), 0.2),
    ]
    grid = make_grid(16, 240.0, (5.0, 15.0))
    chord = 2 * half_chord(organ, grid.x, grid.z)
    left = length_outside(span(organ, grid), [span(other, grid) for other in others])
    for row, column in np.random.default_rng(0).integers(0, 16, (60, 2)):
        ray = grid.x[column], grid.z[row]
        mine = inside_ellipsoid(organ, *ray)
        taken = np.any([inside_ellipsoid(other, *ray) for other in others], axis=0)
        assert chord[row, column] == pytest.approx(length(mine), abs=0.05)
        assert left[row, column] == pytest.approx(length(mine & ~taken), abs=0.1)


def test_bounding_box_adds_the_whole_ellipsoid():
    solid = Ellipsoid((20, 0, -30), (12, 9, 25), 0.7, mu=0.5)
    grid = make_grid(128, 200.0, (0.0, 0.0))
    image = np.zeros((128, 128), np.float32)
    add_ellipsoid(image, solid, grid)
    np.testing.assert_allclose(image, half_chord(solid, grid.x, grid.z), atol=1e-5)
    volume = image.sum() / solid.mu * grid.pitch**2
    assert volume == pytest.approx(4 / 3 * np.pi * 12 * 9 * 25, rel=0.01)


@pytest.mark.parametrize(
    "end", [(60.0, 0.0, 0.0), (20.0, 50.0, 30.0), (1.0, 70.0, -5.0), (-30.0, -9.0, 40)]
)
def test_rod_chords_equal_numerical_integrals(end):
    start, end = np.array([2.0, -10.0, -8.0]), np.array(end)
    rods = Rods(*(np.array([value], np.float32) for value in (start, end, 9.0, 1.0)))
    grid = make_grid(64, 200.0, (0.0, 0.0))
    image = np.zeros((64, 64), np.float32)
    add_rods(image, rods, grid)
    axis = (end - start) / np.linalg.norm(end - start)
    for row, column in np.argwhere(image > 0)[::17]:
        ray = np.stack(
            [np.full_like(DEPTH, grid.x[column]), DEPTH,
             np.full_like(DEPTH, grid.z[row])], axis=-1
        )  # fmt: skip
        along = (ray - start) @ axis
        away = ((ray - start) ** 2).sum(1) - along**2
        within = (along > 0) & (along < np.linalg.norm(end - start)) & (away < 81)
        assert image[row, column] == pytest.approx(length(within), abs=0.15)
    volume = np.pi * 81 * np.linalg.norm(end - start)
    assert image.sum() * grid.pitch**2 == pytest.approx(volume, rel=0.05)


def test_a_wire_finer_than_a_pixel_keeps_its_sum():
    wire = Rods(
        np.array([[-50.0, 0, -40]], np.float32), np.array([[60.0, 10, 70]], np.float32),
        np.array([1.0], np.float32), np.array([0.6], np.float32),
    )  # fmt: skip
    sums = []
    for size in (64, 128, 256, 1024):
        image = np.zeros((size, size), np.float32)
        grid = make_grid(size, FIELD, (0.0, 0.0))
        add_rods(image, wire, grid)
        sums.append(image.sum() * grid.pitch**2)
    np.testing.assert_allclose(sums, sums[-1], rtol=0.07)


def test_rods_off_the_detector_leave_no_trace():
    image = np.zeros((32, 32), np.float32)
    far = np.array([[900.0, 0, 0]], np.float32)
    rods = Rods(far, far + 5, np.ones(1, np.float32), np.ones(1, np.float32))
    add_rods(image, rods, make_grid(32, FIELD, (0.0, 0.0)))
    assert not image.any()
