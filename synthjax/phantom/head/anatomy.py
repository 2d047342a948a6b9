"""Who is scanned: a head drawn from a seeded distribution, in millimetres.

The origin lies between the foramina of Monro; x grows to the patient's left, which is
the right of the image, y to the front (the top of the image), z up. Lengths are those of
an atlas; `Head.size` scales them to the patient. Directions from the origin are
angles from the front, positive to the patient's left. What follows the skull (bone,
scalp, sulci, blood on the convexity) is a function of angle and depth below the inner
table, kept as a table over `ANGLES`.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

STEPS = 4096  # entries of a table over all directions, 0.13 mm apart at the skull
ANGLES = ((np.arange(STEPS) + 0.5) / STEPS * 2 * np.pi - np.pi).astype(np.float32)

LEVELS = (-28.0, -8.0, 26.0, 58.0)  # z of slices: quantiles of LEVEL_SHARES
LEVEL_SHARES = (0.0, 0.13, 0.74, 1.0)
VERTEX = 80.0  # z of the inner table at the top
SULCI = 34  # around a slice
CORONAL, LAMBDOID = 0.82, 2.36  # sutures: angle from the front, radians


@dataclass(frozen=True)
class Head:
    """What is constant over the slices of one person (mm of the atlas, or HU)."""

    sex: str  # "F" or "M"
    age: float  # years
    size: float  # true mm for each mm of the atlas
    wide: float  # width relative to length and to the atlas
    side: int  # where an epidural haematoma would be: -1 right, 1 left
    field: float  # side of the square field of view, true mm
    turn: float  # of the head in the image, radians
    shift: tuple[float, float]  # of the head in the image, x and y
    ripple: tuple[float, ...]  # asymmetry of the skull: 3 amplitudes, 3 phases
    bone: float  # thickness of the skull
    scalp: float  # its thickness
    atrophy: float  # 0 (young and full) to 1: width of ventricles and sulci
    grey: float  # HU of grey matter
    white: float  # HU of white matter
    csf: float  # HU of cerebrospinal fluid
    pallor: float  # HU that white matter loses near the ventricles (old age)
    choroid: float  # radius of calcified choroid plexus, 0 = none
    pineal: float  # radius of the calcified pineal gland, 0 = none
    falx: float  # HU of the falx
    folds: tuple[float, ...]  # phases of folds apart from the convexity, radians
    sulcus_angle: Float[np.ndarray, "k"]  # where sulci open to the convexity, radians
    sulcus_depth: Float[np.ndarray, "k"]
    sulcus_phase: Float[np.ndarray, "k"]  # of their sway from level to level, radians


def draw_head(rng: np.random.Generator) -> Head:
    """Draw an adult, whose parts are independent but for sex, size, age and atrophy."""
    female = bool(rng.random() < 0.48)
    age = float(np.clip(rng.normal(60, 18), 18, 95))
    atrophy = float(np.clip((age - 45) / 60 + rng.normal(0.12, 0.13), 0, 1))
    pitch = 2 * np.pi / SULCI
    phase = rng.uniform(0, 2 * np.pi, SULCI)
    size = float(np.clip(rng.normal(1.02 if female else 1.06, 0.02), 0.97, 1.11))
    angle = (np.arange(SULCI) + 0.5 + rng.uniform(-0.22, 0.22, SULCI)) * pitch - np.pi
    return Head(
        sex="F" if female else "M",
        age=round(age, 1),
        size=size,
        wide=float(rng.uniform(0.95, 1.05)),
        side=int(rng.integers(2)) * 2 - 1,
        # The radiographer chooses the field for the head.
        field=float(np.clip(218 * size + rng.uniform(-2, 14), 220, 250)),
        turn=float(np.clip(rng.normal(0, 0.06), -0.17, 0.17)),
        shift=(float(rng.normal(0, 2.5)), float(rng.normal(0, 2.5))),
        ripple=(*rng.normal(0, 0.008, 3), *rng.uniform(0, 2 * np.pi, 3)),
        bone=float(rng.uniform(5.0, 8.0)),
        scalp=float(rng.uniform(4.0, 8.0)),
        atrophy=atrophy,
        grey=float(rng.uniform(37.5, 40.5)),
        white=float(rng.uniform(27.5, 31.0)),
        csf=float(rng.uniform(5.0, 9.0)),
        pallor=float(np.clip((age - 55) / 8 + rng.normal(0, 1.5), 0, 7)),
        choroid=float(rng.uniform(1.5, 4.0)) if rng.random() < 0.5 else 0.0,
        pineal=float(rng.uniform(1.2, 2.8)) if rng.random() < 0.6 else 0.0,
        falx=float(rng.uniform(46, 62)),
        folds=tuple(rng.uniform(0, 2 * np.pi, 30)),
        sulcus_angle=angle,
        sulcus_depth=rng.uniform(11, 26, SULCI),
        sulcus_phase=phase,
    )


def draw_levels(rng: np.random.Generator, count: int) -> Float[np.ndarray, "n"]:
    """Draw the z of some slices, ascending: one from each of `count` equal shares."""
    share = (np.arange(count) + rng.random(count)) / count
    return np.interp(share, LEVEL_SHARES, LEVELS)


def level_scale(level: float) -> float:
    """Return the size of the cranial cavity at a level, relative to its widest."""
    if level > 8:
        return float(np.sqrt(1 - ((level - 8) / (VERTEX - 8)) ** 2.3))
    return 1 - 0.10 * ((8 - level) / 36) ** 2


def inner_radius(
    head: Head, level: float, angle: Float[np.ndarray, "*n"]
) -> Float[np.ndarray, "*n"]:
    """Return the way from the origin to the inner table along directions (mm).

    An ellipse, wider behind than in front, with the patient's own asymmetry; at low
    levels the wing of the sphenoid indents it between frontal and temporal lobe.
    """
    sine, cosine = np.sin(angle), np.cos(angle)
    across, along = 67.0 * head.wide, 84.0 / np.sqrt(head.wide)
    radius = across * along / np.hypot(along * sine, across * cosine)
    radius = radius * (1 - 0.055 * sine**2 * cosine)
    for order, (share, phase) in enumerate(
        zip(head.ripple[:3], head.ripple[3:], strict=True), start=2
    ):
        radius = radius * (1 + share * np.cos(order * angle + phase))
    low = float(np.clip((-8 - level) / 16, 0, 1))
    notch = np.exp(-(((np.abs(angle) - 0.98) / 0.2) ** 2))
    return radius * level_scale(level) * (1 - 0.09 * low * notch)


def slope(level: float) -> float:
    """Return how far the skull recedes for each mm upwards: 0 at a vertical wall."""
    return abs(level_scale(level + 2.5) - level_scale(level - 2.5)) * 75 / 5


def sulci(head: Head, level: float) -> tuple[Float[np.ndarray, "k"], ...]:
    """Return angles (ascending, radians) and depths (mm) of the sulci at a level."""
    sway = 0.045 * np.sin(level / 9 + head.sulcus_phase)
    breath = 0.78 + 0.22 * np.sin(level / 7 + 2 * head.sulcus_phase)
    order = np.argsort(head.sulcus_angle + sway)
    depth = head.sulcus_depth * breath * (0.45 + 0.55 * level_scale(level))
    return (head.sulcus_angle + sway)[order], depth[order]


@dataclass(frozen=True)
class Grid:
    """The points of one slice at which tissue is computed; arrays [n n].

    `x` and `y` are in the frame of the head, `drop` is the height above the couch: a
    patient lies on the back, so blood settles towards smaller `drop`, however the head
    is turned.
    """

    x: Float[np.ndarray, "n n"]
    y: Float[np.ndarray, "n n"]
    drop: Float[np.ndarray, "n n"]
    radius: Float[np.ndarray, "n n"]
    angle: Float[np.ndarray, "n n"]
    entry: Int[np.ndarray, "n n"]  # of the direction in a table over ANGLES
    pitch: float  # between points, mm of the atlas

    def at(self, table: Float[np.ndarray, "k"]) -> Float[np.ndarray, "n n"]:
        """Evaluate a table over ANGLES in the direction of every point."""
        return np.take(table.astype(np.float32), self.entry)


def entry(angle: Float[np.ndarray, "*n"]) -> Int[np.ndarray, "*n"]:
    """Return where directions are found in a table over ANGLES."""
    place = (angle + np.float32(np.pi)) * np.float32(STEPS / (2 * np.pi))
    return np.floor(place).astype(np.intp) & (STEPS - 1)  # modulo a power of two


def around(
    x: Float[np.ndarray, "n n"],
    y: Float[np.ndarray, "n n"],
    drop: Float[np.ndarray, "n n"],
    pitch: float,
) -> Grid:
    """Return points with their distances and directions from the origin of `x`, `y`."""
    angle = np.arctan2(x, y)
    return Grid(x, y, drop, np.hypot(x, y), angle, entry(angle), pitch)


def make_grid(head: Head, size: int) -> Grid:
    """Make `size` x `size` points over the field of view of a head."""
    pitch = head.field / head.size / size
    steps = ((np.arange(size) + 0.5) * pitch - pitch * size / 2).astype(np.float32)
    right = steps[None, :] - np.float32(head.shift[0])
    # The middle of the image lies 2 mm in front of the origin.
    up = np.float32(2) - steps[:, None] - np.float32(head.shift[1])
    cosine, sine = np.float32(np.cos(head.turn)), np.float32(np.sin(head.turn))
    x = right * cosine + up * sine
    y = up * cosine - right * sine
    return around(x, y, np.broadcast_to(up, x.shape), pitch)
