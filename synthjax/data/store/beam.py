"""Shards written by Apache Beam, for archives beyond one machine (extra `beam`).

The same per-file function (`recipe.make_examples`) and the same shards as on one
machine; a worker of Beam writes whole shards into the stage's directory, which all
workers must see. Beam's runners are the engines: Dataflow, Flink, Spark, or its own
DirectRunner on this machine.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from synthjax.core.errors import StudyError
from synthjax.data.listing import Metadata
from synthjax.data.problems import Problems
from synthjax.data.store.recipe import Made, Recipe, make_examples
from synthjax.data.store.shards import Shard, Written, chunks, read_written, write_shard


class ShardTask(NamedTuple):
    """One shard to write, with all that a worker needs."""

    build: Path
    recipe: Recipe
    shard: Shard
    rows: Metadata  # those of the shard, in its order


def write_shards_with_beam(
    build: Path,
    recipe: Recipe,
    rows: Metadata,
    shards: Sequence[Shard],
    *,
    problems: Problems,
    options: Sequence[str],
) -> list[Written]:
    """`shards.write_shards` on a Beam runner.

    Args:
        build: the folder of the build, on a file system that every worker mounts.
        problems: gets those of the files that were left out.
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
        ShardTask(build, recipe, shard, rows.take(shard.numbers))
        for shard in shards
        if read_written(build, shard, recipe, rows) is None
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
    found = [read_written(build, shard, recipe, rows) for shard in shards]
    missing = [s.name for s, note in zip(shards, found, strict=True) if note is None]
    if missing:
        raise StudyError(
            f"Beam ended without {len(missing)} shard(s), {missing[0]} first: do all "
            f"its workers see {build}?"
        )
    written = [note for note in found if note is not None]
    for note in written:
        problems.found.extend(note.problems)
    problems.settle(sum(len(shard.numbers) for shard in shards))
    return written


def write_whole_shard(task: ShardTask) -> None:
    """Makes the images of one shard and writes it; run by a worker."""
    place = dict(zip(task.shard.numbers.tolist(), range(len(task.rows)), strict=True))

    def pieces() -> Iterator[tuple[np.ndarray, Made]]:
        for numbers in chunks(task.recipe, task.shard):
            rows = task.rows.take([place[number] for number in numbers.tolist()])
            yield numbers, make_examples(task.recipe, rows)

    write_shard(task.build, task.shard, pieces())
