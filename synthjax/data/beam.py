"""Shards written by Apache Beam, for archives beyond one machine (extra `beam`).

The same per-file function (`recipe.make_examples`) and the same shards as on one
machine; a worker of Beam writes whole shards into the stage's directory, which all
workers must see. Beam's runners are the engines: Dataflow, Flink, Spark, or its own
DirectRunner on this machine.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from synthjax.core.errors import StudyError
from synthjax.data.listing import Rows
from synthjax.data.problems import Problems
from synthjax.data.recipe import Recipe, make_examples
from synthjax.data.shards import Shard, Written, chunks, read_written, write_shard


class Task(NamedTuple):
    """One shard to write, with all that a worker needs."""

    directory: Path
    recipe: Recipe
    shard: Shard
    rows: Rows  # those of the shard, in its order


def write_shards_with_beam(
    directory: Path,
    recipe: Recipe,
    rows: Rows,
    shards: Sequence[Shard],
    *,
    problems: Problems,
    options: Sequence[str],
) -> list[Written]:
    """`shards.write_shards` on a Beam runner.

    Args:
        directory: on a file system that every worker of the runner mounts.
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
    tasks = [
        Task(directory, recipe, shard, rows.take(shard.numbers))
        for shard in shards
        if read_written(directory, shard) is None
    ]
    with beam.Pipeline(options=PipelineOptions(list(options))) as pipeline:
        created = pipeline | "shards" >> beam.Create(tasks, reshuffle=True)
        created | "write" >> beam.Map(write_whole_shard)
    found = [read_written(directory, shard) for shard in shards]
    missing = [s.name for s, note in zip(shards, found, strict=True) if note is None]
    if missing:
        raise StudyError(
            f"Beam ended without {len(missing)} shard(s), {missing[0]} first: do all "
            f"its workers see {directory}?"
        )
    written = [note for note in found if note is not None]
    for note in written:
        problems.found.extend(note.problems)
    problems.settle(len(rows))
    return written


def write_whole_shard(task: Task) -> None:
    """Makes the images of one shard and writes it; run by a worker."""
    places = range(len(task.rows))
    write_shard(
        task.directory,
        task.shard,
        (
            (task.shard.numbers[part], make_examples(task.recipe, task.rows.take(part)))
            for part in chunks(places)
        ),
    )
