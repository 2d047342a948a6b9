"""Chest radiographs of phantoms: no download, labels true by construction.

Every patient is a thorax of solids (`phantom.chest_anatomy`) with CheXpert's 14 labels
drawn from a stated joint distribution (`phantom.chest_labels`), altered by its findings
(`phantom.chest_findings`) and exposed to a parallel beam (`phantom.radiograph`). An
image depends on (seed, patient, image) alone: not on the number of workers, and a patient
is the same at every resolution. `python -m synthjax.data.sources.phantom_chest_atlas`
draws every finding beside the same patient without it, and
`python -m synthjax.data.sources.phantom_chest` measures the rendering speed.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32

from synthjax.core.errors import ConfigError
from synthjax.data.images.pixels import PixelsConfig
from synthjax.data.listing import Context, Listing, make_metadata
from synthjax.data.problems import Problems
from synthjax.data.schema import Record
from synthjax.phantom.chest.anatomy import (
    SOFT,
    Patient,
    Pose,
    Scene,
    draw_patient,
    draw_pose,
    make_scene,
)
from synthjax.phantom.chest.findings import FINDINGS
from synthjax.phantom.chest.labels import LABELS, OPACITIES, draw_label
from synthjax.phantom.chest.projection import FIELD, attenuation, grid_for
from synthjax.phantom.radiograph import Exposure, expose

# Last word of a random stream [seed, patient, word]; an image's streams have a fourth.
_PATIENT, _FINDING, _POSE, _NOISE = 0, 1, 2, 3


@dataclass(frozen=True)
class PhantomChestConfig:
    """How many patients, and how they are imaged."""

    patients: int = 6000  # number of patients
    images_per_patient: int = 3  # each patient has 1 to this many images, uniformly
    photons: float = 20000.0  # dose: photons per mm^2 without a patient; 0 = no noise
    scatter: float = 0.04  # scattered radiation relative to the mean primary beam

    def __post_init__(self) -> None:
        if self.patients < 1:
            raise ConfigError(f"patients={self.patients}: must be at least 1")
        if not 1 <= self.images_per_patient <= 3:
            raise ConfigError(
                f"images_per_patient={self.images_per_patient}: must be 1, 2 or 3"
            )
        if not 0 <= self.photons <= 1e8:
            raise ConfigError(
                f"photons={self.photons}: must be 0 (no noise) to 1e8 per mm^2 "
                "(about 1e6 in a clinic; fewer show more noise)"
            )
        if not 0 <= self.scatter <= 1:
            raise ConfigError(f"scatter={self.scatter}: must be 0 to 1")


@dataclass(frozen=True)
class Case:
    """A patient with the findings that all of their images show."""

    seed: int
    number: int
    patient: Patient
    label: Float[np.ndarray, "y"]  # 0 or 1, in the order of LABELS
    bedridden: bool  # has devices and is mostly imaged from the front (AP)
    images: int  # how many images were taken


def draw_case(config: PhantomChestConfig, seed: int, number: int) -> Case:
    """Patient `number` of the data set `seed`."""
    rng = np.random.default_rng([seed, number, _PATIENT])
    patient = draw_patient(rng)
    _, label = draw_label(rng)
    images = int(rng.integers(1, config.images_per_patient + 1))
    bedridden = bool(label[LABELS.index("Support Devices")])
    return Case(seed, number, patient, label, bedridden, images)


def build_scene(case: Case, image: int) -> Scene:
    """The thorax in image `image` (from 0) of a case, findings included."""
    rng, pose = _draw_pose(case, image)
    change = rng.normal(0, 0.08, len(LABELS))
    scene = make_scene(case.patient, pose)
    for name, draw in FINDINGS.items():
        index = LABELS.index(name)
        if not case.label[index] or (name == "Lung Opacity" and not _alone(case)):
            continue
        stream = np.random.default_rng([case.seed, case.number, _FINDING, index])
        severity = stream.random() + (change[index] if image else 0.0)
        draw(scene, float(np.clip(severity, 0, 1)), stream)
    return scene


def _draw_pose(case: Case, image: int) -> tuple[np.random.Generator, Pose]:
    """How the patient stands in an image, and the stream that goes on from there."""
    rng = np.random.default_rng([case.seed, case.number, _POSE, image])
    return rng, draw_pose(rng, case.bedridden)


def _alone(case: Case) -> bool:
    """Whether Lung Opacity stands for a haze of its own, not for another finding."""
    return not any(case.label[LABELS.index(name)] for name in OPACITIES)


def render(
    config: PhantomChestConfig,
    scene: Scene,
    resolution: int,
    rng: np.random.Generator | None,
) -> Float[np.ndarray, "s s"]:
    """The displayed radiograph, 0..1; without `rng` it has no noise.

    The window follows the thickness of the patient, as automatic exposure does.
    """
    grid = grid_for(scene, resolution)
    patient = scene.patient
    thick = SOFT * 2 * (patient.half_depth + 0.6 * patient.wall + 10)
    bright = 1 + scene.pose.brightness
    exposure = Exposure(
        config.photons,
        config.scatter * float(np.exp(-0.5 * thick)),
        0.24 * thick * bright,
        1.16 * thick * bright,
    )
    return expose(attenuation(scene, grid), resolution, exposure, FIELD, rng)


def list_images(config: PhantomChestConfig, context: Context) -> Listing:
    """All images, ordered by patient and image; none is rendered yet."""
    columns: dict[str, list] = {
        name: [] for name in ("id", "label", "patient_id", "age", "sex", "view")
    }
    for number in range(config.patients):
        case = draw_case(config, context.seed, number)
        for image in range(case.images):
            name = f"patient{number:05d}"
            columns["id"].append(f"{name}-study{image + 1}")
            columns["label"].append(case.label)
            columns["patient_id"].append(name)
            columns["age"].append(case.patient.age)
            columns["sex"].append(case.patient.sex)
            columns["view"].append(_draw_pose(case, image)[1].view)
    rows = make_metadata(
        **columns,
        study_id=columns["id"],
        origin=f"phantom_chest seed {context.seed}",
    )
    reader = Renderer(config, context.seed, context.resolution)
    return Listing("phantom_chest", LABELS, rows, reader)


@dataclass(frozen=True)
class Renderer:
    """Renders the image of a row."""

    config: PhantomChestConfig
    seed: int
    resolution: int  # pixels a side

    def __call__(self, record: Record) -> Float32[np.ndarray, "s s 1"]:
        """The displayed radiograph, 0..1."""
        patient, _, image = record.id.removeprefix("patient").partition("-study")
        number, index = int(patient), int(image) - 1
        case = draw_case(self.config, self.seed, number)
        noise = np.random.default_rng([self.seed, number, _NOISE, index])
        scene = build_scene(case, index)
        return render(self.config, scene, self.resolution, noise)[:, :, None]


def images_per_second(resolution: int, seconds: float = 3.0) -> float:
    """Images per second of one core's time."""
    config = PhantomChestConfig(patients=1000)
    problems = Problems("error", 0.0)
    context = Context(resolution, 1, 0, 1, Path(), PixelsConfig(), problems)
    listing = list_images(config, context)
    listing.read(listing.metadata.record(0))
    start = time.process_time()
    count = 0
    while time.process_time() - start < seconds:
        listing.read(listing.metadata.record(count % len(listing.metadata)))
        count += 1
    return count / (time.process_time() - start)


if __name__ == "__main__":
    for pixels in (16, 32, 64, 128, 256):
        print(f"{pixels} px: {images_per_second(pixels):.0f} images/s per core")
