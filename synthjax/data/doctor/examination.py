"""The doctor: everything that is wrong with a source, found before it is built."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from synthjax.core.errors import StudyError
from synthjax.data.builder import assign_splits, list_source
from synthjax.data.config import DataConfig
from synthjax.data.doctor.copies import examine_copies
from synthjax.data.doctor.files import Headers, read_headers
from synthjax.data.doctor.findings import ERROR, WARNING, Finding, Findings, count_of
from synthjax.data.doctor.labels import combinations, examine_labels, prevalence
from synthjax.data.doctor.looks import Look, look_at, spread
from synthjax.data.doctor.rows import examine_rows
from synthjax.data.doctor.survey import Survey
from synthjax.data.doctor.values import describe_values, examine_values
from synthjax.data.listing import Listing
from synthjax.data.sources.registry import SOURCES

SAMPLE = 500  # images that are decoded, where nothing else is asked for
_SUSPECTS = 400  # files that stand out and are decoded beside the sample


def examine(
    config: DataConfig, *, seed: int, prepared: Path, sample: int = SAMPLE
) -> Findings:
    """Lists the source, reads all headers, decodes a sample; builds nothing.

    Files that stand out (by size, by colour, by a part that equals another's) are
    decoded beside the sample. Splits are those that a build with this seed makes.

    Args:
        seed: of the source and of the splits, as for `build`.
        prepared: keeps what a source makes ready once (an index of headers).
        sample: images that are decoded; 0 = all.

    Returns:
        Facts and findings. They are fatal if a build of this config would fail.
    """
    survey = Survey(config.on_bad_file, config.skip_limit)
    title = f"Doctor: {config.source}"
    try:
        listing = list_source(config, seed=seed, prepared=prepared, problems=survey)
    except StudyError as error:
        survey.stops = True
        said = " ".join(str(error).split())
        stopped = Finding(
            ERROR, "source", (said,), "Correct it; nothing else was looked at."
        )
        return Findings(title, findings=(stopped, *survey.findings()))
    source, settings = SOURCES[config.source], config.section(config.source)
    index = source.header_index(settings, prepared)
    return _Examination(config, seed, listing, survey, index, sample).findings(title)


class _Examination:
    """Of a source that could be listed."""

    def __init__(
        self,
        config: DataConfig,
        seed: int,
        listing: Listing,
        survey: Survey,
        index: Path | None,
        sample: int,
    ):
        self.config, self.seed, self.survey, self.index = config, seed, survey, index
        self.sample = sample
        self.given = self.listing = listing
        self.splits: dict[str, list[int]] = {}
        self.found: list[Finding] = []
        try:
            self.listing, self.splits, _ = assign_splits(config, listing, seed)
        except StudyError as error:
            said = " ".join(str(error).split())
            self.found.append(
                Finding(ERROR, "splits", (said,), "Nothing is built before.")
            )
        self.used = np.full(len(listing.metadata), not self.splits)  # rows in a split
        for numbers in self.splits.values():
            self.used[numbers] = True

    def findings(self, title: str) -> Findings:
        """All of it."""
        listing, splits = self.listing, self.splits
        self.survey.next_phase()  # as in a build: rows first, then their files
        headers = self._headers()
        looks = self._looks(headers)
        self.survey.settle(int(self.used.sum()))
        self.found += self.survey.findings()
        self.found += examine_rows(listing)
        if headers is not None:
            self.found += headers.findings(listing.metadata.id, self.config.resolution)
        rare = headers.colour_is_rare() if headers is not None else None
        self.found += examine_values(listing.metadata, looks, rare)
        split_of = {row: split for split, part in splits.items() for row in part}
        self.found += examine_copies(listing, looks, split_of)
        self.found += examine_labels(listing, splits)
        return Findings(
            title,
            tuple(self._facts(headers, looks)),
            (prevalence(listing, splits), combinations(self.given)),
            tuple(self.found),
        )

    def _headers(self) -> Headers | None:
        """The headers of all files; None if the source has none."""
        listing, config = self.listing, self.config
        if listing.root is None:
            return None
        files = listing.metadata.origin.tolist()
        headers = read_headers(
            listing.root, files, config.pixels, config.workers, self.index
        )
        bad = np.flatnonzero(~headers.good).tolist()
        self._refuse("unreadable image", {row: headers.fault[row] for row in bad})
        return headers

    def _looks(self, headers: Headers | None) -> list[Look]:
        """Decodes the sample and what stands out; damaged images are noted."""
        listing = self.listing
        good = np.arange(len(listing.metadata))
        suspects: list[int] = []
        if headers is not None:
            good = np.flatnonzero(headers.good)
            suspects += np.flatnonzero(headers.odd_channels()).tolist()
            suspects += [row for group in headers.candidates() for row in group]
        wanted = self.sample or len(good)
        evenly = good[spread(len(good), wanted, self.seed)].tolist()
        numbers = sorted({*evenly, *suspects[:_SUSPECTS]})
        looks = look_at(listing.read, listing.metadata, numbers, self.config.workers)
        faults = {look.number: look.fault for look in looks if look.fault}
        self._refuse("damaged image", faults)
        share = len(faults) / max(len(numbers), 1)
        self.survey.expect(share * (len(good) - len(numbers)), len(good))
        return [look for look in looks if not look.fault]

    def _refuse(self, kind: str, faults: dict[int, str]) -> None:
        """Notes the files that cannot be used; those in no split stop no build."""
        rows, unused = self.listing.metadata, []
        for row, fault in faults.items():
            name = rows.origin[row] if self.listing.root else rows.id[row]
            if self.used[row]:
                self.survey.add(kind, name, fault)
            else:
                unused.append(f"{name}: {fault}")
        if unused:
            remedy = "A build does not read them, for the cohort leaves them out."
            self.found.append(
                Finding(WARNING, f"{kind}, unused", tuple(unused), remedy)
            )

    def _facts(
        self, headers: Headers | None, looks: list[Look]
    ) -> Iterator[tuple[str, str]]:
        """What the source is like."""
        listing = self.listing
        patients = len(set(listing.metadata.patient_id))
        whose = f"of {count_of(patients, 'patient')}" if listing.has_patients else ""
        if listing.root:
            yield "folder", str(listing.root)
        yield "images", f"{len(listing.metadata):,} {whose}".rstrip()
        if headers is not None:
            missing = sum(p.kind == "file missing" for p in self.survey.found)
            yield from headers.facts(missing)
        yield "decoded", f"{len(looks):,} of them"
        yield from describe_values(looks)
        told = [
            f"{name}: {_told(value)}" for name, value in listing.facts.items() if value
        ]
        if told:
            yield "source", "; ".join(told)


def _told(value: Any) -> str:
    """A fact of a listing in words."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_told(part)}" for name, part in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_told, value))
    return str(value) if isinstance(value, str) else f"{value:,}"
