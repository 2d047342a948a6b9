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
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context

import numpy as np
from jaxtyping import Float

from synthjax.core.errors import ConfigError
from synthjax.data.schema import Record, Schema
from synthjax.data.sources.phantom.chest_anatomy import (
    SOFT,
    Patient,
    Scene,
    draw_patient,
    draw_pose,
    make_scene,
)
from synthjax.data.sources.phantom.chest_findings import FINDINGS
from synthjax.data.sources.phantom.chest_labels import LABELS, OPACITIES, draw_label
from synthjax.data.sources.phantom.chest_projection import (
    FIELD,
    attenuation,
    grid_for,
)
from synthjax.data.sources.phantom.radiograph import Exposure, expose, to_uint8

CHUNK = 32  # patients that a worker renders at a time

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


def schema(config: PhantomChestConfig, *, resolution: int, channels: int) -> Schema:
    """What the records look like."""
    check_shape(resolution, channels)
    return Schema("phantom_chest", LABELS, resolution, channels)


def check_shape(resolution: int, channels: int) -> None:
    """Raise ConfigError unless the phantom can be rendered in this shape."""
    if resolution not in (16, 32, 64, 128, 256, 512, 1024):
        raise ConfigError(
            f"resolution={resolution}: must be a power of two from 16 to 1024"
        )
    if channels not in (1, 3):
        raise ConfigError(f"channels={channels}: must be 1 (grey) or 3 (grey thrice)")


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
    rng = np.random.default_rng([case.seed, case.number, _POSE, image])
    pose = draw_pose(rng, case.bedridden)
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


def case_records(
    config: PhantomChestConfig, case: Case, resolution: int, channels: int
) -> list[Record]:
    """All images of one patient."""
    name = f"patient{case.number:05d}"
    records = []
    for image in range(case.images):
        scene = build_scene(case, image)
        noise = np.random.default_rng([case.seed, case.number, _NOISE, image])
        pixels = to_uint8(render(config, scene, resolution, noise))[:, :, None]
        records.append(
            Record(
                id=f"{name}-study{image + 1}",
                image_u8=np.repeat(pixels, channels, axis=2),
                label=case.label.copy(),
                patient_id=name,
                study_id=f"{name}-study{image + 1}",
                age=case.patient.age,
                sex=case.patient.sex,
                view=scene.pose.view,
                origin=f"phantom_chest seed {case.seed}",
            )
        )
    return records


def _chunk(
    config: PhantomChestConfig, seed: int, first: int, resolution: int, channels: int
) -> list[Record]:
    """All records of the patients from `first` on, at most CHUNK of them."""
    last = min(first + CHUNK, config.patients)
    cases = (draw_case(config, seed, number) for number in range(first, last))
    return [
        record
        for case in cases
        for record in case_records(config, case, resolution, channels)
    ]


def records(
    config: PhantomChestConfig,
    *,
    resolution: int,
    channels: int = 1,
    seed: int = 0,
    workers: int = 1,
) -> Iterator[Record]:
    """All images, ordered by patient and image, whatever the number of workers.

    Args:
      config: the study population and the exposure.
      resolution: pixels a side, a power of two from 16 to 1024.
      channels: 1, or 3 for the same grey three times.
      seed: of all random numbers; not negative.
      workers: processes; at most 2 chunks of patients a worker are held in memory.

    Raises:
      ConfigError: the shape cannot be rendered.
    """
    check_shape(resolution, channels)
    chunks = (
        (config, seed, first, resolution, channels)
        for first in range(0, config.patients, CHUNK)
    )
    if workers <= 1:
        for chunk in chunks:
            yield from _chunk(*chunk)
        return
    # Spawned, not forked: the parent may hold JAX's threads.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        pending = [pool.submit(_chunk, *chunk) for chunk in islice(chunks, 2 * workers)]
        while pending:
            done = pending.pop(0).result()
            pending += [pool.submit(_chunk, *chunk) for chunk in islice(chunks, 1)]
            yield from done


def images_per_second(resolution: int, seconds: float = 3.0) -> float:
    """Images per second of one core's time, noise and 8-bit conversion included."""
    config = PhantomChestConfig()
    case_records(config, draw_case(config, 0, 0), resolution, 1)
    start = time.process_time()
    count = 0
    while time.process_time() - start < seconds:
        case = draw_case(config, 0, count)
        count += len(case_records(config, case, resolution, 1))
    return count / (time.process_time() - start)


if __name__ == "__main__":
    for pixels in (16, 32, 64, 128, 256):
        print(f"{pixels} px: {images_per_second(pixels):.0f} images/s per core")
