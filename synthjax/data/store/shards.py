"""The shards of a set: planned, written in parallel, each finished or not there.

A shard is an array_record file of about the same size as the others. It is written under
another name and renamed when it is whole, then a note says what it holds, so a build that
was killed does again only the shard that it was at, and those whose files have changed.
"""

import contextlib
import dataclasses
import hashlib
import math
import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from array_record.python.array_record_module import ArrayRecordWriter
from jaxtyping import Int

import synthjax
from synthjax.core.clock import progress
from synthjax.core.files import read_json, write_json
from synthjax.data.listing import Metadata
from synthjax.data.parallel import ordered_map, processes_for
from synthjax.data.problems import Problem, Problems
from synthjax.data.store.recipe import Made, Recipe, make_examples, no_seconds, stamps

SET_NAME = "image_set"  # TFDS's name of every set, and the head of its file names
SHARD_MB = 200.0  # of one array_record file, about, where nothing else is said
FILES, NOTES = "set", "notes"  # folders of a build: finished shards, what they hold
_CHUNK = 32  # images that a worker makes at a time, at most
_CHUNK_BYTES = 8_000_000  # of their pixels, at most
_SAMPLE = 16  # images that tell how large the others will be


@dataclasses.dataclass(frozen=True)
class Shard:
    """One file of a split and the rows that it holds, by ascending id."""

    split: str
    index: int
    count: int  # shards of the split
    numbers: np.ndarray  # [k] int64, of the rows

    @property
    def name(self) -> str:
        """The file's name, as TFDS expects it."""
        return shard_name(self.split, self.index, self.count)


@dataclasses.dataclass(frozen=True)
class Written:
    """What a finished shard holds, kept in a note."""

    images: int
    bytes: int
    left_out: tuple[int, ...]  # numbers of its rows that have no image
    problems: tuple[Problem, ...]
    stamp: str  # of the files that were read
    seconds: dict[str, float]  # phase -> working seconds; empty if done before


def shard_name(split: str, index: int, count: int) -> str:
    """The name of file `index` of `count` of a split."""
    return f"{SET_NAME}-{split}.array_record-{index:05d}-of-{count:05d}"


def plan_shards(
    rows: Metadata,
    splits: Mapping[str, Sequence[int]],
    *,
    image_bytes: float,
    shard_mb: float,
) -> list[Shard]:
    """The shards of a set.

    Rows are in the order of their ids, so a position in a split means the same row in
    every set made of the same rows, and the files depend on the rows alone.

    Args:
        splits: split -> numbers of its rows.
        image_bytes: of an image in the files, on average.
        shard_mb: of a shard, about, in millions of bytes.
    """
    shards = []
    for split, numbers in splits.items():
        order = sorted(numbers, key=lambda number: rows.id[number])
        count = max(
            1, min(round(len(order) * image_bytes / (shard_mb * 1e6)), len(order))
        )
        parts = np.array_split(np.array(order, np.int64), count)
        shards += [Shard(split, i, count, part) for i, part in enumerate(parts)]
    return shards


def estimate_bytes(
    recipe: Recipe, rows: Metadata, numbers: Int[np.ndarray, " k"]
) -> float:
    """Mean size of an encoded image, from a few evenly spaced ones."""
    places = np.unique(np.linspace(0, len(numbers) - 1, _SAMPLE).astype(int))
    sample = rows.take(numbers[places])
    made = make_examples(dataclasses.replace(recipe, skip=True), sample)
    sizes = [len(example) for example in made.examples if example is not None]
    return float(np.mean(sizes)) if sizes else 1.0


def fingerprint(
    recipe: Recipe, rows: Metadata, splits: Mapping[str, Sequence[int]]
) -> str:
    """Names what the shards depend on, the files' contents aside (`Written.stamp`).

    Whether faulty files are skipped is left out: a finished shard says what it lacks.
    """
    read = getattr(recipe.read, "__qualname__", None) or repr(recipe.read)
    made = (synthjax.__version__, read, recipe.schema, recipe.pixels, sorted(splits))
    hasher = hashlib.sha256(repr(made).encode())
    for field in dataclasses.fields(Metadata):
        column = getattr(rows, field.name)
        text = column.dtype == object
        data = "\0".join(column.tolist()).encode() if text else column.tobytes()
        hasher.update(f"{field.name} {len(data)} ".encode() + data)
    for split in sorted(splits):
        hasher.update(np.array(sorted(splits[split]), np.int64).tobytes())
    return hasher.hexdigest()[:16]


