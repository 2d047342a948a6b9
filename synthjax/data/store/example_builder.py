"""What a worker does with one file: read, fit, encode; the same on every engine."""

import dataclasses
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from synthjax.data.images.pixels import PixelsConfig, fit
from synthjax.data.listing import Metadata, ReadPixels
from synthjax.data.problems import FILE_UNUSABLE, BadImageError, Problem
from synthjax.data.schema import Record, Schema, check_record, encode_png
from synthjax.data.store.codec import encode_example

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
        result = BuildResult([], [], stats, zero_seconds())
        for index in range(len(metadata)):
            record = metadata.record(index)
            try:
                result.examples.append(self._build_one(record, result.seconds))
            except BadImageError as error:
                if not self.skip:
                    remedy = "Or leave such files out: config.data.on_bad_file=skip."
                    what = f"{error.what.rstrip('.')}. {remedy}"
                    raise BadImageError(error.path, what) from None
                problem = Problem(FILE_UNUSABLE, record.origin, error.what)
                result.problems.append(problem)
                result.examples.append(None)
            except Exception as error:
                error.add_note(f"while reading {record.origin or record.id}")
                raise
        return result

    def _build_one(self, record: Record, seconds: dict[str, float]) -> bytes:
        schema = self.schema
        with _timed(seconds, "decode"):
            values = self.read(record)
        with _timed(seconds, "resize"):
            pixels = fit(values, self.pixels, schema.resolution, schema.channels)
        with _timed(seconds, "encode"):
            png = encode_png(pixels)
        with _timed(seconds, "write"):
            record = dataclasses.replace(record, pixels=pixels)
            check_record(record, schema)
            return encode_example(record, png)


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
