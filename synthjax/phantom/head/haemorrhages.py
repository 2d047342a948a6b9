"""What is wrong: each type of haemorrhage as the shape that a radiologist looks for.

A haemorrhage is drawn once for a patient, from a random stream that belongs to the
patient and the type, and has an extent along the head. `shows` says whether a slice
holds enough of it to count (`head_labels.LEAST_AREA`), from its closed form and without
rendering; a slice in which it does not show has none of it. So labels are true.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from synthjax.phantom.head.anatomy import (
    ANGLES,
    CORONAL,
    LAMBDOID,
    Head,
    inner_radius,
    sulci,
)
from synthjax.phantom.head.extent import Table, promises, swell, turned
from synthjax.phantom.head.labels import TYPES


@dataclass(frozen=True)
class Epidural:
    """A lens between skull and dura, held by the sutures; it bulges into the brain."""

    angle: float  # of its middle, radians
    half: float  # half its length, radians
    thick: float  # mm
    level: float  # z of its middle
    reach: float  # half its height, mm
    hounsfield: float

    def shows(self, head: Head, level: float) -> bool:
        """Whether a slice holds enough of it."""
        size = swell(level, self.level, self.reach)
        radius = inner_radius(head, level, np.array([self.angle]))[0]
        # 1.41 is the integral of (1 - q^2)^0.8 from -1 to 1.
        area = 1.41 * self.thick * self.half * size**2 * (radius - self.thick / 2)
        return promises("epidural", area, head)

    def thickness(self, level: float) -> Table:
        """From the inner table inwards, over ANGLES (mm)."""
        size = swell(level, self.level, self.reach)
        part = turned(self.angle) / (self.half * size)
        return self.thick * size * np.maximum(1 - part**2, 0) ** 0.8

    def shift(self, level: float) -> float:
        """How far it moves the midline, mm; positive to the left."""
        size = swell(level, self.level, self.reach)
        return -float(np.sign(self.angle)) * 0.26 * self.thick * size


def draw_epidural(head: Head, rng: np.random.Generator) -> Epidural:
    """Mostly temporal and parietal, between the coronal and the lambdoid suture."""
    frontal = rng.random() < 0.25
    middle = rng.uniform(0.40, 0.46) if frontal else rng.uniform(1.28, 1.9)
    low, high = (0.0, CORONAL) if frontal else (CORONAL, LAMBDOID)
    room = min(middle - low, high - middle) - 0.02
    half = min(float(rng.uniform(0.34, 0.46)), room)
    # Thick for its length, or the skull's own curve would make it a crescent.
    thick = 75 * half * float(rng.uniform(0.48, 0.68))
    return Epidural(
        angle=head.side * float(middle),
        half=half,
        thick=thick,
        level=float(rng.uniform(2, 24)),
        reach=float(rng.uniform(30, 46)),
        hounsfield=float(rng.uniform(60, 80)),
    )


@dataclass(frozen=True)
class Subdural:
    """A crescent along the convexity, across sutures; some also follow the falx."""

    angle: float  # of its middle, radians
    half: float  # half its length, radians
    thick: float  # mm
    falx: float  # thickness of the part along the falx, mm; 0 = none
    level: float
    reach: float
    hounsfield: float

    def _sizes(self, level: float) -> tuple[float, float]:
        """Thickness (mm) and half length (radians) in a slice."""
        size = swell(level, self.level, self.reach)
        return self.thick * size**0.7, self.half * size**0.5

    def shows(self, head: Head, level: float) -> bool:
        """Whether a slice holds enough of it."""
        thick, half = self._sizes(level)
        radius = inner_radius(head, level, np.array([self.angle]))[0]
        # 1.44 is the integral of (1 - q^2)^0.75 from -1 to 1.
        return promises("subdural", 1.44 * thick * half * (radius - thick), head)

    def thickness(self, level: float) -> Table:
        """From the inner table inwards, over ANGLES (mm)."""
        thick, half = self._sizes(level)
        if half <= 0:
            return np.zeros_like(ANGLES)
        part = turned(self.angle) / half
        return thick * np.maximum(1 - part**2, 0) ** 0.75

    def shift(self, level: float) -> float:
        """How far it moves the midline, mm; positive to the left."""
        return -float(np.sign(self.angle)) * 0.45 * self._sizes(level)[0]


def draw_subdural(head: Head, rng: np.random.Generator) -> Subdural:
    """Opposite to where an epidural haematoma would be; most are fresh and bright."""
    age = rng.random()
    fresh, older = rng.uniform(56, 75), rng.uniform(35, 56)
    return Subdural(
        angle=-head.side * float(rng.uniform(1.3, 1.85)),
        half=float(rng.uniform(0.85, 1.25)),
        thick=float(rng.uniform(7, 15)),
        falx=float(rng.uniform(3.0, 5.5)) if rng.random() < 0.3 else 0.0,
        level=float(rng.uniform(12, 32)),
        reach=float(rng.uniform(36, 52)),
        hounsfield=float(fresh if age < 0.75 else older),
    )


@dataclass(frozen=True)
class Intraparenchymal:
    """An irregular clot in the brain, in a rim of oedema, that pushes aside the rest."""

    centre: tuple[float, float]  # x and y, mm
    radius: float  # mm
    ripple: tuple[float, ...]  # of its outline: 4 amplitudes, 4 phases
    rim: float  # width of the oedema, mm
    level: float
    reach: float
    hounsfield: float
    oedema: float  # HU of the rim

    def size(self, level: float) -> float:
        """Mean radius in a slice, mm."""
        return self.radius * swell(level, self.level, self.reach)

    def shows(self, head: Head, level: float) -> bool:
        """Whether a slice holds enough of it."""
        return promises("intraparenchymal", np.pi * self.size(level) ** 2, head)

    def outline(self, level: float) -> Table:
        """Radius from its centre, over ANGLES (mm)."""
        radius = np.ones_like(ANGLES)
        for order, (share, phase) in enumerate(
            zip(self.ripple[:4], self.ripple[4:], strict=True), start=2
        ):
            radius += share * np.cos(order * ANGLES + phase + 0.05 * order * level)
        return self.size(level) * radius


def draw_intraparenchymal(head: Head, rng: np.random.Generator) -> Intraparenchymal:
    """In the basal ganglia, in a lobe, or (few) in the cerebellum."""
    place, side = rng.random(), int(rng.integers(2)) * 2 - 1
    radius = float(rng.uniform(11, 21))
    level, lowest = float(rng.uniform(6, 18)), -12.0  # z; above the base
    if place < 0.5:  # putamen and thalamus
        centre = side * float(rng.uniform(22, 32)), float(rng.uniform(-14, 12))
        radius = min(radius, 18.0)
    elif place < 0.9:
        angle = side * float(rng.choice([0.5, 1.2, 1.75, 2.4]) + rng.uniform(-0.1, 0.1))
        level = float(rng.uniform(14, 40))
        edge = inner_radius(head, level, np.array([angle]))[0]
        away = float(edge) - radius * 1.25 - float(rng.uniform(6, 10))
        centre = away * float(np.sin(angle)), away * float(np.cos(angle))
    else:
        radius = min(radius, 14.0)
        centre = side * float(rng.uniform(12, 22)), float(rng.uniform(-54, -46))
        level, lowest = float(rng.uniform(-28, -22)), -40.0
    return Intraparenchymal(
        centre=centre,
        radius=radius,
        ripple=(*rng.normal(0, (0.10, 0.08, 0.04, 0.04)), *rng.uniform(0, 6.28, 4)),
        rim=float(rng.uniform(4, 10)),
        level=level,
        reach=min(radius * float(rng.uniform(1.5, 2.1)), level - lowest),
        hounsfield=float(rng.uniform(60, 78)),
        oedema=float(rng.uniform(19, 23)),
    )


@dataclass(frozen=True)
class Intraventricular:
    """Blood in the ventricles: settled behind a level, or a cast of them."""

    cast: bool
    surface: float  # height of the fluid level above the couch, mm from the origin
    hounsfield: float
    tint: float  # HU that mixed blood adds to the fluid above the level
    width: float  # ventricles widen by this factor, for they drain badly

    def shows(self, head: Head, level: float) -> bool:
        """Whether a slice holds enough of it: where the ventricles are wide.

        A cast fills the lateral ventricles and, below, the fourth; settled blood is
        in their atria and occipital horns, higher up only if it stands high.
        """
        if self.cast:
            return -4 < level < 26
        top = np.interp(self.surface, (-38, -28, -20), (7, 15, 23))
        return bool(-4 < level < top)


def draw_intraventricular(head: Head, rng: np.random.Generator) -> Intraventricular:
    """Half settled, half casts."""
    return Intraventricular(
        cast=bool(rng.random() < 0.5),
        surface=float(rng.uniform(-38, -20)),
        hounsfield=float(rng.uniform(54, 74)),
        tint=float(rng.uniform(2, 9)),
        width=float(rng.uniform(1.2, 1.5)),
    )


@dataclass(frozen=True)
class Subarachnoid:
    """Blood in the fluid around the brain: basal cisterns, or sulci of the convexity."""

    basal: bool
    angle: float  # middle of the sector of sulci, radians
    half: float  # half the sector, radians
    width: float  # of a sulcus full of blood, mm
    level: float
    reach: float
    hounsfield: float

    def sector(self) -> Table:
        """1 over ANGLES where sulci hold blood, falling to 0 at the ends."""
        return np.clip((self.half - np.abs(turned(self.angle))) / 0.08, 0, 1)

    def shows(self, head: Head, level: float) -> bool:
        """Whether a slice holds enough of it: cisterns by level, sulci by their sum."""
        if self.basal:
            return -20 < level < 17
        if abs(level - self.level) > self.reach:
            return False
        place, depth = sulci(head, level)
        away = np.abs((place - self.angle + np.pi) % (2 * np.pi) - np.pi)
        filled = depth[away < self.half - 0.06].sum() * self.width
        return promises("subarachnoid", float(filled), head)


def draw_subarachnoid(head: Head, rng: np.random.Generator) -> Subarachnoid:
    """Half basal (a burst aneurysm), half over one side of the convexity."""
    side = int(rng.integers(2)) * 2 - 1
    return Subarachnoid(
        basal=bool(rng.random() < 0.5),
        angle=side * float(rng.uniform(0.8, 2.2)),
        half=float(rng.uniform(0.5, 0.8)),
        width=float(rng.uniform(2.8, 3.8)),
        level=float(rng.uniform(18, 36)),
        reach=float(rng.uniform(24, 34)),
        hounsfield=float(rng.uniform(50, 65)),
    )


DRAW: dict[str, Callable[[Head, np.random.Generator], Any]] = {
    "epidural": draw_epidural,
    "intraparenchymal": draw_intraparenchymal,
    "intraventricular": draw_intraventricular,
    "subarachnoid": draw_subarachnoid,
    "subdural": draw_subdural,
}


@dataclass(frozen=True)
class Haemorrhages:
    """Those of a patient or of a slice, at most one of each type."""

    epidural: Epidural | None = None
    intraparenchymal: Intraparenchymal | None = None
    intraventricular: Intraventricular | None = None
    subarachnoid: Subarachnoid | None = None
    subdural: Subdural | None = None

    def present(self) -> Float[np.ndarray, "t"]:
        """Which types [5] there are, 0 or 1, in the order of TYPES."""
        there = [getattr(self, kind) is not None for kind in TYPES]
        return np.array(there, np.float32)

    def showing(self, head: Head, level: float) -> "Haemorrhages":
        """Those that a slice at `level` (z, mm) shows."""
        every = ((kind, getattr(self, kind)) for kind in TYPES)
        return Haemorrhages(
            **{
                kind: one
                for kind, one in every
                if one is not None and one.shows(head, level)
            }
        )

    @property
    def convex(self) -> tuple[Epidural | Subdural, ...]:
        """Those between skull and brain."""
        return tuple(one for one in (self.subdural, self.epidural) if one is not None)

    def thickness(self, level: float) -> Table:
        """Of all blood between skull and brain, over ANGLES (mm)."""
        thick = np.zeros_like(ANGLES)
        for one in self.convex:
            thick = thick + one.thickness(level)
        return thick
