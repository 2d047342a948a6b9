"""Source `phantom_brain`: rendered head CT slices, labels true by construction.

Needs no download. The slices are those of `synthjax.phantom.head`; this file lists the
slices of a set, and scans a slice when it is read.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int16

from synthjax.core.config import Config, field
from synthjax.core.errors import ConfigError
from synthjax.data.images.pixels import RESOLUTIONS
from synthjax.data.images.windowing import THREE, WINDOWS, apply_window
from synthjax.data.listing import Context, Listing, make_metadata
from synthjax.data.schema import Record
from synthjax.data.sources.source import Source
from synthjax.phantom.head import (
    CUPPING,
    LABELS,
    NOISE,
    SLICES_PER_PATIENT,
    Case,
    draw_case,
    scan,
)
from synthjax.phantom.head.labels import LEAST_AREA

__all__ = ["LABELS", "PhantomBrainConfig", "list_images"]


def _layouts() -> tuple[str, ...]:
    # Here, because processes that render read no config, and do without its imports.
    from synthjax.data.layouts.hospital import layouts_of

    return ("", *layouts_of(LABELS))


@dataclass(frozen=True)
class PhantomBrainConfig(Config):
    """How many patients, and how they are scanned."""

    patients: int = field(4000, "patients that are rendered", ge=1)
    slices_per_patient: int = field(
        SLICES_PER_PATIENT,
        "each patient has 1 to this many slices, uniformly",
        ge=1,
        le=16,
    )
    noise: float = field(
        NOISE,
        "standard deviation of a 0.9 mm pixel, Hounsfield units; 0: no noise",
        ge=0,
        le=50,
    )
    cupping: float = field(
        CUPPING,
        "what beam hardening adds to the brain next to the skull, Hounsfield units",
        ge=0,
        le=20,
    )
    layout: str = field(
        "",
        "write the slices as this hospital's files and read them back as any "
        "hospital's; empty: use them directly",
        one_of=_layouts,
    )


@dataclass(frozen=True)
class Reader:
    """Renders the slices of a listing; picklable, for other processes."""

    config: PhantomBrainConfig
    seed: int
    resolution: int  # pixels a side
    window: str  # of synthjax.data.images.pixels: brain, subdural, bone, three, file

    def hounsfield(self, record: Record) -> Int16[np.ndarray, "s s"]:
        """Scans the slice of an image, in Hounsfield units."""
        patient, _, number = record.id.partition("-slice")
        config = self.config
        case = draw_case(
            self.seed, int(patient.removeprefix("patient")), config.slices_per_patient
        )
        return scan(
            case,
            int(number) - 1,
            self.resolution,
            noise=config.noise,
            cupping=config.cupping,
        )

    def __call__(self, record: Record) -> Float32[np.ndarray, "s s c"]:
        """Scans the slice of an image and shows it in its window, 0 to 1.

        `file` is the brain window as a DICOM file has it, with the function LINEAR.
        """
        hounsfield = self.hounsfield(record).astype(np.float32)
        if self.window == "file":
            return apply_window(hounsfield, WINDOWS["brain"], "LINEAR")[..., None]
        names = THREE if self.window == "three" else (self.window,)
        return np.stack(
            [apply_window(hounsfield, WINDOWS[name]) for name in names], axis=-1
        )


def list_images(config: PhantomBrainConfig, context: Context) -> Listing:
    """Lists all slices, ordered by patient and level; nothing is rendered.

    Raises:
      ConfigError: the phantom cannot be rendered at this resolution.
    """
    if context.resolution not in RESOLUTIONS:
        raise ConfigError(
            f"resolution={context.resolution}: must be a power of two from "
            f"{RESOLUTIONS[0]} to {RESOLUTIONS[-1]}"
        )
    ids: list[str] = []
    labels: list[np.ndarray] = []
    cases: list[Case] = []
    for number in range(config.patients):
        case = draw_case(context.seed, number, config.slices_per_patient)
        for image in range(len(case.levels)):
            ids.append(f"{case.name}-slice{image + 1}")
            labels.append(case.label(image))
            cases.append(case)
    metadata = make_metadata(
        id=ids,
        label=np.stack(labels),
        patient_id=[case.name for case in cases],
        study_id=[f"{case.name}-study1" for case in cases],
        age=[case.head.age for case in cases],
        sex=[case.head.sex for case in cases],
        view="axial",
        origin=f"phantom_brain seed {context.seed}",
    )
    reader = Reader(config, context.seed, context.resolution, context.pixels.window)
    facts = {"least visible blood that counts, mm^2": LEAST_AREA}
    return Listing("phantom_brain", LABELS, metadata, reader, facts=facts)


SOURCE = Source(
    PhantomBrainConfig,
    list_images,
    labels=lambda config: LABELS,
    layout=lambda config: config.layout,
)
