"""What is wrong: each type of haemorrhage as the shape that a radiologist looks for.

A haemorrhage has an extent along the head. `shows` tells whether a slice holds enough of
it to count (`labels.LEAST_AREA`), from its closed form and without rendering; a slice in
which it does not show has none of it. So labels are true.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from synthjax.phantom.head.anatomy import ANGLES, Head, inner_radius, sulci
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
        """Tell whether a slice holds enough of it."""
        size = swell(level, self.level, self.reach)
        radius = inner_radius(head, level, np.array([self.angle]))[0]
        # 1.41 is the integral of (1 - q^2)^0.8 from -1 to 1.
        area = 1.41 * self.thick * self.half * size**2 * (radius - self.thick / 2)
        return promises("epidural", area, head)

    def thickness(self, level: float) -> Table:
        """Return its thickness from the inner table inwards, over ANGLES (mm)."""
        size = swell(level, self.level, self.reach)
        part = turned(self.angle) / (self.half * size)
        return self.thick * size * np.maximum(1 - part**2, 0) ** 0.8

    def shift(self, level: float) -> float:
        """Return how far it moves the midline, mm; positive to the left."""
        size = swell(level, self.level, self.reach)
        return -float(np.sign(self.angle)) * 0.26 * self.thick * size


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
        """Return thickness (mm) and half length (radians) in a slice."""
        size = swell(level, self.level, self.reach)
        return self.thick * size**0.7, self.half * size**0.5

    def shows(self, head: Head, level: float) -> bool:
        """Tell whether a slice holds enough of it."""
        thick, half = self._sizes(level)
        radius = inner_radius(head, level, np.array([self.angle]))[0]
        # 1.44 is the integral of (1 - q^2)^0.75 from -1 to 1.
        return promises("subdural", 1.44 * thick * half * (radius - thick), head)

    def thickness(self, level: float) -> Table:
        """Return its thickness from the inner table inwards, over ANGLES (mm)."""
        thick, half = self._sizes(level)
        if half <= 0:
            return np.zeros_like(ANGLES)
        part = turned(self.angle) / half
        return thick * np.maximum(1 - part**2, 0) ** 0.75

    def shift(self, level: float) -> float:
        """Return how far it moves the midline, mm; positive to the left."""
        return -float(np.sign(self.angle)) * 0.45 * self._sizes(level)[0]


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
        """Return the mean radius in a slice, mm."""
        return self.radius * swell(level, self.level, self.reach)

    def shows(self, head: Head, level: float) -> bool:
        """Tell whether a slice holds enough of it."""
        return promises("intraparenchymal", np.pi * self.size(level) ** 2, head)

    def outline(self, level: float) -> Table:
        """Return the radius from its centre, over ANGLES (mm)."""
        radius = np.ones_like(ANGLES)
        for order, (share, phase) in enumerate(
            zip(self.ripple[:4], self.ripple[4:], strict=True), start=2
        ):
            radius += share * np.cos(order * ANGLES + phase + 0.05 * order * level)
        return self.size(level) * radius


@dataclass(frozen=True)
class Intraventricular:
    """Blood in the ventricles: settled behind a level, or a cast of them."""

    cast: bool
    surface: float  # height of the fluid level above the couch, mm from the origin
    hounsfield: float
    tint: float  # HU that mixed blood adds to the fluid above the level
    width: float  # ventricles widen by this factor, for they drain badly

    def shows(self, head: Head, level: float) -> bool:
        """Tell whether a slice holds enough of it: where the ventricles are wide.

        A cast fills the lateral ventricles and, below, the fourth; settled blood is
        in their atria and occipital horns, higher up only if it stands high.
        """
        if self.cast:
            return -4 < level < 26
        top = np.interp(self.surface, (-38, -28, -20), (7, 15, 23))
        return bool(-4 < level < top)


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
        """Return 1 over ANGLES where sulci hold blood, falling to 0 at the ends."""
        return np.clip((self.half - np.abs(turned(self.angle))) / 0.08, 0, 1)

    def shows(self, head: Head, level: float) -> bool:
        """Tell whether a slice holds enough: cisterns by level, sulci by their sum."""
        if self.basal:
            return -20 < level < 17
        if abs(level - self.level) > self.reach:
            return False
        place, depth = sulci(head, level)
        away = np.abs((place - self.angle + np.pi) % (2 * np.pi) - np.pi)
        filled = depth[away < self.half - 0.06].sum() * self.width
        return promises("subarachnoid", float(filled), head)


Haemorrhage = Epidural | Intraparenchymal | Intraventricular | Subarachnoid | Subdural


@dataclass(frozen=True)
class Haemorrhages:
    """Those of a patient or of a slice, at most one of each type."""

    epidural: Epidural | None = None
    intraparenchymal: Intraparenchymal | None = None
    intraventricular: Intraventricular | None = None
    subarachnoid: Subarachnoid | None = None
    subdural: Subdural | None = None

    def present(self) -> Float[np.ndarray, "t"]:
        """Return which types [5] there are, 0 or 1, in the order of TYPES."""
        there = [getattr(self, kind) is not None for kind in TYPES]
        return np.array(there, np.float32)

    def showing(self, head: Head, level: float) -> "Haemorrhages":
        """Return those that a slice at `level` (z, mm) shows."""
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
        """Return those between skull and brain."""
        return tuple(one for one in (self.subdural, self.epidural) if one is not None)

    def thickness(self, level: float) -> Table:
        """Return that of all blood between skull and brain, over ANGLES (mm)."""
        thick = np.zeros_like(ANGLES)
        for one in self.convex:
            thick = thick + one.thickness(level)
        return thick
