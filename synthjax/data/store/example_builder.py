"""What a worker does with one file: read, fit, encode; the same on every engine."""

import dataclasses
import hashlib
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt

from synthjax.data.images.pixels import PixelsConfig, fit, is_coloured
from synthjax.data.listing import Metadata, ReadPixels
from synthjax.data.problems import FILE_UNUSABLE, BadImageError, Problem
from synthjax.data.schema import Record, Schema, check_record, encode_png
from synthjax.data.store.codec import encode_example

_SAMPLED = 1 << 16  # pixels of a large image that tell it from others
_FLAT = 0.02  # of the largest value: an image of a smaller range shows nothing
PHASES = ("decode", "resize", "encode", "write")


def zero_seconds() -> dict[str, float]:
    """Returns phase -> 0."""
    return dict.fromkeys(PHASES, 0.0)


@dataclasses.dataclass
class BuildResult:
    """What became of some images."""

    examples: list[bytes | None]  # one for each image; None where it was skipped
    problems: list[Problem]
    file_stats: list[str]  # one for each image, of its file
    seconds: dict[str, float]  # phase -> working seconds
    digests: list[str]  # one for each image, of its pixels (`pixel_digest`)
    coloured: int = 0  # images whose colour is dropped, for the set is grey

    def __len__(self) -> int:
        return len(self.examples)


@dataclasses.dataclass(frozen=True)
class ExampleBuilder:
    """Makes examples of images; all that a worker needs beside their metadata."""

    read: ReadPixels  # Listing.read
    schema: Schema
    pixels: PixelsConfig
    root: Path | None  # the folder that origins are relative to; None: no files
    skip: bool  # a file that cannot be used is left out; otherwise it ends the build

    def build(self, metadata: Metadata) -> BuildResult:
        """Reads, fits and encodes images.

        Raises:
            BadImageError: a file cannot be used and this builder does not skip it.
        """
        stats = file_stats(self.root, metadata)
        result = BuildResult([], [], stats, zero_seconds(), [])
        for index in range(len(metadata)):
            record = metadata.record(index)
            try:
                result.examples.append(self._build_one(record, result))
            except BadImageError as error:
                if not self.skip:
                    remedy = "Or leave such files out: config.data.on_bad_file=skip."
                    what = f"{error.what.rstrip('.')}. {remedy}"
                    raise BadImageError(error.path, what) from None
                problem = Problem(FILE_UNUSABLE, record.origin, error.what)
                result.problems.append(problem)
                result.examples.append(None)
                result.digests.append("")
            except Exception as error:
                error.add_note(f"while reading {record.origin or record.id}")
                raise
        return result

    def _build_one(self, record: Record, result: BuildResult) -> bytes:
        schema, seconds = self.schema, result.seconds
        with _timed(seconds, "decode"):
            values = self.read(dataclasses.replace(record, id=record.name or record.id))
        with _timed(seconds, "resize"):
            pixels = fit(values, self.pixels, schema.resolution, schema.channels)
        digest = pixel_digest(values, pixels)
        result.coloured += schema.channels == 1 and is_coloured(_sampled(values))
        with _timed(seconds, "encode"):
            png = encode_png(pixels)
        with _timed(seconds, "write"):
            # The name of the file stays behind.
            record = dataclasses.replace(
                record, pixels=pixels, origin=schema.name, name=""
            )
            check_record(record, schema)
            example = encode_example(record, png)
        result.digests.append(digest)
        return example


def pixel_digest(
    values: Float32[np.ndarray, "h w c"], pixels: UInt[np.ndarray, "s s d"]
) -> str:
    """Identifies an image by its pixels; "" for one that shows nothing.

    Args:
        values: as they were read, of which some 65,000 count.
        pixels: as they are stored, which all count.
    """
    if int(pixels.max()) - int(pixels.min()) < _FLAT * np.iinfo(pixels.dtype).max:
        return ""
    sample = np.ascontiguousarray(_sampled(values))
    hasher = hashlib.blake2b(str(values.shape).encode(), digest_size=12)
    hasher.update(sample.tobytes() + pixels.tobytes())
    return hasher.hexdigest()


def _sampled(values: Float32[np.ndarray, "h w c"]) -> Float32[np.ndarray, "h w c"]:
    """Returns evenly spaced pixels of a large image, a view."""
    height, width = values.shape[:2]
    step = math.isqrt(height * width // _SAMPLED) + 1
    return values[::step, ::step]


def file_stats(root: Path | None, metadata: Metadata) -> list[str]:
    """Returns size and time of each image's file, by which a change shows.

    "" for each if the images are not of files, "missing" for a file that is away.
    """
    if root is None:
        return [""] * len(metadata)
    stats = []
    for origin in metadata.origin:
        try:
            status = os.stat(root / origin)
            stats.append(f"{status.st_size} {status.st_mtime_ns}")
        except OSError:
            stats.append("missing")
    return stats


@contextmanager
def _timed(seconds: dict[str, float], phase: str) -> Iterator[None]:
    begin = time.perf_counter()
    yield
    seconds[phase] += time.perf_counter() - begin
