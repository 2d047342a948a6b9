"""Support devices: lines, tubes, a pacemaker, wires and electrodes."""

from collections.abc import Sequence

import numpy as np

from synthjax.phantom.chest.anatomy import CASE, METAL, SIDES, Scene
from synthjax.phantom.solids import Ellipsoid, Rods, chain

KITS = ("pacemaker", "intensive care", "heart surgery")
SHARES = (0.40, 0.35, 0.25)


def support_devices(scene: Scene, severity: float, rng: np.random.Generator) -> None:
    """Add one of three kits, and a chest tube where there is a pneumothorax.

    `severity` makes a pacemaker larger and sets the number of electrodes and wires.
    """
    kit = KITS[int(np.searchsorted(np.cumsum(SHARES), rng.random()))]
    if kit == "pacemaker":
        _pacemaker(scene, severity, SIDES[int(rng.random() < 0.85)])
    elif kit == "intensive care":
        _tubes(scene)
        _electrodes(scene, 3 + round(severity))
    else:
        _sternal_wires(scene, 5 + round(severity))
        _electrodes(scene, 2 + round(severity))
        _chest_tube(scene, 1)
    if kit != "pacemaker" and any(scene.collapse):
        _chest_tube(scene, scene.collapse.index(max(scene.collapse)))


def _line(points: Sequence[tuple[float, ...]], radius: float, mu: float) -> Rods:
    """Return a smooth wire through the points."""
    nodes = np.array(points)
    steps = np.linspace(0, len(nodes) - 1, 5 * (len(nodes) - 1) + 1)
    whole = np.minimum(steps.astype(int), len(nodes) - 2)
    part = (steps - whole)[:, None]
    before = nodes[np.maximum(whole - 1, 0)]
    start, end = nodes[whole], nodes[whole + 1]
    after = nodes[np.minimum(whole + 2, len(nodes) - 1)]
    # Catmull-Rom spline: passes through every node with a continuous direction.
    curve = start + 0.5 * part * (
        (end - before)
        + part * (2 * before - 5 * start + 4 * end - after)
        + part**2 * (3 * (start - end) + after - before)
    )
    return chain(curve, radius, mu)


def _pacemaker(scene: Scene, severity: float, side: int) -> None:
    """Add a generator below the clavicle, and leads to right atrium and ventricle.

    Always from the subclavian vein through the superior vena cava.
    """
    x, z = side * 0.68 * scene.wide, scene.patient.top - 58
    size = 20 + 4 * severity
    scene.solids.append(
        Ellipsoid((x, 95.0, z), (size, 5.0, 0.85 * size), 0.3 * side, CASE)
    )
    vein = (-16 + scene.mediastinum_shift, 20.0, 70.0)
    base = scene.patient.dome[1] + scene.pose.breath
    for end in ((-30.0, 40.0, base + 44), (46.0, 50.0, base + 10)):
        points = [
            (x, 95.0, z + 14),
            (x - side * 22, 80.0, z + 34),
            (0.35 * x, 50.0, z + 28),
            vein,
            (-24.0 + scene.mediastinum_shift, 20.0, 8.0),
            (end[0] + scene.mediastinum_shift, end[1], end[2]),
        ]
        scene.rods.append(_line(points, 1.5, METAL))


def _tubes(scene: Scene) -> None:
    """Add an endotracheal tube, a central venous line and a feeding tube."""
    shift = scene.mediastinum_shift
    top = scene.patient.top
    scene.rods.append(
        _line([(4, 0, top + 40), (4, 0, 110), (3 + shift, 0, 58)], 2.2, METAL)
    )
    line = [
        (-52, 40, top + 40),
        (-44, 40, top - 10),
        (-20 + shift, 20, 70),
        (-22 + shift, 20, 18),
    ]
    scene.rods.append(_line(line, 1.8, METAL))
    floor = scene.patient.dome[1]
    tube = [
        (-5, -10, top + 40),
        (8 + shift, -20, 40),
        (14, 0, floor),
        (62, 20, floor - 34),
    ]
    scene.rods.append(_line(tube, 1.8, METAL))


def _electrodes(scene: Scene, count: int) -> None:
    """Add adhesive electrodes on the skin with their wires."""
    top, wide = scene.patient.top, scene.wide
    places = [(-0.80, top - 30), (0.80, top - 30), (0.80, -92.0), (-0.80, -92.0)]
    for share, z in places[:count]:
        x = share * wide
        scene.solids.append(Ellipsoid((x, 115.0, z), (9.5, 3.5, 9.5), 0.0, CASE))
        wire = [(x, 115, z), (0.72 * x, 115, z - 34), (0.8 * x, 118, z - 90)]
        scene.rods.append(_line(wire, 1.2, METAL))


def _sternal_wires(scene: Scene, count: int) -> None:
    """Add steel loops that close the sternum."""
    angle = np.linspace(0, 2 * np.pi, 9)
    for z in np.linspace(86, -34, count):
        loop = np.stack(
            [11 * np.cos(angle), np.full(9, 95.0), z + 6 * np.sin(angle)], -1
        )
        scene.rods.append(chain(loop, 1.4, METAL))


def _chest_tube(scene: Scene, index: int) -> None:
    """Add a drain from the side wall up to the apex."""
    side, wide = SIDES[index], scene.wide
    points = [(side * (wide + 40), 0, -74), (side * (wide - 8), 0, -38),
              (side * 0.78 * wide, 0, 30), (side * 0.52 * wide, 0, 92)]  # fmt: skip
    scene.rods.append(_line(points, 2.4, METAL))
