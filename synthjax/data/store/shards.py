"""The shards of a set: written in parallel, each finished or not there.

A shard is an array_record file. It is written under another name and renamed when it
is whole, then a manifest says what it holds, so a build that was killed does again only
the shard that it was at, and those whose files have changed.
"""

import contextlib
import dataclasses
import hashlib
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from array_record.python.array_record_module import ArrayRecordWriter
from jaxtyping import Int

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
from synthjax.data.store.plan import CHUNK, FILES, Shard, chunks

MANIFESTS = "notes"  # folder of a build: what its finished shards hold


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
    parts = {shard.name: chunks(builder, shard, chunk) for shard in todo}
    results = ordered_map(
        _build,
        (
            (builder, metadata.take(indices))
            for shard in todo
            for indices in parts[shard.name]
        ),
        processes_for(count, workers, inline),
        processes=True,
        describe=_describe,
    )

    def built(shard: Shard) -> Iterator[tuple[np.ndarray, BuildResult]]:
        for indices in parts[shard.name]:
            result = next(results)
            _drop_copies(copies, indices, result)
            problems.found.extend(result.problems)
            problems.settle(total)
            bar.update(len(result))
            yield indices, result

    try:
        new = iter([write_shard(build, shard, built(shard)) for shard in todo])
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
