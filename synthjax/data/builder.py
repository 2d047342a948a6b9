"""The data stage: lists a source, assigns patients to splits, writes the set."""

import dataclasses
import functools
import shutil
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from synthjax.core.clock import say
from synthjax.core.errors import StudyError
from synthjax.data.build_speed import report_speed
from synthjax.data.cohorts import combination_histogram, draw_cohort
from synthjax.data.config import DataConfig
from synthjax.data.layouts.hospital import export_phantom
from synthjax.data.listing import Context, Listing
from synthjax.data.numbering import number_listing
from synthjax.data.parallel import INLINE
from synthjax.data.problems import Problems
from synthjax.data.provenance import provenance, split_facts
from synthjax.data.schema import Schema
from synthjax.data.source_images import record_images
from synthjax.data.sources.registry import SOURCES
from synthjax.data.splits import (
    check_disjoint,
    count_classes,
    split_patients,
    why_unmeasurable,
)
from synthjax.data.store.beam import write_shards_with_beam
from synthjax.data.store.example_builder import ExampleBuilder
from synthjax.data.store.plan import CHUNK, FILES, Shard, plan_build
from synthjax.data.store.shards import ShardManifest, write_shards
from synthjax.data.store.write import PARTIAL, Split, publish


def list_source(
    config: DataConfig,
    *,
    seed: int,
    prepared: Path,
    problems: Problems,
    tables_alone: bool = False,
) -> Listing:
    """Lists the images of the source; no pixel is read.

    With a layout (as of `config.phantom_chest.layout`), the images are first written as
    that hospital's files, and those are listed as any hospital's.

    Args:
        seed: of a generated source.
        prepared: keeps what a source makes ready once, and the hospital's files.
        problems: gets the faulty rows and files.
        tables_alone: whether images need not be there; such a listing is not built.

    Raises:
        StudyError: the source is faulty (each source says how), an id comes twice, or
            its tables alone do not say what its images are.
    """
    context = _context(config, seed, prepared, problems)
    if tables_alone:
        able = [name for name, source in SOURCES.items() if source.has_tables]
        if config.source not in able:
            raise StudyError(
                f"config.data.source={config.source} cannot be listed by its tables "
                f"alone, as {', '.join(able)} can; have its images there"
            )
        context = dataclasses.replace(context, tables_alone=True)
    listing = SOURCES[config.source].list_images(config.section(config.source), context)
    if config.layout:
        folder = export_phantom(
            listing, config.layout, out=prepared, workers=config.workers
        )
        settings = config.section(config.layout)
        settings = dataclasses.replace(settings, path=str(folder))
        read_back = SOURCES[config.layout].list_images(settings, context)
        listing = dataclasses.replace(read_back, name=config.source)
    if len(set(listing.metadata.id)) < len(listing.metadata):
        ((doubled, _),) = Counter(listing.metadata.id.tolist()).most_common(1)
        raise StudyError(f"the id {doubled!r} comes twice; ids must be unique.")
    return listing


def write_layout(config: DataConfig, layout: str, *, seed: int, prepared: Path) -> Path:
    """Writes the source as a hospital's files, and builds nothing.

    Args:
        layout: a key of `layouts.hospital.LAYOUTS`.
        seed: of a generated source.
        prepared: where the hospital's folder is made.

    Returns:
        The hospital's folder.

    Raises:
        StudyError: the source is faulty, or does not go into this layout.
    """
    problems = Problems(config.on_bad_file, config.skip_limit)
    context = _context(config, seed, prepared, problems)
    listing = SOURCES[config.source].list_images(config.section(config.source), context)
    return export_phantom(listing, layout, out=prepared, workers=config.workers)


def _context(
    config: DataConfig, seed: int, prepared: Path, problems: Problems
) -> Context:
    return Context(
        resolution=config.pixels.pyramid_from or config.resolution,
        channels=config.channels,
        seed=seed,
        workers=config.workers,
        prepared=prepared,
        pixels=config.pixels,
        problems=problems,
    )


def assign_splits(
    config: DataConfig, listing: Listing, seed: int
) -> tuple[Listing, dict[str, list[int]], dict[str, Any] | None]:
    """Assigns whole patients to the splits: all of them, or the paper's cohort.

    Splits that the source itself assigns are kept.

    Returns:
        The listing with the labels that are kept; split -> indices of its images; the
        facts of the cohort, None if there is none.

    Raises:
        StudyError: there are too few patients, or images for the cohort.
    """
    metadata = listing.metadata
    if listing.splits is not None:
        if config.cohort:
            raise StudyError(
                f"config.data.cohort={config.cohort} draws splits of its own, but the "
                "source has splits of its own (a split column, or folders train, valid "
                "and test); leave one of the two out"
            )
        splits = {name: list(part) for name, part in listing.splits.items()}
        check_disjoint(
            {name: metadata.patient_id[part] for name, part in splits.items()}
        )
        return listing, splits, None
    if not config.cohort:
        patients = metadata.patient_id.tolist()
        return listing, split_patients(patients, config.fractions, seed), None
    cohort = draw_cohort(
        config.cohort,
        config.modality,
        labels=listing.labels,
        label=metadata.label,
        patient_id=metadata.patient_id,
        seed=seed,
        scale=config.cohort_scale,
    )
    kept = dataclasses.replace(metadata, label=metadata.label[:, cohort.columns])
    listing = dataclasses.replace(listing, labels=cohort.labels, metadata=kept)
    return listing, cohort.splits, cohort.facts


