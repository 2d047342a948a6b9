"""Shards written by Apache Beam, for archives beyond one machine (extra `beam`).

The same per-file work (`ExampleBuilder`) and the same shards as on one machine; a worker
of Beam writes whole shards into the stage's directory, which all workers must see.
Beam's runners are the engines: Dataflow, Flink, Spark, or its own DirectRunner on this
machine.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from synthjax.core.errors import StudyError
from synthjax.data.listing import Metadata
from synthjax.data.problems import Problems
from synthjax.data.store.copies import Copies
from synthjax.data.store.example_builder import BuildResult, ExampleBuilder
from synthjax.data.store.plan import Shard, chunks
from synthjax.data.store.shards import ShardManifest, read_manifest, write_shard


class ShardTask(NamedTuple):
    """One shard to write, with all that a worker needs."""

    build: Path
    builder: ExampleBuilder
    shard: Shard
    metadata: Metadata  # of the shard's images, in its order


def write_shards_with_beam(
    build: Path,
    builder: ExampleBuilder,
    metadata: Metadata,
    shards: Sequence[Shard],
    *,
    problems: Problems,
    options: Sequence[str],
) -> list[ShardManifest]:
    """Does what `shards.write_shards` does, on a Beam runner.

    Args:
        build: the folder of the build, on a file system that every worker mounts.
        problems: gets those of the files that were skipped.
        options: Beam's own flags, such as `--runner=FlinkRunner`.

    Raises:
        StudyError: Beam is not installed, or a worker failed (Beam says how).
    """
    try:
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions
    except ImportError as error:
        raise StudyError(
            "config.data.engine=beam needs Apache Beam: pip install 'synthjax[beam]', "
            "or set config.data.engine=local"
        ) from error
    build = build.absolute()
    tasks = [
        ShardTask(build, builder, shard, metadata.take(shard.images))
        for shard in shards
        if read_manifest(build, shard, builder, metadata) is None
    ]
    try:
        with beam.Pipeline(options=PipelineOptions(list(options))) as pipeline:
            created = pipeline | "shards" >> beam.Create(tasks, reshuffle=True)
            created | "write" >> beam.Map(write_whole_shard)
    except Exception as error:  # a runner passes on what a worker raised as it likes
        raise StudyError(
            f"Beam stopped: {error}. The shards that are finished are kept; run the "
            "same command again to go on."
        ) from error
    saved = [read_manifest(build, shard, builder, metadata) for shard in shards]
    missing = [s.name for s, note in zip(shards, saved, strict=True) if note is None]
    if missing:
        raise StudyError(
            f"Beam ended without {len(missing)} shard(s), {missing[0]} first: do all "
            f"its workers see {build}?"
        )
    manifests = [manifest for manifest in saved if manifest is not None]
    copies = Copies(metadata)
    for shard, manifest in zip(shards, manifests, strict=True):
        problems.found.extend(manifest.problems)
        _refuse_copies(copies, shard, manifest)
    problems.settle(sum(len(shard.images) for shard in shards))
    return manifests


def _refuse_copies(copies: Copies, shard: Shard, manifest: ShardManifest) -> None:
    """Raises StudyError for images of several patients that are the same.

    Workers that write whole shards do not know of one another's images, so that none of
    them can be left out.
    """
    for index, digest in zip(shard.images.tolist(), manifest.digests, strict=True):
        problem = copies.problem(index, digest)
        if problem:
            raise StudyError(
                f"{problem}. With config.data.engine=local and on_bad_file=skip one of "
                "them is left out."
            )


def write_whole_shard(task: ShardTask) -> None:
    """Builds the images of one shard and writes it; run by a worker."""
    images = task.shard.images.tolist()
    place = dict(zip(images, range(len(task.metadata)), strict=True))

    def parts() -> Iterator[tuple[Int[np.ndarray, " c"], BuildResult]]:
        for indices in chunks(task.builder, task.shard):
            chosen = task.metadata.take([place[index] for index in indices.tolist()])
            yield indices, task.builder.build(chosen)

    write_shard(task.build, task.shard, parts())
