"""Reads a set: a whole split as a table, training batches, evaluation batches."""

import dataclasses
from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Int32, UInt

from synthjax.core.devices import Devices
from synthjax.core.errors import StudyError
from synthjax.data.listing import Metadata, make_metadata
from synthjax.data.parallel import ordered_map
from synthjax.data.schema import Record, Schema
from synthjax.data.store.feed import Feed, ResidentFeed, StreamingFeed
from synthjax.data.store.stored import Images

RESIDENT_BYTES = 2_000_000_000  # resident="auto" keeps smaller splits on the device
_CHUNK = 256  # records per thread task, at most
_CHUNK_BYTES = 4_000_000  # of pixels per thread task, about


@dataclasses.dataclass(frozen=True)
class Table(Metadata):
    """A split in memory, by ascending id."""

    pixels: UInt[np.ndarray, "k h w c"]  # k is n, or 0 if it was read without images

    def record(self, index: int) -> Record:
        """Returns one image as a record, with its pixels if they were read."""
        record = super().record(index)
        if len(self.pixels):
            record.pixels = self.pixels[index]
        return record


def read_table(stored: Images, *, images: bool = True) -> Table:
    """Reads images into memory, sorted by id.

    Args:
        images: False leaves the pixels on disk, where only labels are needed.
    """
    metadata, pixels = _read(stored, images=images)
    order = np.argsort(metadata.id, kind="stable")
    if not np.array_equal(order, np.arange(len(metadata))):
        metadata, pixels = metadata.take(order), pixels[order] if images else pixels
    return Table(**vars(metadata), pixels=pixels)


def read_metadata(stored: Images) -> Metadata:
    """Reads all that is known of images but their pixels, by position."""
    return _read(stored, images=False)[0]


def _read(
    stored: Images, *, images: bool
) -> tuple[Metadata, UInt[np.ndarray, "k h w c"]]:
    """Reads metadata and pixels by position; no pixels without `images`."""
    schema, count = stored.schema, len(stored)
    pixels = np.zeros((count if images else 0, *schema.image_shape), schema.dtype)
    columns: dict[str, list] = {
        field.name: [] for field in dataclasses.fields(Metadata)
    }
    chunk = _CHUNK
    if images:
        chunk = min(_CHUNK, max(1, _CHUNK_BYTES // _image_bytes(schema)))
    starts = range(0, count, chunk)
    chunks = ordered_map(
        lambda start: stored.read(
            range(start, min(start + chunk, count)), images=images
        ),
        starts,
    )
    for start, records in zip(starts, chunks, strict=True):
        for index, record in enumerate(records, start):
            if images:
                pixels[index] = record.pixels
            for name, values in columns.items():
                values.append(getattr(record, name))
    return make_metadata(**columns), pixels


def make_feed(
    stored: Images,
    *,
    batch_size: int,
    seed: int,
    devices: Devices,
    resident: str = "auto",
    resident_bytes: int = RESIDENT_BYTES,
) -> Feed:
    """Makes endless shuffled training batches, laid on the devices.

    Global batch k is a function of (images, batch_size, seed, k): the same on any
    number of devices or processes, kept on the device or streamed from disk.

    Args:
        stored: the split, or the selection of images.
        batch_size: images in a global batch, over all devices.
        seed: of the order of the images.
        devices: where batches go.
        resident: "always" keeps the images on the device and gathers batches there,
            "never" reads and decodes every batch in threads, "auto" decides by size.
        resident_bytes: "auto" keeps less than this on the device.

    Raises:
        StudyError: the batch does not divide by the devices.
    """
    devices.check_batch(batch_size, "batch_size")
    if resident not in ("auto", "always", "never"):
        raise StudyError(f"resident={resident!r}: must be auto, always or never.")
    if resident == "auto":
        fits = len(stored) <= resident_images(stored.schema, resident_bytes)
        resident = "always" if fits else "never"
    if resident == "never":
        return StreamingFeed(stored, batch_size=batch_size, seed=seed, devices=devices)
    metadata, pixels = _read(stored, images=True)
    return ResidentFeed(
        pixels, metadata.label, batch_size=batch_size, seed=seed, devices=devices
    )


def resident_images(schema: Schema, resident_bytes: int = RESIDENT_BYTES) -> int:
    """Returns how many images resident="auto" keeps on the device at most."""
    return (resident_bytes - 1) // _image_bytes(schema)


def _image_bytes(schema: Schema) -> int:
    return int(np.prod(schema.image_shape)) * schema.dtype.itemsize


def padded_batches(
    n: int, batch_size: int
) -> Iterator[tuple[Int32[np.ndarray, " batch_size"], Bool[np.ndarray, " batch_size"]]]:
    """Divides n images into batches of one shape, each image once, in order.

    Yields:
        index: of the images; the last batch is filled up with image 0.
        mask: True where the image counts, False where it is filling.
    """
    for start in range(0, n, batch_size):
        index = np.arange(start, start + batch_size, dtype=np.int32)
        mask = index < n
        yield np.where(mask, index, 0).astype(np.int32), mask