def build(
    config: DataConfig,
    *,
    seed: int,
    out: Path,
    prepared: Path,
    chunk: int = CHUNK,
    inline: int = INLINE,
    needs: Sequence[str] = (),
) -> None:
    """Writes the set of `config` to `out`; a killed build goes on at its last shard.

    Files: dataset_info.json, features.json, metadata.json, array_record shards,
    splits.json (seed, cohort, whether the source names patients, what was left out,
    the label combinations of the source, and per split counts, prevalences, label
    combinations, patients), and build.json (the time that each phase took).

    Args:
        seed: of the source and of the splits.
        out: the stage's directory; an earlier set in it is replaced.
        prepared: keeps what a source makes ready once (an index of headers).
        chunk: images that a worker builds at a time, at most.
        inline: up to so many images are built in this process.
        needs: splits in which a label must have both classes, for a set with which a
            gap is to be measured; it is looked at before any image is read.

    Raises:
        StudyError: the source is faulty (each source says how), more files than
            `skip_limit` cannot be used, there are too few patients, or a split of
            `needs` has no label with both classes.
    """
    problems = Problems(config.on_bad_file, config.skip_limit)
    listing = list_source(config, seed=seed, prepared=prepared, problems=problems)
    problems.announce_notices()
    histogram = combination_histogram(listing.labels, listing.metadata.label)
    listing, splits, cohort = assign_splits(config, listing, seed)
    if needs:
        _require_both_classes(listing, splits, needs)
    problems.next_phase()
    record_images(listing, config, prepared)
    listing, partial, begin = number_listing(listing), out / PARTIAL, time.monotonic()
    builder = _example_builder(config, listing)
    plan = plan_build(partial, builder, listing.metadata, splits, config.shard_mb)
    work = (partial, builder, listing.metadata, plan)
    if config.engine == "beam":
        manifests = write_shards_with_beam(
            *work, problems=problems, options=config.beam_options
        )
    else:
        write = functools.partial(write_shards, chunk=chunk, inline=inline)
        manifests = write(*work, problems=problems, workers=config.workers)
    spent = time.monotonic() - begin
    coloured = _count_coloured(manifests)
    _remove_others(partial / FILES, plan)
    publish(
        partial / FILES,
        out,
        builder.schema,
        _gather(listing, plan, manifests),
        provenance=provenance(config, listing, seed, coloured),
        split_facts={
            **split_facts(config, listing, seed),
            "cohort": cohort,
            "combinations": histogram,
            "left_out": problems.summary(),
            "colour_dropped": coloured,
        },
    )
    shutil.rmtree(partial)
    problems.announce()
    report_speed(config, out, manifests, spent, inline)


def _require_both_classes(
    listing: Listing, splits: Mapping[str, Sequence[int]], needs: Sequence[str]
) -> None:
    """Raises StudyError unless each split of `needs` has a label of both classes."""
    classes = count_classes(listing.labels, listing.metadata.label, splits)
    reason = why_unmeasurable(classes, needs)
    if reason is not None:
        raise StudyError(f"{listing.name}: {reason}")


def _count_coloured(manifests: Sequence[ShardManifest]) -> int:
    """Returns how many images lost their colour, and says so."""
    coloured = sum(manifest.coloured for manifest in manifests)
    if coloured:
        say(
            f"colour is dropped: {coloured:,} images have colour, and the set has one "
            "channel; set config.data.channels=3 to keep it"
        )
    return coloured


def _example_builder(config: DataConfig, listing: Listing) -> ExampleBuilder:
    schema = Schema(
        listing.name,
        listing.labels,
        config.resolution,
        config.channels,
        config.pixels.bits,
    )
    skip = config.on_bad_file == "skip"
    return ExampleBuilder(listing.read, schema, config.pixels, listing.root, skip)


def _remove_others(files: Path, plan: list[Shard]) -> None:
    """Removes what a kill left half written beside the shards."""
    for path in set(files.iterdir()) - {files / shard.name for shard in plan}:
        path.unlink()


def _gather(
    listing: Listing,
    plan: list[Shard],
    manifests: list[ShardManifest],
) -> dict[str, Split]:
    """Returns what the files of each split hold, from the manifests of its shards."""
    splits: dict[str, Split] = {}
    for shard, manifest in zip(plan, manifests, strict=True):
        split = splits.setdefault(shard.split, Split([], 0, [], []))
        split.shard_images.append(manifest.images)
        split.bytes += manifest.bytes
        kept = shard.images[~np.isin(shard.images, manifest.skipped)]
        split.labels += list(listing.metadata.label[kept])
        split.patients += listing.metadata.patient_id[kept].tolist()
    return splits
