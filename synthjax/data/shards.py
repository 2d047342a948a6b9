"""The shards of a set: planned, written in parallel, each finished or not there.

A shard is an array_record file of about the same size. It is written under another name and
renamed when it is whole, with a note beside it, so a build that was killed does again
only the shard that it was at.
"""

import dataclasses
import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from array_record.python.array_record_module import ArrayRecordWriter
from jaxtyping import Int

from synthjax.core.clock import progress
from synthjax.core.files import read_json, write_json
from synthjax.data.listing import Rows
from synthjax.data.parallel import ordered_map, processes_for
from synthjax.data.problems import Problem, Problems
from synthjax.data.recipe import Made, Recipe, make_examples, no_seconds

SET_NAME = "image_set"  # TFDS's name of every set, and the head of its file names
SHARD_MB = 200.0  # of one array_record file, about, where nothing else is said
_CHUNK = 32  # images that a worker makes at a time
_SAMPLE = 16  # images that tell how large the others will be

Task = tuple[Recipe, Rows]


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
    """What a finished shard holds, kept in a note beside it."""

    images: int
    bytes: int
    left_out: tuple[int, ...]  # numbers of its rows that have no image
    problems: tuple[Problem, ...]
    seconds: dict[str, float]  # phase -> working seconds of one core


def shard_name(split: str, index: int, count: int) -> str:
    """The name of file `index` of `count` of a split."""
    return f"{SET_NAME}-{split}.array_record-{index:05d}-of-{count:05d}"


def plan_shards(
    rows: Rows,
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


def estimate_bytes(recipe: Recipe, rows: Rows, numbers: Int[np.ndarray, " k"]) -> float:
    """Mean size of an encoded image, from a few evenly spaced ones."""
    places = np.unique(np.linspace(0, len(numbers) - 1, _SAMPLE).astype(int))
    sample = rows.take(numbers[places])
    made = make_examples(dataclasses.replace(recipe, skip=True), sample)
    sizes = [len(example) for example in made.examples if example is not None]
    return float(np.mean(sizes)) if sizes else 1.0


def fingerprint(recipe: Recipe, rows: Rows, splits: Mapping[str, Sequence[int]]) -> str:
    """Names everything that the shards depend on, so that no stale one is kept."""
    hasher = hashlib.sha256(f"{recipe} {sorted(splits)}".encode())
    for field in dataclasses.fields(Rows):
        column = getattr(rows, field.name)
        hasher.update(column.tobytes() if column.dtype != object else _joined(column))
    for split in sorted(splits):
        hasher.update(np.array(sorted(splits[split]), np.int64).tobytes())
    return hasher.hexdigest()[:16]


def _joined(column: np.ndarray) -> bytes:
    return "\0".join(column.tolist()).encode()


def write_shard(
    directory: Path, shard: Shard, pieces: Iterator[tuple[np.ndarray, Made]]
) -> Written:
    """Writes one shard from the pieces of it that were made, in order.

    Args:
        pieces: numbers of rows and what became of them.
    """
    path, partial = directory / shard.name, directory / f"{shard.name}.partial"
    writer = ArrayRecordWriter(str(partial), "group_size:1")
    images = size = 0
    left_out: list[int] = []
    problems: list[Problem] = []
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
            for phase, spent in made.seconds.items():
                seconds[phase] += spent
            seconds["write"] += time.perf_counter() - begin
    finally:
        writer.close()
    partial.replace(path)
    written = Written(images, size, tuple(left_out), tuple(problems), seconds)
    write_json(_note(path), dataclasses.asdict(written))
    return written


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def read_written(directory: Path, shard: Shard) -> Written | None:
    """What a finished shard holds; None if it is not finished."""
    try:
        note = read_json(_note(directory / shard.name))
    except FileNotFoundError:
        return None
    return Written(
        **note
        | {
            "left_out": tuple(note["left_out"]),
            "problems": tuple(Problem(**problem) for problem in note["problems"]),
        }
    )


def write_shards(
    directory: Path,
    recipe: Recipe,
    rows: Rows,
    shards: Sequence[Shard],
    *,
    problems: Problems,
    workers: int,
) -> list[Written]:
    """Writes the shards that are not finished yet; returns what all of them hold.

    Args:
        problems: gets those of the files that were left out.
        workers: processes (0 = all cores).

    Raises:
        BadImageError: a file cannot be used and the recipe does not skip it.
        StudyError: more files were skipped than the policy allows.
    """
    found = [read_written(directory, shard) for shard in shards]
    total = sum(len(shard.numbers) for shard in shards)
    todo = [shard for shard, written in zip(shards, found, strict=True) if not written]
    count = sum(len(shard.numbers) for shard in todo)
    for written in found:
        problems.found.extend(written.problems if written else ())
    bar: progress = progress(
        total=total, done=total - count, desc="images", unit="images"
    )
    made = ordered_map(
        _make,
        (
            (recipe, rows.take(chunk))
            for shard in todo
            for chunk in chunks(shard.numbers)
        ),
        processes_for(count, workers),
        processes=True,
    )

    def pieces(shard: Shard) -> Iterator[tuple[np.ndarray, Made]]:
        for numbers in chunks(shard.numbers):
            piece = next(made)
            problems.found.extend(piece.problems)
            problems.settle(total)
            bar.update(len(piece))
            yield numbers, piece

    try:
        new = iter([write_shard(directory, shard, pieces(shard)) for shard in todo])
    finally:
        made.close()
        bar.close()
    return [written or next(new) for written in found]


def _make(task: Task) -> Made:
    return make_examples(*task)


def chunks(numbers: Sequence[int] | Int[np.ndarray, " k"]) -> list[np.ndarray]:
    """The numbers in parts of what a worker makes at a time."""
    starts = range(0, len(numbers), _CHUNK)
    return [np.asarray(numbers[start : start + _CHUNK], np.int64) for start in starts]
