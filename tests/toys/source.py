"""A source from outside the package: squares on noise, two images of each patient.

SOURCES["toy"] = SOURCE
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from synthjax.core.config import Config, field
from synthjax.core.rng import host_generator
from synthjax.data.listing import Context, Listing, make_metadata
from synthjax.data.schema import Record
from synthjax.data.sources.source import Source

LABELS = ("bright", "left")
SIDE = 16  # pixels


@dataclass(frozen=True)
class ToyConfig(Config):
    """How many there are."""

    images: int = field(240, "images in all", ge=2)


@dataclass(frozen=True)
class Read:
    """Draws the image of a record."""

    seed: int

    def __call__(self, record: Record, /) -> Float32[np.ndarray, "h w c"]:
        """Returns noise, brighter or with a square on the left as the labels say."""
        noise = host_generator(self.seed, "toy image", int(record.id[4:]))
        bright, left = record.label
        image = 0.3 + 0.2 * bright + noise.normal(0, 0.05, (SIDE, SIDE, 1))
        image[6:10, 3 if left else 10 :][:, :3] += 0.3
        return np.clip(image, 0, 1).astype(np.float32)


def list_images(config: ToyConfig, context: Context) -> Listing:
    """Lists the images with labels drawn at random."""
    draw = host_generator(context.seed, "toy labels")
    indices = range(config.images)
    metadata = make_metadata(
        id=[f"toy-{index:04d}" for index in indices],
        label=draw.integers(0, 2, (config.images, len(LABELS))),
        patient_id=[f"patient-{index // 2}" for index in indices],
        sex=["FM"[index // 2 % 2] for index in indices],
        origin="toy",
    )
    return Listing("toy", LABELS, metadata, Read(context.seed))


SOURCE = Source(ToyConfig(), list_images, labels=lambda config: LABELS)
