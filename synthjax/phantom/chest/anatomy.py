"""Who is imaged: a thorax drawn from a seeded distribution, in millimetres.

The origin lies between the hila; x grows to the patient's left, y to the front, z up.
`Patient` is constant over the images of one person, `Pose` changes between them, and
`Scene` is the thorax of one image as solids, which findings may alter.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from synthjax.phantom.solids import Ellipsoid, Rods

# Attenuation in 1/mm at an effective energy near 65 keV (water 0.020).
SOFT = 0.0200
LUNG = 0.0052  # inflated, about a quarter of the density of water
BONE = 0.0420  # cortical and spongy bone mixed
CALCIUM = 0.0600
CASE = 0.2500  # electronics in a titanium case
METAL = 0.6000  # steel wire and lead stripes, below pure steel for beam hardening

SIDES = (-1, 1)  # right lung (image left), left lung (image right)
RIBS = 10
RIB_NODES = 14


@dataclass(frozen=True)
class Patient:
    """What does not change between the images of one person (mm unless stated)."""

    sex: str  # "F" or "M"
    age: float  # years
    half_width: float  # of the inner thorax at its widest
    half_depth: float  # of the lungs
    top: float  # z of the lung apices
    dome: tuple[float, float]  # z of the right and the left diaphragm
    wall: float  # soft tissue between ribs and skin at the side
    heart_ratio: float  # cardiothoracic ratio without cardiomegaly
    heart_roll: float  # tilt of the heart's axis, radians
    mediastinum: float  # half width of the upper mediastinum
    breast: float  # semi-axis of the breasts, 0 = none
    spine_bow: float  # sideways bow of the spine
    rib_slope: float  # fall of a rib from back to front
    bone: float  # density of bone relative to an average adult


@dataclass(frozen=True)
class Pose:
    """What changes from image to image (mm unless stated)."""

    view: str  # "PA" or "AP"
    shift: tuple[float, float]  # of the patient on the detector, x and z
    turn: float  # rotation about the body axis, radians
    breath: float  # the diaphragm is higher by this much
    brightness: float  # display window, relative


def draw_patient(rng: np.random.Generator) -> Patient:
    """Draw an adult, whose parts are independent but for sex, size and age."""
    female = bool(rng.random() < 0.47)
    age = float(np.clip(rng.normal(58, 17), 18, 95))
    size = float(np.clip(rng.normal(0.97 if female else 1.03, 0.03), 0.9, 1.1))
    dome = -72 * size + float(rng.normal(0, 5))
    return Patient(
        sex="F" if female else "M",
        age=round(age, 1),
        half_width=136 * size + float(rng.normal(0, 3)),
        half_depth=84 * size + float(rng.normal(0, 5)),
        top=138 * size + float(rng.normal(0, 3)),
        dome=(dome + 11 + float(rng.normal(0, 2)), dome),
        wall=24 + float(rng.gamma(2.0, 3.0)),
        heart_ratio=float(rng.uniform(0.40, 0.465)),
        heart_roll=float(rng.uniform(-0.75, -0.45)),
        mediastinum=25 * size + float(rng.uniform(-2, 3)),
        breast=float(rng.uniform(42, 60)) if female else 0.0,
        spine_bow=float(rng.normal(0, 3)),
        rib_slope=float(rng.uniform(62, 82)),
        bone=float(np.clip(1.2 - 0.004 * (age - 20) + rng.normal(0, 0.05), 0.8, 1.25)),
    )


def draw_pose(rng: np.random.Generator, bedridden: bool) -> Pose:
    """Draw one exposure: of the bedridden mostly from the front (AP), less straight."""
    frontal = bool(rng.random() < (0.8 if bedridden else 0.3))
    return Pose(
        view="AP" if frontal else "PA",
        shift=(float(rng.normal(0, 3)), float(rng.normal(0, 3))),
        turn=float(rng.normal(0, 0.035 if frontal else 0.02)),
        breath=float(rng.normal(6 if frontal else 0, 3)),
        brightness=float(rng.normal(0, 0.02)),
    )


@dataclass
class Scene:
    """The thorax of one image; findings change it before it is projected.

    Pairs are (right, left). Fills are objects with `fraction(x, z)`: the share of the
    lung's air that is replaced by soft tissue along the ray.
    """

    patient: Patient
    pose: Pose
    heart_ratio: float
    mediastinum_extra: float = 0.0  # mm added to the half width of the mediastinum
    mediastinum_shift: float = 0.0  # mm to the patient's left
    dome: list[float] = field(default_factory=list)  # z of the two domes, mm
    collapse: list[float] = field(default_factory=lambda: [0.0, 0.0])  # share of size
    rind: list[float] = field(default_factory=lambda: [0.0, 0.0])  # pleura, mm
    vessel_width: float = 1.0  # of the vessels in the lungs, relative
    fills: list[list] = field(default_factory=lambda: [[], []])
    solids: list[Ellipsoid] = field(default_factory=list)
    rods: list[Rods] = field(default_factory=list)
    breaks: list[tuple[int, int, int]] = field(default_factory=list)  # side, rib, node

    @property
    def wide(self) -> float:
        """Return half the inner width of the thorax (mm)."""
        return self.patient.half_width


def make_scene(patient: Patient, pose: Pose) -> Scene:
    """Make a healthy thorax."""
    return Scene(
        patient=patient,
        pose=pose,
        heart_ratio=patient.heart_ratio,
        dome=[level + pose.breath for level in patient.dome],
    )


def pleura(scene: Scene, side: int) -> Ellipsoid:
    """Return the space a lung may fill, before heart and diaphragm take their part."""
    patient = scene.patient
    wide = patient.half_width
    half = 0.46 * wide
    high = (patient.top + 195) / 2
    centre = (side * (wide - half), -4.0, patient.top - high)
    return Ellipsoid(centre, (half, patient.half_depth, high))


def lung(scene: Scene, side: int) -> Ellipsoid:
    """Return the lung: the pleural space, collapsed to the hilum or behind a rind."""
    space = pleura(scene, side)
    index = SIDES.index(side)
    collapse, rind = scene.collapse[index], scene.rind[index]
    if not collapse and not rind:
        return space
    hilum = (side * 30.0, 0.0, 0.0)
    centre = [h + (1 - collapse) * (c - h) for h, c in zip(hilum, space.centre)]
    axes = [(1 - collapse) * axis - rind / 2 for axis in space.axes]
    centre[0] -= side * rind / 2
    centre[2] -= rind / 2
    return Ellipsoid(tuple(centre), tuple(axes))


def heart(scene: Scene) -> Ellipsoid:
    """Return the heart: a third right of the midline, on the left diaphragm.

    Its transverse diameter over the inner width of the thorax is `heart_ratio`.
    """
    roll = scene.patient.heart_roll
    slim = 0.78
    half = scene.heart_ratio * scene.patient.half_width
    long = half / float(np.hypot(np.cos(roll), slim * np.sin(roll)))
    high = float(np.hypot(long * np.sin(roll), slim * long * np.cos(roll)))
    base = scene.patient.dome[1] + scene.pose.breath
    centre = (0.30 * half + scene.mediastinum_shift, 22.0, base - 16 + 0.82 * high)
    return Ellipsoid(centre, (long, 0.72 * long, slim * long), roll)


def diaphragm(scene: Scene, side: int) -> Ellipsoid:
    """Return what lies below a lung: the dome over liver or spleen and stomach."""
    high = 110.0
    top = scene.dome[SIDES.index(side)]
    wide = scene.patient.half_width
    return Ellipsoid((side * 0.5 * wide, -4.0, top - high), (0.66 * wide, 150.0, high))


def ribs(scene: Scene) -> Float[np.ndarray, "s k n 3"]:
    """Return the nodes of the ribs [2 sides, ribs, nodes, 3], from spine to front.

    A rib follows an ellipse that hugs the lung and falls from back to front.
    """
    patient = scene.patient
    space = pleura(scene, 1)
    angle = np.linspace(0.16, 2.5, RIB_NODES, dtype=np.float32)
    level = np.arange(RIBS, dtype=np.float32)[:, None]
    back = patient.top + 8 - (level * 0.108 - 0.0012 * level**2) * (patient.top + 115)
    z = back + 6 * np.sin(2 * angle) - patient.rib_slope * (angle / 2.5) ** 1.3
    reach = np.clip((z - space.centre[2]) / (space.axes[2] + 6), -0.999, 0.999)
    shape = np.where(z > space.centre[2], np.sqrt(1 - reach**2), 1)
    out = space.centre[0] + (space.axes[0] + 4) * shape
    depth = (patient.half_depth + 4) * (0.35 + 0.65 * shape)
    x = out * np.sin(angle) ** 0.8
    y = np.broadcast_to(-depth * np.cos(angle), x.shape)
    right = np.stack([-x, y, np.broadcast_to(z, x.shape)], axis=-1)
    return np.stack([right, right * np.array([-1, 1, 1], np.float32)])
