"""A case: one patient with findings, drawn from a seed, and the thorax in each image."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from synthjax.phantom.chest.anatomy import (
    Patient,
    Pose,
    Scene,
    draw_patient,
    draw_pose,
    make_scene,
)
from synthjax.phantom.chest.findings import FINDINGS
from synthjax.phantom.chest.labels import LABELS, OPACITIES, draw_label, label_of

IMAGES_PER_PATIENT = 3

# Last word of a random stream [seed, patient, word]; an image's streams have a fourth.
_PATIENT, _FINDING, _POSE, _NOISE = 0, 1, 2, 3


@dataclass(frozen=True)
class Case:
    """A patient with the findings that all of their images show."""

    seed: int
    number: int
    patient: Patient
    label: Float[np.ndarray, "y"]  # 0 or 1, in the order of LABELS
    bedridden: bool  # has devices and is mostly imaged from the front (AP)
    images: int  # how many images were taken

    def with_findings(self, *names: str) -> "Case":
        """Return the same patient, in the same poses, with exactly these findings.

        Labels that follow from others (Lung Opacity, No Finding) are set as well.

        Raises:
          ValueError: LABELS has no such finding.
        """
        return replace(self, label=label_of(*names))

    def pose(self, image: int) -> Pose:
        """Return how the patient stands in image `image` (from 0)."""
        return draw_pose(self._pose_stream(image), self.bedridden)

    def scene(self, image: int) -> Scene:
        """Build the thorax in image `image` (from 0), findings included."""
        rng = self._pose_stream(image)
        scene = make_scene(self.patient, draw_pose(rng, self.bedridden))
        change = rng.normal(0, 0.08, len(LABELS))
        for name, draw in FINDINGS.items():
            index = LABELS.index(name)
            if not self.label[index] or (name == "Lung Opacity" and not self._alone()):
                continue
            stream = np.random.default_rng([self.seed, self.number, _FINDING, index])
            severity = stream.random() + (change[index] if image else 0.0)
            draw(scene, float(np.clip(severity, 0, 1)), stream)
        return scene

    def noise(self, image: int) -> np.random.Generator:
        """Return the random stream of the quantum noise in image `image` (from 0)."""
        return np.random.default_rng([self.seed, self.number, _NOISE, image])

    def _pose_stream(self, image: int) -> np.random.Generator:
        """Return the stream of the pose, and of how findings differ between images."""
        return np.random.default_rng([self.seed, self.number, _POSE, image])

    def _alone(self) -> bool:
        """Tell whether Lung Opacity is a haze of its own, not another finding's."""
        return not any(self.label[LABELS.index(name)] for name in OPACITIES)


def draw_case(
    seed: int, number: int, images_per_patient: int = IMAGES_PER_PATIENT
) -> Case:
    """Draw patient `number` of the population `seed`.

    Args:
      seed: of the population.
      number: of the patient in it, from 0.
      images_per_patient: a patient has 1 to this many images, uniformly.
    """
    rng = np.random.default_rng([seed, number, _PATIENT])
    patient = draw_patient(rng)
    _, label = draw_label(rng)
    images = int(rng.integers(1, images_per_patient + 1))
    bedridden = bool(label[LABELS.index("Support Devices")])
    return Case(seed, number, patient, label, bedridden, images)
