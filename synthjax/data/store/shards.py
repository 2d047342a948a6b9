"""The shards of a set: planned, written in parallel, each finished or not there.

A shard is an array_record file of about the same size as the others. It is written under
another name and renamed when it is whole, then a manifest says what it holds, so a build
that was killed does again only the shard that it was at, and those whose files have
changed.
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
from synthjax.core.files import read_json_if_whole, write_json
from synthjax.data.listing import Metadata
from synthjax.data.parallel import INLINE, ordered_map, processes_for
from synthjax.data.problems import Problem, Problems
from synthjax.data.store.copies import Copies
from synthjax.data.store.example_builder import (
    BuildResult,
    ExampleBuilder,
    file_stats,
    zero_seconds,
)

SET_NAME = "image_set"  # TFDS's name of every set, and the head of its file names
SHARD_MB = 200.0  # of one array_record file, about, where nothing else is set
FILES, MANIFESTS = "set", "notes"  # folders of a build: finished shards, what they hold
CHUNK = 32  # images that a worker builds at a time, at most
_CHUNK_BYTES = 8_000_000  # of their pixels, at most
_SAMPLE = 16  # images by which the size of the others is estimated
_FORMAT = 3  # of plan and manifests; another begins every build anew


@dataclasses.dataclass(frozen=True)
class Shard:
    """One file of a split and the images that it holds, by ascending id."""

    split: str
    index: int
    count: int  # shards of the split
    images: Int[np.ndarray, " k"]  # indices into the metadata

    @property
    def name(self) -> str:
        """Returns the file's name, as TFDS expects it."""
        return shard_name(self.split, self.index, self.count)


@dataclasses.dataclass(frozen=True)
class ShardManifest:
    """What a finished shard holds, kept beside it as JSON."""

    images: int
    bytes: int
    skipped: tuple[int, ...]  # those of `Shard.images` that are not in the file
    problems: tuple[Problem, ...]
    file_stats: str  # digest of the files that were read
    digests: tuple[str, ...]  # of the pixels of `Shard.images`, "" if they show nothing
    coloured: int  # images whose colour was dropped
    seconds: dict[str, float]  # phase -> working seconds; empty if done before


def shard_name(split: str, index: int, count: int) -> str:
    """Returns the name of file `index` of `count` of a split."""
    return f"{SET_NAME}-{split}.array_record-{index:05d}-of-{count:05d}"


def plan_shards(
    metadata: Metadata,
    splits: Mapping[str, Sequence[int]],
    *,
    image_bytes: float,
    shard_mb: float,
) -> list[Shard]:
    """Divides the splits of a set into shards.

    Images are in the order of their ids, so a position in a split means the same image
    in every set made of the same images, and the files depend on the images alone.

    Args:
        splits: split -> indices of its images.
        image_bytes: of an image in the files, on average.
        shard_mb: of a shard, about, in millions of bytes.
    """
    shards = []
    for split, indices in splits.items():
        order = sorted(indices, key=lambda index: metadata.id[index])
        count = max(
            1, min(round(len(order) * image_bytes / (shard_mb * 1e6)), len(order))
        )
        parts = np.array_split(np.array(order, np.int64), count)
        shards += [Shard(split, i, count, part) for i, part in enumerate(parts)]
    return shards


def estimate_bytes(
    builder: ExampleBuilder, metadata: Metadata, indices: Int[np.ndarray, " k"]
) -> float:
    """Returns the mean size of an encoded image, of a few evenly spaced ones."""
    places = np.unique(np.linspace(0, len(indices) - 1, _SAMPLE).astype(int))
    sample = metadata.take(indices[places])
    result = dataclasses.replace(builder, skip=True).build(sample)
    sizes = [len(example) for example in result.examples if example is not None]
    return float(np.mean(sizes)) if sizes else 1.0


def fingerprint(
    builder: ExampleBuilder, metadata: Metadata, splits: Mapping[str, Sequence[int]]
) -> str:
    """Identifies what shards depend on, except the files (`ShardManifest.file_stats`).

    Whether faulty files are skipped does not count: a manifest says what was skipped.
    """
    read = getattr(builder.read, "__qualname__", None) or repr(builder.read)
    settings = (read, builder.schema, builder.pixels, sorted(splits))
    hasher = hashlib.sha256(repr((_FORMAT, synthjax.__version__, *settings)).encode())
    for field in dataclasses.fields(Metadata):
        column = getattr(metadata, field.name)
        text = column.dtype == object
        data = "\0".join(column.tolist()).encode() if text else column.tobytes()
        hasher.update(f"{field.name} {len(data)} ".encode() + data)
    for split in sorted(splits):
        hasher.update(np.array(sorted(splits[split]), np.int64).tobytes())
    return hasher.hexdigest()[:16]


