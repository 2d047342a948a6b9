"""Source `phantom_chest`: rendered chest radiographs, labels true by construction.

Needs no download. The images are those of `synthjax.phantom.chest`; this file lists the
patients of a set, and renders an image when it is read.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from synthjax.core.config import Config, field
from synthjax.data.listing import Context, Listing, make_metadata
from synthjax.data.schema import Record
from synthjax.data.sources.source import Source
from synthjax.phantom.chest import (
    IMAGES_PER_PATIENT,
    LABELS,
    PHOTONS,
    SCATTER,
    draw_case,
    render,
)


def _layouts() -> tuple[str, ...]:
    # Here, because processes that render read no config, and do without its imports.
    from synthjax.data.layouts.hospital import layouts_of

    return ("", *layouts_of(LABELS))


@dataclass(frozen=True)
class PhantomChestConfig(Config):
    """How many patients, and how they are imaged."""

    patients: int = field(6000, "patients that are rendered", ge=1)
    images_per_patient: int = field(
        IMAGES_PER_PATIENT,
        "each patient has 1 to this many images, uniformly",
        ge=1,
        le=3,
    )
    photons: float = field(
        PHOTONS,
        "dose, photons per mm^2 without a patient: about 1e6 in a clinic, fewer show "
        "more noise; 0: no noise",
        ge=0,
        le=1e8,
    )
    scatter: float = field(
        SCATTER, "scattered radiation relative to the mean primary beam", ge=0, le=1
    )
    layout: str = field(
        "",
        "write the images as this hospital's files and read them back as any "
        "hospital's; empty: use them directly",
        one_of=_layouts,
    )


def list_images(config: PhantomChestConfig, context: Context) -> Listing:
    """Lists all images, ordered by patient and image; none is rendered yet."""
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
    metadata = make_metadata(
        **columns,
        study_id=columns["id"],
        origin=f"phantom_chest seed {context.seed}",
    )
    reader = Renderer(config, context.seed, context.resolution)
    return Listing("phantom_chest", LABELS, metadata, reader)


@dataclass(frozen=True)
class Renderer:
    """Renders the radiographs of a listing."""

    config: PhantomChestConfig
    seed: int
    resolution: int  # pixels a side

    def __call__(self, record: Record) -> Float32[np.ndarray, "s s 1"]:
        """Renders the radiograph of an image, 0 (black) to 1 (white)."""
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


SOURCE = Source(
    PhantomChestConfig,
    list_images,
    labels=lambda config: LABELS,
    layout=lambda config: config.layout,
)
