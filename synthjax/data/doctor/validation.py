"""Finds everything that is wrong with a source before it is built."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from synthjax.core.errors import StudyError
from synthjax.data.builder import assign_splits, list_source
from synthjax.data.config import DataConfig
from synthjax.data.doctor.collect_problems import CollectProblems
from synthjax.data.doctor.diagnostics import (
    ERROR,
    WARNING,
    CountTable,
    Diagnostic,
    ValidationReport,
    count_of,
)
from synthjax.data.doctor.duplicates import check_duplicates
from synthjax.data.doctor.headers import Headers, read_headers
from synthjax.data.doctor.labels import (
    check_labels,
    combination_table,
    prevalence_table,
)
from synthjax.data.doctor.metadata import check_metadata
from synthjax.data.doctor.stats import ImageStats, measure_images, sample_evenly
from synthjax.data.doctor.values import check_values, describe_shapes, describe_values
from synthjax.data.listing import Listing
from synthjax.data.sources.registry import SOURCES

SAMPLE = 500  # images that are decoded, where nothing else is asked for
_SUSPECTS = 400  # files that stand out and are decoded beside the sample


def validate(
    config: DataConfig,
    *,
    seed: int,
    prepared: Path,
    sample: int = SAMPLE,
    tables_alone: bool = False,
) -> ValidationReport:
    """List the source, read all headers, decode a sample; nothing is built.

    Files that stand out (by size, by colour, by a part that equals another's) are
    decoded beside the sample. Splits are those that a build with this seed makes.

    Args:
        config: of the build.
        seed: of the source and of the splits, as for `build`.
        prepared: keeps what a source makes ready once (an index of headers).
        sample: images that are decoded; 0 = all.
        tables_alone: whether images need not be there; none is opened.

    Returns:
        Facts, tables and diagnostics; fatal if a build of this config would fail.
    """
    problems = CollectProblems(config.on_bad_file, config.skip_limit)
    title = f"Doctor: {config.source}"
    try:
        listing = list_source(
            config,
            seed=seed,
            prepared=prepared,
            problems=problems,
            tables_alone=tables_alone,
        )
    except StudyError as error:
        problems.stops = True
        message = " ".join(str(error).split())
        stopped = Diagnostic(
            ERROR, "source", (message,), "Correct it; nothing else was looked at."
        )
        return ValidationReport(title, diagnostics=(stopped, *problems.diagnostics()))
    if tables_alone:
        return _of_tables(title, config, seed, listing, problems)
    source, settings = SOURCES[config.source], config.section(config.source)
    index = source.header_index(settings, prepared)
    return _Validation(config, seed, listing, problems, index, sample).report(title)


def _of_tables(
    title: str,
    config: DataConfig,
    seed: int,
    listing: Listing,
    problems: CollectProblems,
) -> ValidationReport:
    """Validate what the tables say, whether or not the images are there."""
    found = _Validation(config, seed, listing, problems, None, 0)
    return ValidationReport(
        title,
        tuple(found.facts_of_source()),
        found.tables(),
        (
            *found.diagnostics,
            *problems.diagnostics(),
            *check_metadata(listing),
            *check_labels(found.listing, found.splits),
        ),
        tables_alone=True,
    )


class _Validation:
    """Validates a source that could be listed."""

    def __init__(
        self,
        config: DataConfig,
        seed: int,
        listing: Listing,
        problems: CollectProblems,
        index: Path | None,
        sample: int,
    ):
        self.config, self.seed, self.index = config, seed, index
        self.sample = sample
        self.problems = problems
        self.listed = self.listing = listing  # before and after the cohort is drawn
        self.splits: dict[str, list[int]] = {}
        self.diagnostics: list[Diagnostic] = []
        try:
            self.listing, self.splits, _ = assign_splits(config, listing, seed)
        except StudyError as error:
            message = " ".join(str(error).split())
            self.diagnostics.append(
                Diagnostic(ERROR, "splits", (message,), "Nothing is built before.")
            )
        # images in a split; without splits all of them
        self.used = np.full(len(listing.metadata), not self.splits)
        for indices in self.splits.values():
            self.used[indices] = True

    def report(self, title: str) -> ValidationReport:
        """Run all checks."""
        listing, splits = self.listing, self.splits
        self.problems.next_phase()  # as in a build: rows first, then their files
        headers = self._headers()
        stats = self._stats(headers)
        self.problems.settle(int(self.used.sum()))
        self.diagnostics += self.problems.diagnostics()
        self.diagnostics += check_metadata(listing)
        rare = None
        if headers is not None:
            names = listing.metadata.id
            self.diagnostics += headers.diagnostics(names, self.config.resolution)
            rare = headers.colour_is_rare()
        self.diagnostics += check_values(
            listing.metadata, stats, rare, self.config.channels
        )
        split_of = {index: split for split, part in splits.items() for index in part}
        self.diagnostics += check_duplicates(
            listing,
            stats,
            split_of,
            ERROR if self.config.on_bad_file == "error" else WARNING,
        )
        self.diagnostics += check_labels(listing, splits)
        return ValidationReport(
            title,
            tuple(self._facts(headers, stats)),
            self.tables(),
            tuple(self.diagnostics),
        )

    def tables(self) -> tuple[CountTable, CountTable]:
        """Count the labels, and their combinations before a cohort is drawn."""
        labels = prevalence_table(self.listing, self.splits)
        return labels, combination_table(self.listed)

    def facts_of_source(self) -> Iterator[tuple[str, str]]:
        """Say how many images and patients there are, and what the source chose."""
        listing = self.listing
        patients = len(set(listing.metadata.patient_id))
        images = f"{len(listing.metadata):,}"
        if listing.has_patients:
            images += f" of {count_of(patients, 'patient')}"
        if listing.root:
            yield "folder", str(listing.root)
        yield "images", images
        facts = [
            f"{name}: {_in_words(value)}"
            for name, value in listing.facts.items()
            if value
        ]
        if facts:
            yield "source", "; ".join(facts)

    def _headers(self) -> Headers | None:
        """Read the headers of all files; None if the source has none."""
        listing, config = self.listing, self.config
        if listing.root is None:
            return None
        files = listing.metadata.origin.tolist()
        headers = read_headers(
            listing.root, files, config.pixels, config.workers, self.index
        )
        bad = np.flatnonzero(~headers.good).tolist()
        self._refuse("unreadable image", {index: headers.fault[index] for index in bad})
        return headers

    def _stats(self, headers: Headers | None) -> list[ImageStats]:
        """Decode the sample and what stands out; damaged images are noted."""
        listing = self.listing
        good = np.arange(len(listing.metadata))
        suspects: list[int] = []
        if headers is not None:
            good = np.flatnonzero(headers.good)
            suspects += np.flatnonzero(headers.odd_channels()).tolist()
            suspects += [i for group in headers.duplicate_candidates() for i in group]
        drawn = sample_evenly(len(good), self.sample or len(good), self.seed)
        indices = sorted({*good[drawn].tolist(), *suspects[:_SUSPECTS]})
        stats = measure_images(
            listing.read, listing.metadata, indices, self.config.workers
        )
        faults = {image.index: image.fault for image in stats if image.fault}
        self._refuse("damaged image", faults)
        share = len(faults) / max(len(indices), 1)
        self.problems.expect(share * (len(good) - len(indices)), len(good))
        return [image for image in stats if not image.fault]

    def _refuse(self, kind: str, faults: dict[int, str]) -> None:
        """Note the files that cannot be used; those in no split stop no build."""
        metadata, unused = self.listing.metadata, []
        for index, fault in faults.items():
            name = metadata.origin[index] if self.listing.root else metadata.id[index]
            if self.used[index]:
                self.problems.add(kind, name, fault)
            else:
                unused.append(f"{name}: {fault}")
        if unused:
            remedy = "A build does not read them, for the cohort leaves them out."
            self.diagnostics.append(
                Diagnostic(WARNING, f"{kind}, unused", tuple(unused), remedy)
            )

    def _facts(
        self, headers: Headers | None, stats: list[ImageStats]
    ) -> Iterator[tuple[str, str]]:
        """Say what the source is like."""
        yield from self.facts_of_source()
        if headers is not None:
            missing = sum(p.kind == "file missing" for p in self.problems.found)
            yield from headers.facts(missing)
        else:
            yield from describe_shapes(stats)
        yield "decoded", f"{len(stats):,} of them"
        yield from describe_values(stats)


def _in_words(value: Any) -> str:
    """Write a fact of a listing in words."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_in_words(part)}" for name, part in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_in_words, value))
    return str(value) if isinstance(value, str) else f"{value:,}"
