"""Source `phantom_chest`: rendered chest radiographs, labels true by construction.

Needs no download. The images are those of `synthjax.phantom.chest`; this file lists the
patients of a set, and renders the image of a row when it is read.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from synthjax.core.errors import ConfigError
from synthjax.data.listing import Context, Listing, make_metadata
from synthjax.data.schema import Record
from synthjax.phantom.chest import (
    IMAGES_PER_PATIENT,
    LABELS,
    PHOTONS,
    SCATTER,
    draw_case,
    render,
)


@dataclass(frozen=True)
class PhantomChestConfig:
    """How many patients, and how they are imaged."""

    patients: int = 6000  # number of patients
    images_per_patient: int = IMAGES_PER_PATIENT  # 1 to this many each, uniformly
    photons: float = PHOTONS  # dose: photons per mm^2 without a patient; 0 = no noise
    scatter: float = SCATTER  # scattered radiation relative to the mean primary beam

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


def list_images(config: PhantomChestConfig, context: Context) -> Listing:
    """List all images, ordered by patient and image; none is rendered yet."""
    columns: dict[str, list] = {
        name: [] for name in ("id", "label", "patient_id", "age", "sex", "view")
    }
    for number in range(config.patients):
        case = draw_case(context.seed, number, config.images_per_patient)
        for image in range(case.images):
            name = f"patient{number:05d}"
            columns["id"].append(f"{name}-study{image + 1}")
            columns["label"].append(case.label)
            columns["patient_id"].append(name)
            columns["age"].append(case.patient.age)
            columns["sex"].append(case.patient.sex)
            columns["view"].append(case.pose(image).view)
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
        """Render the radiograph of a row, 0 (black) to 1 (white)."""
        patient, _, image = record.id.removeprefix("patient").partition("-study")
        config = self.config
        case = draw_case(self.seed, int(patient), config.images_per_patient)
        pixels = render(
            case,
            int(image) - 1,
            self.resolution,
            photons=config.photons,
            scatter=config.scatter,
        )
        return pixels[:, :, None]
