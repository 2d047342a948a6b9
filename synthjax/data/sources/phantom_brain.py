"""Head CT of phantoms: no download, labels true by construction.

Every patient is a head (`phantom.head_anatomy`, `phantom.head_brain`) with types of
haemorrhage drawn from a stated joint distribution (`phantom.head_labels`), each a solid
with an extent along the head (`phantom.head_haemorrhages`). A slice is painted at its
level in Hounsfield units (`phantom.head_rendering`) and passes a scanner
(`phantom.head_scanner`); it is labelled with the types that it shows. A slice depends on
(seed, patient, slice) alone, not on the number of workers, and is the same at every
resolution but for its noise. `python -m synthjax.data.sources.phantom_brain_atlas` draws
every type beside the same slice without it, and
`python -m synthjax.data.sources.phantom_brain` measures the rendering speed.
"""

import time
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int16

from synthjax.core.errors import ConfigError
from synthjax.data.images.pixels import RESOLUTIONS
from synthjax.data.images.windowing import THREE, WINDOWS, apply_window
from synthjax.data.listing import Context, Listing, make_metadata
from synthjax.data.schema import Record
from synthjax.phantom.head.anatomy import Head, draw_head, draw_levels
from synthjax.phantom.head.canvas import Canvas
from synthjax.phantom.head.haemorrhages import DRAW, Haemorrhages
from synthjax.phantom.head.labels import LABELS, LEAST_AREA, TYPES, close, draw_types
from synthjax.phantom.head.place import Slice
from synthjax.phantom.head.rendering import paint_head
from synthjax.phantom.head.scanner import acquire, points_for

__all__ = ["LABELS", "PhantomBrainConfig", "list_images"]

# Last word of a random stream [seed, patient, word]; some streams have a fourth.
_HEAD, _TYPES, _HAEMORRHAGE, _LEVELS, _NOISE = 10, 11, 12, 13, 14


@dataclass(frozen=True)
class PhantomBrainConfig:
    """How many patients, and how they are scanned."""

    patients: int = 4000  # number of patients
    slices_per_patient: int = 4  # each patient has 1 to this many slices, uniformly
    noise: float = 3.0  # standard deviation of a 0.9 mm pixel, HU; 0 = no noise
    cupping: float = 3.0  # HU that beam hardening adds to the brain next to the skull

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
class Case:
    """A patient with all haemorrhages, and the levels of the slices taken."""

    seed: int
    number: int
    head: Head
    haemorrhages: Haemorrhages
    levels: Float[np.ndarray, "n"]  # z of the slices, ascending, mm

    @property
    def name(self) -> str:
        """The patient's id."""
        return f"patient{self.number:05d}"

    def found(self, image: int) -> Haemorrhages:
        """The haemorrhages that slice `image` (from 0) shows."""
        return self.haemorrhages.showing(self.head, float(self.levels[image]))

    def label(self, image: int) -> Float[np.ndarray, "y"]:
        """The label vector [6] of slice `image` (from 0), 0 or 1."""
        return close(self.found(image).present())


def draw_case(config: PhantomBrainConfig, seed: int, number: int) -> Case:
    """Patient `number` of the data set `seed`."""
    head = draw_head(np.random.default_rng([seed, number, _HEAD]))
    _, present = draw_types(np.random.default_rng([seed, number, _TYPES]))
    rng = np.random.default_rng([seed, number, _LEVELS])
    count = int(rng.integers(1, config.slices_per_patient + 1))
    levels = draw_levels(rng, count)
    return Case(seed, number, head, draw(head, seed, number, present), levels)


def draw(
    head: Head, seed: int, number: int, present: Float[np.ndarray, "t"]
) -> Haemorrhages:
    """A patient's haemorrhages of the types [5] that are 1.

    What one of them is like does not depend on which others there are.
    """
    streams = {
        kind: np.random.default_rng([seed, number, _HAEMORRHAGE, index])
        for index, kind in enumerate(TYPES)
        if present[index]
    }
    return Haemorrhages(
        **{kind: DRAW[kind](head, rng) for kind, rng in streams.items()}
    )


def paint(case: Case, image: int, resolution: int) -> tuple[Canvas, Slice]:
    """The tissue of slice `image` (from 0), before the scanner."""
    level = float(case.levels[image])
    return paint_head(case.head, level, case.found(image), points_for(resolution))


def scan(
    config: PhantomBrainConfig, case: Case, image: int, resolution: int
) -> Int16[np.ndarray, "s s"]:
    """Slice `image` (from 0) in Hounsfield units, `resolution` pixels a side."""
    canvas, points = paint(case, image, resolution)
    return acquire(
        canvas.hounsfield,
        points.depth,
        resolution,
        pitch=case.head.field / resolution,
        cupping=config.cupping,
        noise=config.noise,
        rng=np.random.default_rng([case.seed, case.number, _NOISE, image]),
    )


@dataclass(frozen=True)
class Reader:
    """Renders the slice of a row; picklable, for other processes."""

    config: PhantomBrainConfig
    seed: int
    resolution: int  # pixels a side
    window: str  # of synthjax.data.images.pixels: brain, subdural, bone, three, file

    def hounsfield(self, record: Record) -> Int16[np.ndarray, "s s"]:
        """The slice in Hounsfield units."""
        patient, _, number = record.id.partition("-slice")
        case = draw_case(self.config, self.seed, int(patient.removeprefix("patient")))
        return scan(self.config, case, int(number) - 1, self.resolution)

    def __call__(self, record: Record) -> Float32[np.ndarray, "s s c"]:
        """The slice in its window, 0 to 1.

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
    """All slices, ordered by patient and level; nothing is rendered.

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
        case = draw_case(config, context.seed, number)
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


def images_per_second(resolution: int, seconds: float = 3.0) -> float:
    """Slices per second of one core's time, noise and rounding included."""
    config = PhantomBrainConfig()
    scan(config, draw_case(config, 0, 0), 0, resolution)
    start = time.process_time()
    count = number = 0
    while time.process_time() - start < seconds:
        case = draw_case(config, 0, number)
        for image in range(len(case.levels)):
            scan(config, case, image, resolution)
            count += 1
        number += 1
    return count / (time.process_time() - start)


if __name__ == "__main__":
    for pixels in (16, 32, 64, 128, 256, 512):
        print(f"{pixels} px: {images_per_second(pixels):.0f} images/s per core")