def write_shard(
    build: Path, shard: Shard, pieces: Iterator[tuple[np.ndarray, Made]]
) -> Written:
    """Writes one shard from the pieces of it that were made, in order.

    Args:
        build: the folder of the build.
        pieces: numbers of rows and what became of them.
    """
    path = build / FILES / shard.name
    partial = path.with_name(f"{shard.name}.{uuid.uuid4().hex}.partial")
    writer = ArrayRecordWriter(str(partial), "group_size:1")
    images = size = 0
    left_out: list[int] = []
    problems: list[Problem] = []
    read: list[str] = []
    seconds = no_seconds()
    try:
        for numbers, made in pieces:
            begin = time.perf_counter()
            for number, example in zip(numbers, made.examples, strict=True):
                if example is None:
                    left_out.append(int(number))
                else:
                    writer.write(example)
                    images, size = images + 1, size + len(example)
            problems += made.problems
            read += made.stamps
            for phase, spent in made.seconds.items():
                seconds[phase] += spent
            seconds["write"] += time.perf_counter() - begin
        writer.close()
        with open(partial, "rb") as file:
            os.fsync(file.fileno())  # before the note says that it is whole
        partial.replace(path)
    finally:
        with contextlib.suppress(RuntimeError):  # closed already
            writer.close()
        partial.unlink(missing_ok=True)
    written = Written(
        images, size, tuple(left_out), tuple(problems), _digest(read), seconds
    )
    write_json(_note(build, shard), dataclasses.asdict(written))
    return written


def _note(build: Path, shard: Shard) -> Path:
    return build / NOTES / f"{shard.name}.json"


def _digest(stamps: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(stamps).encode()).hexdigest()[:16]


def read_written(
    build: Path, shard: Shard, recipe: Recipe, rows: Metadata
) -> Written | None:
    """What a finished shard holds; None if there is none, or its files have changed."""
    if not (build / FILES / shard.name).is_file():
        return None
    try:
        note = read_json(_note(build, shard))
    except FileNotFoundError:
        return None
    if note["stamp"] != _digest(stamps(recipe.root, rows.take(shard.numbers))):
        return None
    problems = tuple(Problem(**problem) for problem in note["problems"])
    kept = {"left_out": tuple(note["left_out"]), "problems": problems, "seconds": {}}
    return Written(**note | kept)


def write_shards(
    build: Path,
    recipe: Recipe,
    rows: Metadata,
    shards: Sequence[Shard],
    *,
    problems: Problems,
    workers: int,
) -> list[Written]:
    """Writes the shards that are not finished yet; returns what all of them hold.

    Args:
        build: the folder of the build.
        problems: gets those of the files that were left out.
        workers: processes (0 = all cores).

    Raises:
        BadImageError: a file cannot be used and the recipe does not skip it.
        StudyError: more files were skipped than the policy allows.
    """
    found = [read_written(build, shard, recipe, rows) for shard in shards]
    total = sum(len(shard.numbers) for shard in shards)
    todo = [shard for shard, written in zip(shards, found, strict=True) if not written]
    count = sum(len(shard.numbers) for shard in todo)
    for written in found:
        problems.found.extend(written.problems if written else ())
    problems.settle(total)
    bar: progress = progress(
        total=total, done=total - count, desc="images", unit="images"
    )
    made = ordered_map(
        _make,
        (
            (recipe, rows.take(chunk))
            for shard in todo
            for chunk in chunks(recipe, shard)
        ),
        processes_for(count, workers),
        processes=True,
        describe=_describe,
    )

    def pieces(shard: Shard) -> Iterator[tuple[np.ndarray, Made]]:
        for numbers in chunks(recipe, shard):
            piece = next(made)
            problems.found.extend(piece.problems)
            problems.settle(total)
            bar.update(len(piece))
            yield numbers, piece

    try:
        new = iter([write_shard(build, shard, pieces(shard)) for shard in todo])
    finally:
        made.close()
        bar.close()
    return [written or next(new) for written in found]


def _make(task: tuple[Recipe, Metadata]) -> Made:
    return make_examples(*task)


def _describe(task: tuple[Recipe, Metadata]) -> str:
    _, rows = task
    return f"{rows.origin[0] or rows.id[0]} (or up to {len(rows) - 1} images after it)"


def chunks(recipe: Recipe, shard: Shard) -> list[np.ndarray]:
    """A shard's rows in parts of what a worker makes at a time."""
    pixels = math.prod(recipe.schema.image_shape) * recipe.schema.bits // 8
    size = max(1, min(_CHUNK, _CHUNK_BYTES // pixels))
    starts = range(0, len(shard.numbers), size)
    return [shard.numbers[start : start + size] for start in starts]
