"""What is wrong: each finding as the change of a thorax that a radiologist looks for.

A finding takes a severity from 0 (just visible) to 1 and a random stream that belongs
to the patient and the finding, so that side and place stay over the patient's images.
Airspace disease fills a share of the lung's air along each ray (`Fill`): oedema and
pneumonia softly, a consolidated lobe up to a straight fissure, fluid up to a meniscus.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float

from synthjax.phantom.chest.anatomy import BONE, CALCIUM, LUNG, SIDES, SOFT, Scene, ribs
from synthjax.phantom.chest.devices import support_devices
from synthjax.phantom.solids import Ellipsoid, chain


class Fill(Protocol):
    """Disease that replaces air by soft tissue."""

    def fraction(
        self, x: Float[np.ndarray, "w"], z: Float[np.ndarray, "h"]
    ) -> Float[np.ndarray, "h w"]:
        """Return the share of the air that is gone, 0 to 1."""


@dataclass(frozen=True)
class Haze:
    """An ill-defined opacity: a Gaussian of standard deviations `spread` (mm)."""

    centre: tuple[float, float]
    spread: tuple[float, float]
    amount: float

    def fraction(
        self, x: Float[np.ndarray, "w"], z: Float[np.ndarray, "h"]
    ) -> Float[np.ndarray, "h w"]:
        """Return the share of the air that is gone, 0 to 1."""
        column = np.exp(-0.5 * ((x - self.centre[0]) / self.spread[0]) ** 2)
        row = np.exp(-0.5 * ((z - self.centre[1]) / self.spread[1]) ** 2)
        return np.float32(self.amount) * row[:, None] * column[None, :]


@dataclass(frozen=True)
class Slab:
    """A sharp band between two levels of z (mm) at the midline.

    `slopes` are the rise of its lower and of its upper edge per mm away from the
    midline; `reach` bounds the distance from
    the midline (mm). A lobe is a slab bounded by its fissure, a plate is a thin one.
    """

    low: float
    high: float
    amount: float
    slopes: tuple[float, float] = (0.0, 0.0)
    reach: tuple[float, float] = (-10.0, 400.0)
    edge: float = 3.0

    def fraction(
        self, x: Float[np.ndarray, "w"], z: Float[np.ndarray, "h"]
    ) -> Float[np.ndarray, "h w"]:
        """Return the share of the air that is gone, 0 to 1."""
        away = np.abs(x)
        low = self.low + np.float32(self.slopes[0]) * away
        high = self.high + np.float32(self.slopes[1]) * away
        inside = np.clip((z[:, None] - low) / self.edge + 0.5, 0, 1)
        inside *= np.clip((high - z[:, None]) / self.edge + 0.5, 0, 1)
        near = np.clip((away - self.reach[0]) / self.edge + 0.5, 0, 1)
        far = np.clip((self.reach[1] - away) / self.edge + 0.5, 0, 1)
        return np.float32(self.amount) * inside * (near * far)[None, :]


@dataclass(frozen=True)
class Meniscus:
    """Fluid up to `level` (mm) at the hilum, which climbs by `rise` to the wall."""

    level: float
    rise: float
    wall: float

    def fraction(
        self, x: Float[np.ndarray, "w"], z: Float[np.ndarray, "h"]
    ) -> Float[np.ndarray, "h w"]:
        """Return the share of the air that is gone, 0 to 1."""
        surface = self.level + self.rise * (np.abs(x) / self.wall) ** 3
        depth = surface[None, :] - z[:, None]
        return np.clip(depth / np.float32(6) + np.float32(0.5), 0, 0.97)


def _sides(rng: np.random.Generator, both: float) -> list[int]:
    """Draw one side or, with probability `both`, two; as indices (0 right, 1 left)."""
    side = int(rng.integers(2))
    return [0, 1] if rng.random() < both else [side]


def enlarged_cardiomediastinum(
    scene: Scene, severity: float, rng: np.random.Generator
) -> None:
    """Widen the upper mediastinum: 45 to 75 mm from the midline."""
    scene.mediastinum_extra += 24 + 24 * severity


def cardiomegaly(scene: Scene, severity: float, rng: np.random.Generator) -> None:
    """Widen the heart to a cardiothoracic ratio of 0.57 to 0.69 (else below 0.47)."""
    scene.heart_ratio = 0.57 + 0.12 * severity


def lone_opacity(scene: Scene, severity: float, rng: np.random.Generator) -> None:
    """Add a faint rounded haze of no known cause, in the upper or middle zone."""
    index = int(rng.integers(2))
    centre = (SIDES[index] * float(rng.uniform(68, 88)), float(rng.uniform(25, 70)))
    size = 24 + 8 * severity
    scene.fills[index].append(Haze(centre, (size, size), 0.55 + 0.25 * severity))


def lung_lesion(scene: Scene, severity: float, rng: np.random.Generator) -> None:
    """Add one to four sharp round nodules; a single one is a mass."""
    count = int(rng.integers(1, 5))
    size = 12.5 + 6 * severity + (6 if count == 1 else 3 if count == 2 else 0)
    first = int(rng.integers(2))
    levels = rng.permutation(4)
    for number in range(count):
        side = SIDES[(first + number) % 2]
        place = (
            side * float(rng.uniform(62, 102)),
            float(rng.uniform(-30, 30)),
            -38 + 36 * float(levels[number]) + float(rng.uniform(-8, 8)),
        )
        radius = size * float(rng.uniform(0.9, 1.1))
        dense = 1.9 * (SOFT - LUNG)
        scene.solids.append(Ellipsoid(place, (radius,) * 3, 0.0, dense))


def edema(scene: Scene, severity: float, rng: np.random.Generator) -> None:
    """Add bat-wing haze on both sides, thick vessels and Kerley B lines at the base."""
    for index, side in enumerate(SIDES):
        amount = 0.45 + 0.3 * severity
        scene.fills[index].append(Haze((side * 52.0, 0.0), (34, 46), amount))
        scene.fills[index].append(Haze((side * 70.0, -20.0), (60, 70), 0.18))
        wall = side * (scene.wide - 4)
        for z in np.arange(scene.dome[index] - 12, scene.dome[index] + 40, 9.0):
            line = np.array([[wall, 20, z], [wall - side * 20, 20, z + 2]])
            scene.rods.append(chain(line, 1.2, 6 * (SOFT - LUNG)))
    scene.vessel_width = 1.4 + 0.5 * severity


def consolidation(scene: Scene, severity: float, rng: np.random.Generator) -> None:
    """Fill a lobe, with a straight fissure for its edge and airways left open."""
    index = int(rng.random() < 0.4)
    amount = 0.72 + 0.2 * severity
    if rng.random() < 0.7:
        lobe = Slab(22 - 14 * severity, 400, amount, slopes=(0.05, 0.0))
    else:
        lobe = Slab(-62 - 8 * severity, 20, amount, slopes=(0.25, -0.06))
    scene.fills[index].append(lobe)
    middle = 0.5 * (lobe.low + min(lobe.high, 110.0))
    for turn in (-22.0, 0.0, 22.0):
        start = [SIDES[index] * 36.0, 0.0, 0.5 * middle]
        end = [SIDES[index] * 88.0, 0.0, middle + turn]
        scene.rods.append(chain(np.array([start, end]), 3.0, -0.8 * SOFT))


def pneumonia(scene: Scene, severity: float, rng: np.random.Generator) -> None:
    """Add patches that run together in one lower or middle zone of one side."""
    index = int(rng.integers(2))
    middle = np.array([78.0, -22.0])
    for number in range(6):
        angle = number * 2.4 + float(rng.uniform(-0.5, 0.5))
        away = 14 + 9 * np.sqrt(number) * float(rng.uniform(0.8, 1.2))
        x, z = middle + away * np.array([np.cos(angle), np.sin(angle)])
        size = float(rng.uniform(8, 13)) + 3 * severity
        amount = 0.55 + 0.3 * severity
        fill = Haze((SIDES[index] * float(x), float(z)), (size, size), amount)
        scene.fills[index].append(fill)


def atelectasis(scene: Scene, severity: float, rng: np.random.Generator) -> None:
    """Add plates above a raised diaphragm, and draw the mediastinum to their side."""
    index = int(rng.integers(2))
    scene.dome[index] += 26 + 20 * severity
    scene.mediastinum_shift += SIDES[index] * (8 + 8 * severity)
    for number in range(2):
        low = scene.dome[index] + 12 + 24 * number + float(rng.uniform(-3, 3))
        thick = 7 + 3 * severity
        slope = float(rng.uniform(-0.12, 0.12))
        plate = Slab(low, low + thick, 0.85, slopes=(slope, slope), reach=(44, 122))
        scene.fills[index].append(plate)


def pneumothorax(scene: Scene, severity: float, rng: np.random.Generator) -> None:
    """Collapse a lung: a pleural line, beyond it black air without vessels."""
    index = int(rng.integers(2))
    scene.collapse[index] = 0.22 + 0.28 * severity


def pleural_effusion(scene: Scene, severity: float, rng: np.random.Generator) -> None:
    """Add fluid over the diaphragm that climbs the wall: the sharp angle is gone."""
    for index in _sides(rng, both=0.4):
        level = scene.dome[index] - 4 + 46 * severity
        scene.fills[index].append(Meniscus(level, 38.0, scene.wide))


def pleural_other(scene: Scene, severity: float, rng: np.random.Generator) -> None:
    """Add a thick rind around side and apex with calcified plaques."""
    for index in _sides(rng, both=0.3):
        thick = 12 + 9 * severity
        scene.rind[index] = thick
        side = SIDES[index]
        dense = CALCIUM - SOFT
        for number in range(3):
            z = 62 - 44 * number + float(rng.uniform(-10, 10))
            x = side * (scene.wide - 0.5 * thick - (5 if number == 0 else 0))
            size = (4.5, 18.0, float(rng.uniform(13, 18)))
            tilt = 0.25 * side if number == 0 else 0.0
            scene.solids.append(Ellipsoid((x, 0.0, z), size, tilt, dense))
        top = (side * 0.5 * scene.wide, 0.0, scene.dome[index])
        scene.solids.append(Ellipsoid(top, (20.0, 20.0, 3.5), 0.0, dense))


def fracture(scene: Scene, severity: float, rng: np.random.Generator) -> None:
    """Break ribs in a row: gap, step and callus, a haematoma bulging from the wall."""
    index = int(rng.integers(2))
    count = 3 + int(rng.integers(3))
    first = int(rng.integers(3, 5))
    node = int(rng.integers(3, 5))
    place = ribs(scene)[index, first : first + count, node]
    for number in range(count):
        scene.breaks.append((index, first + number, node))
        size = 7.0 + 1.5 * severity
        centre = tuple(float(value) for value in place[number])
        callus = Ellipsoid(centre, (size, size, size), 0.0, 2.6 * (BONE - SOFT))
        scene.solids.append(callus)
    middle = float(place[:, 2].mean())
    wall = float(place[:, 0].mean())
    spread = (15 + 6 * severity, 7.0 * count + 5 * severity)
    scene.fills[index].append(Haze((wall, middle), spread, 0.9))


Finding = Callable[[Scene, float, np.random.Generator], None]

# In the order in which they are applied: shape first, then what depends on it.
FINDINGS: dict[str, Finding] = {
    "Enlarged Cardiomediastinum": enlarged_cardiomediastinum,
    "Cardiomegaly": cardiomegaly,
    "Atelectasis": atelectasis,
    "Pneumothorax": pneumothorax,
    "Lung Opacity": lone_opacity,
    "Lung Lesion": lung_lesion,
    "Edema": edema,
    "Consolidation": consolidation,
    "Pneumonia": pneumonia,
    "Pleural Effusion": pleural_effusion,
    "Pleural Other": pleural_other,
    "Fracture": fracture,
    "Support Devices": support_devices,
}
