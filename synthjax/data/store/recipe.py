"""What a worker does with one file: read, fit, encode; the same on every engine."""

import dataclasses
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from synthjax.data.images.pixels import PixelsConfig, fit
from synthjax.data.listing import Metadata
from synthjax.data.problems import FILE_UNUSABLE, BadImageError, Problem
from synthjax.data.schema import Record, Schema, check_record, encode_png
from synthjax.data.store.codec import encode_example

PHASES = ("decode", "resize", "encode", "write")


def no_seconds() -> dict[str, float]:
    """Phase -> 0."""
    return dict.fromkeys(PHASES, 0.0)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How rows become examples; everything that a worker needs beside the rows."""

    read: Callable[[Record], Float32[np.ndarray, "h w c"]]  # Listing.read
    schema: Schema
    pixels: PixelsConfig
    root: Path | None  # the folder that origins are relative to; None: no files
    skip: bool  # a file that cannot be used is left out; otherwise it ends the build


@dataclasses.dataclass
class Made:
    """What became of some rows."""

    examples: list[bytes | None]  # one for each row; None where it was left out
    problems: list[Problem]
    stamps: list[str]  # one for each row, of its file
    seconds: dict[str, float]  # phase -> working seconds

    def __len__(self) -> int:
        return len(self.examples)


def stamps(root: Path | None, rows: Metadata) -> list[str]:
    """Tells a row's file from what it was before: its size and time; "" without one."""
    if root is None:
        return [""] * len(rows)
    told = []
    for origin in rows.origin:
        try:
            found = os.stat(root / origin)
            told.append(f"{found.st_size} {found.st_mtime_ns}")
        except OSError:
            told.append("missing")
    return told


def make_examples(recipe: Recipe, rows: Metadata) -> Made:
    """Reads, fits and encodes rows.

    Raises:
        BadImageError: a file cannot be used and the recipe does not skip it.
    """
    made = Made([], [], stamps(recipe.root, rows), no_seconds())
    for number in range(len(rows)):
        record = rows.record(number)
        try:
            made.examples.append(_make_example(recipe, record, made.seconds))
        except BadImageError as error:
            if not recipe.skip:
                remedy = "Or leave such files out: config.data.on_bad_file=skip."
                what = f"{error.what.rstrip('.')}. {remedy}"
                raise BadImageError(error.path, what) from None
            made.problems.append(Problem(FILE_UNUSABLE, record.origin, error.what))
            made.examples.append(None)
        except Exception as error:
            error.add_note(f"while reading {record.origin or record.id}")
            raise
    return made


def _make_example(recipe: Recipe, record: Record, seconds: dict[str, float]) -> bytes:
    schema = recipe.schema
    with _timed(seconds, "decode"):
        values = recipe.read(record)
    with _timed(seconds, "resize"):
        pixels = fit(values, recipe.pixels, schema.resolution, schema.channels)
    with _timed(seconds, "encode"):
        png = encode_png(pixels)
    with _timed(seconds, "write"):
        record = dataclasses.replace(record, pixels=pixels)
        check_record(record, schema)
        return encode_example(record, png)


@contextmanager
def _timed(seconds: dict[str, float], phase: str) -> Iterator[None]:
    begin = time.perf_counter()
    yield
    seconds[phase] += time.perf_counter() - begin
