"""What a set of labelled images is: its records and its description.

Real and synthetic sets are the same kind of thing: one schema, one codec, one writer
(`write.py`), one reader (`loader.py`).
"""

import dataclasses
import io

import numpy as np
from PIL import Image

from synthjax.core.errors import StudyError

SPLITS = ("train", "valid", "test")
NO_PIXELS = np.zeros((0, 0, 0), np.uint8)  # of a record whose image is elsewhere


@dataclasses.dataclass
class Record:
    """One image with its labels and side attributes."""

    id: str  # unique in the set, printable
    pixels: np.ndarray  # [h w c] uint8 or uint16, from 0 (black) to the largest
    label: np.ndarray  # [y] float32: 0, 1, or NaN where unknown
    patient_id: str  # no two splits share one
    study_id: str = ""  # one exam of a patient; "" where unknown
    age: float = float("nan")  # years; NaN where unknown
    sex: str = ""  # "F", "M", or "" where unknown
    view: str = ""  # "PA", "AP", ... or "" where unknown
    origin: str = ""  # what its pixels are read by; once stored, the kind of source
    name: str = ""  # what its source calls it where `id` is a number; never stored


@dataclasses.dataclass(frozen=True)
class Schema:
    """What every record of a set has in common."""

    name: str  # of the set, for people
    labels: tuple[str, ...]  # one name per column of `label`
    resolution: int  # height and width, pixels
    channels: int  # 1 grey, 3 RGB
    bits: int = 8  # of a pixel value: 8 or 16

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Returns the shape of `Record.pixels`."""
        return (self.resolution, self.resolution, self.channels)

    @property
    def dtype(self) -> np.dtype:
        """Returns the type of `Record.pixels`."""
        return np.dtype(f"uint{self.bits}")


def check_record(record: Record, schema: Schema) -> None:
    """Raises StudyError if the record does not fit the schema, naming what is wrong."""
    where = f"image {record.id!r} of the set {schema.name!r}"
    image, label = record.pixels, record.label
    if image.shape != schema.image_shape or image.dtype != schema.dtype:
        raise StudyError(
            f"{where}: pixels are {image.dtype} {image.shape}, "
            f"the schema says {schema.dtype} {schema.image_shape}; fit them with "
            "synthjax.data.images.pixels first."
        )
    if label.shape != (len(schema.labels),):
        raise StudyError(
            f"{where}: {label.shape} label values for {len(schema.labels)} labels "
            f"({', '.join(schema.labels)})."
        )
    if not np.all((label == 0) | (label == 1) | np.isnan(label)):
        raise StudyError(f"{where}: labels are {label}; each must be 0, 1 or NaN.")
    if not record.id or not record.patient_id:
        raise StudyError(f"{where}: id and patient_id must not be empty.")


def encode_png(pixels: np.ndarray) -> bytes:
    """Encodes [h w c] as PNG, lossless: uint8 with 1 or 3 channels, uint16 with 1."""
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(
        buffer, format="PNG", compress_level=4
    )
    return buffer.getvalue()


def decode_png(data: bytes) -> np.ndarray:
    """Decodes what `encode_png` encoded: [h w c] uint8 or uint16."""
    pixels = np.asarray(Image.open(io.BytesIO(data)))
    return pixels[..., None] if pixels.ndim == 2 else pixels
