"""A case: one patient with haemorrhages, drawn from a seed, and the slices taken."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from synthjax.phantom.head.anatomy import Head, draw_head, draw_levels
from synthjax.phantom.head.drawing import DRAW
from synthjax.phantom.head.haemorrhages import Haemorrhages
from synthjax.phantom.head.labels import LABELS, TYPES, close, draw_types, types_of

SLICES_PER_PATIENT = 4
SHOWING = (6.0, -10.0, 14.0, 22.0, -18.0, 34.0, 46.0)  # z tried for a finding, mm

# Last word of a random stream [seed, patient, word]; some streams have a fourth.
_HEAD, _TYPES, _HAEMORRHAGE, _LEVELS, _NOISE = 10, 11, 12, 13, 14


@dataclass(frozen=True)
class Case:
    """A patient with all haemorrhages, and the levels of the slices taken."""

    seed: int
    number: int
    head: Head
    haemorrhages: Haemorrhages
    levels: Float[np.ndarray, "n"]  # z of the slices, ascending, mm

    @property
    def name(self) -> str:
        """Return the patient's id."""
        return f"patient{self.number:05d}"

    def found(self, image: int) -> Haemorrhages:
        """Return the haemorrhages that slice `image` (from 0) shows."""
        return self.haemorrhages.showing(self.head, float(self.levels[image]))

    def label(self, image: int) -> Float[np.ndarray, "y"]:
        """Return the label vector [6] of slice `image` (from 0), 0 or 1."""
        return close(self.found(image).present())

    def noise(self, image: int) -> np.random.Generator:
        """Return the random stream of the noise in slice `image` (from 0)."""
        return np.random.default_rng([self.seed, self.number, _NOISE, image])

    def at(self, *levels: float) -> "Case":
        """Return the same patient with slices at these levels (z, mm)."""
        return replace(self, levels=np.array(levels))

    def with_findings(self, *names: str) -> "Case":
        """Return the same patient with exactly these haemorrhages, and one slice.

        The slice lies where it shows as many of them as one of the levels SHOWING does.

        Raises:
          ValueError: LABELS has no such finding.
        """
        blood = draw_haemorrhages(self.head, self.seed, self.number, types_of(*names))
        case = replace(self, haemorrhages=blood).at(*SHOWING)
        wanted = [LABELS.index(name) for name in names]
        seen = [case.label(image)[wanted].sum() for image in range(len(SHOWING))]
        return case.at(SHOWING[int(np.argmax(seen))])

    def healthy(self) -> "Case":
        """Return the same patient and slices without haemorrhages."""
        return replace(self, haemorrhages=Haemorrhages())


def draw_case(
    seed: int, number: int, slices_per_patient: int = SLICES_PER_PATIENT
) -> Case:
    """Draw patient `number` of the population `seed`.

    Args:
      seed: of the population.
      number: of the patient in it, from 0.
      slices_per_patient: a patient has 1 to this many slices, uniformly.
    """
    head = draw_head(np.random.default_rng([seed, number, _HEAD]))
    _, present = draw_types(np.random.default_rng([seed, number, _TYPES]))
    rng = np.random.default_rng([seed, number, _LEVELS])
    count = int(rng.integers(1, slices_per_patient + 1))
    levels = draw_levels(rng, count)
    blood = draw_haemorrhages(head, seed, number, present)
    return Case(seed, number, head, blood, levels)


def draw_haemorrhages(
    head: Head, seed: int, number: int, present: Float[np.ndarray, "t"]
) -> Haemorrhages:
    """Draw a patient's haemorrhages of the types [5] that are 1.

    What one of them is like does not depend on which others there are.
    """
    streams = {
        kind: np.random.default_rng([seed, number, _HAEMORRHAGE, index])
        for index, kind in enumerate(TYPES)
        if present[index]
    }
    drawn: dict[str, Any] = {
        kind: DRAW[kind](head, rng) for kind, rng in streams.items()
    }
    return Haemorrhages(**drawn)