def write_shard(
    build: Path,
    shard: Shard,
    parts: Iterator[tuple[Int[np.ndarray, " c"], BuildResult]],
) -> ShardManifest:
    """Writes one shard from its parts, in order, and its manifest.

    Args:
        build: the folder of the build.
        parts: indices of images and what became of them.
    """
    path = build / FILES / shard.name
    partial = path.with_name(f"{shard.name}.{uuid.uuid4().hex}.partial")
    writer = ArrayRecordWriter(str(partial), "group_size:1")
    images = size = coloured = 0
    digests: list[str] = []
    skipped: list[int] = []
    problems: list[Problem] = []
    stats: list[str] = []
    seconds = zero_seconds()
    try:
        for indices, result in parts:
            begin = time.perf_counter()
            for index, example in zip(indices, result.examples, strict=True):
                if example is None:
                    skipped.append(int(index))
                else:
                    writer.write(example)
                    images, size = images + 1, size + len(example)
            problems += result.problems
            stats += result.file_stats
            digests += result.digests
            coloured += result.coloured
            for phase, spent in result.seconds.items():
                seconds[phase] += spent
            seconds["write"] += time.perf_counter() - begin
        writer.close()
        with open(partial, "rb") as file:
            os.fsync(file.fileno())  # before the manifest says that it is whole
        partial.replace(path)
    finally:
        with contextlib.suppress(RuntimeError):  # closed already
            writer.close()
        partial.unlink(missing_ok=True)
    manifest = ShardManifest(
        images=images,
        bytes=size,
        skipped=tuple(skipped),
        problems=tuple(problems),
        file_stats=_digest(stats),
        digests=tuple(digests),
        coloured=coloured,
        seconds=seconds,
    )
    write_json(_manifest_path(build, shard), dataclasses.asdict(manifest))
    return manifest


def _manifest_path(build: Path, shard: Shard) -> Path:
    return build / MANIFESTS / f"{shard.name}.json"


def _digest(stats: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(stats).encode()).hexdigest()[:16]


def read_manifest(
    build: Path, shard: Shard, builder: ExampleBuilder, metadata: Metadata
) -> ShardManifest | None:
    """Returns what a finished shard holds.

    None if it is not finished, or if the files that it was made from have changed.
    """
    if not (build / FILES / shard.name).is_file():
        return None
    keys = [field.name for field in dataclasses.fields(ShardManifest)]
    saved = read_json_if_whole(_manifest_path(build, shard), keys=keys)
    if saved is None:
        return None
    stats = file_stats(builder.root, metadata.take(shard.images))
    if saved["file_stats"] != _digest(stats):
        return None
    problems = tuple(Problem(**problem) for problem in saved["problems"])
    parsed = {"problems": problems, "seconds": {}}
    parsed |= {name: tuple(saved[name]) for name in ("skipped", "digests")}
    return ShardManifest(**saved | parsed)


def write_shards(
    build: Path,
    builder: ExampleBuilder,
    metadata: Metadata,
    shards: Sequence[Shard],
    *,
    problems: Problems,
    workers: int,
    chunk: int = CHUNK,
    inline: int = INLINE,
) -> list[ShardManifest]:
    """Writes the shards that are not finished yet; returns what all of them hold.

    Args:
        build: the folder of the build.
        problems: gets those of the files that were skipped.
        workers: processes (0 = all cores).
        chunk: images that a worker builds at a time, at most.
        inline: up to so many images are built in this process.

    Raises:
        BadImageError: a file cannot be used and the builder does not skip it.
        StudyError: more files were skipped than the policy allows, or images of two
            patients are the same and the policy skips none.
    """
    finished = [read_manifest(build, shard, builder, metadata) for shard in shards]
    total = sum(len(shard.images) for shard in shards)
    todo = [shard for shard, done in zip(shards, finished, strict=True) if not done]
    count = sum(len(shard.images) for shard in todo)
    copies = Copies(metadata)
    for shard, manifest in zip(shards, finished, strict=True):
        if manifest:
            problems.found.extend(manifest.problems)
            copies.add(shard.images, manifest.digests)
    problems.settle(total)
    bar: progress = progress(
        total=total, done=total - count, desc="images", unit="images"
    )
    results = ordered_map(
        _build,
        (
            (builder, metadata.take(indices))
            for shard in todo
            for indices in chunks(builder, shard, chunk)
        ),
        processes_for(count, workers, inline),
        processes=True,
        describe=_describe,
    )

    def parts(shard: Shard) -> Iterator[tuple[np.ndarray, BuildResult]]:
        for indices in chunks(builder, shard, chunk):
            result = next(results)
            _drop_copies(copies, indices, result)
            problems.found.extend(result.problems)
            problems.settle(total)
            bar.update(len(result))
            yield indices, result

    try:
        new = iter([write_shard(build, shard, parts(shard)) for shard in todo])
    finally:
        results.close()
        bar.close()
    return [manifest or next(new) for manifest in finished]


def _drop_copies(
    copies: Copies, indices: Int[np.ndarray, " c"], result: BuildResult
) -> None:
    """Takes images out of a result that are those of other patients."""
    for place, index in enumerate(indices.tolist()):
        problem = copies.problem(index, result.digests[place])
        if problem:
            result.problems.append(problem)
            result.examples[place], result.digests[place] = None, ""


def _build(task: tuple[ExampleBuilder, Metadata]) -> BuildResult:
    builder, metadata = task
    return builder.build(metadata)


def _describe(task: tuple[ExampleBuilder, Metadata]) -> str:
    _, metadata = task
    first = metadata.origin[0] or metadata.id[0]
    return f"{first} (or up to {len(metadata) - 1} images after it)"


def chunks(
    builder: ExampleBuilder, shard: Shard, chunk: int = CHUNK
) -> list[Int[np.ndarray, " c"]]:
    """Returns a shard's images in the parts that workers build at a time.

    Args:
        chunk: images of a part, at most; large images come in smaller parts.
    """
    pixels = math.prod(builder.schema.image_shape) * builder.schema.bits // 8
    size = max(1, min(chunk, _CHUNK_BYTES // pixels))
    starts = range(0, len(shard.images), size)
    return [shard.images[start : start + size] for start in starts]
