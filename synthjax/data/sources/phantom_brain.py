"""Source `phantom_brain`: rendered head CT slices, labels true by construction.

Needs no download. The slices are those of `synthjax.phantom.head`; this file lists the
slices of a set, and scans that of a row when it is read.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int16

from synthjax.core.errors import ConfigError
from synthjax.data.images.pixels import RESOLUTIONS
from synthjax.data.images.windowing import THREE, WINDOWS, apply_window
from synthjax.data.listing import Context, Listing, make_metadata
from synthjax.data.schema import Record
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


@dataclass(frozen=True)
class PhantomBrainConfig:
    """How many patients, and how they are scanned."""

    patients: int = 4000  # number of patients
    slices_per_patient: int = SLICES_PER_PATIENT  # 1 to this many each, uniformly
    noise: float = NOISE  # standard deviation of a 0.9 mm pixel, HU; 0 = no noise
    cupping: float = (
        CUPPING  # HU that beam hardening adds to the brain next to the skull
    )

    def __post_init__(self) -> None:
        if self.patients < 1:
            raise ConfigError(f"patients={self.patients}: must be at least 1")
        if not 1 <= self.slices_per_patient <= 16:
            raise ConfigError(
                f"slices_per_patient={self.slices_per_patient}: must be 1 to 16"
            )
        if not 0 <= self.noise <= 50:
            raise ConfigError(f"noise={self.noise}: must be 0 (none) to 50 HU")
        if not 0 <= self.cupping <= 20:
            raise ConfigError(f"cupping={self.cupping}: must be 0 (none) to 20 HU")


@dataclass(frozen=True)
class Reader:
    """Renders the slice of a row; picklable, for other processes."""

    config: PhantomBrainConfig
    seed: int
    resolution: int  # pixels a side
    window: str  # of synthjax.data.images.pixels: brain, subdural, bone, three, file

    def hounsfield(self, record: Record) -> Int16[np.ndarray, "s s"]:
        """Scan the slice of a row, in Hounsfield units."""
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
        """Scan the slice of a row and show it in its window, 0 to 1.

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
    """List all slices, ordered by patient and level; nothing is rendered.

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
    rows = make_metadata(
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
    return Listing("phantom_brain", LABELS, rows, reader, facts=facts)
