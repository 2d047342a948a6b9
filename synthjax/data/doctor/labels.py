"""Labels: how frequent they are, alone and together, and what is odd about them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float32

from synthjax.data.cohorts import combination_histogram
from synthjax.data.doctor.diagnostics import (
    NOTE,
    WARNING,
    CountTable,
    Diagnostic,
    count_of,
)
from synthjax.data.listing import Listing
from synthjax.data.splits import count_classes, why_unmeasurable

_COMBINATIONS = 8  # that the table shows
_UNKNOWN = 0.5  # of the images: a label with more unknown is worth a note
_HANDFUL = 10  # positives (or negatives): fewer cannot be learned or measured
_FEW_IMAGES = 10  # of a split: fewer are too few to measure anything
_EQUAL = 10  # positives from which two equal columns are no chance

Splits = Mapping[str, Sequence[int]]  # split -> indices of its images


def prevalence_table(listing: Listing, splits: Splits) -> CountTable:
    """Count images, patients and positives of each label, per split and in all."""
    metadata = listing.metadata
    parts = {name: np.asarray(indices, np.int64) for name, indices in splits.items()}
    everything = np.arange(len(metadata))
    parts["all"] = np.concatenate([*parts.values()]) if parts else everything
    lines = [
        ("images", *(f"{len(part):,}" for part in parts.values()), ""),
        (
            "patients" if listing.has_patients else "patients (not named)",
            *(f"{len(set(metadata.patient_id[part])):,}" for part in parts.values()),
            "",
        ),
    ]
    for column, name in enumerate(listing.labels):
        values = [metadata.label[part, column] for part in parts.values()]
        unknown = float(np.isnan(values[-1]).mean()) if len(values[-1]) else 0.0
        lines.append(
            (name, *map(_positives, values), f"{unknown:.0%}" if unknown else "")
        )
    return CountTable("positives (share of known)", (*parts, "unknown"), tuple(lines))


def _positives(values: Float32[np.ndarray, " n"]) -> str:
    """Write "12 ( 6.0%)"."""
    known = int((~np.isnan(values)).sum())
    positive = int((values == 1).sum())
    return f"{positive:,} ({positive / known:5.1%})" if known else "- (     )"


def combination_table(listing: Listing) -> CountTable:
    """Count the images of the most frequent label combinations."""
    histogram = combination_histogram(listing.labels, listing.metadata.label)
    total = max(len(listing.metadata), 1)
    rows = [
        (" + ".join(entry["positive"]) or "(none)", entry["images"])
        for entry in histogram[:_COMBINATIONS]
    ]
    rest = histogram[_COMBINATIONS:]
    if rest:
        name = f"{count_of(len(rest), 'other combination')}"
        rows.append((name, sum(entry["images"] for entry in rest)))
    return CountTable(
        f"label combinations ({len(histogram):,})",
        ("images", ""),
        tuple((name, f"{count:,}", f"{count / total:.1%}") for name, count in rows),
    )


def check_labels(listing: Listing, splits: Splits) -> Iterator[Diagnostic]:
    """Find what is odd about the labels, over all images and per split."""
    label = listing.metadata.label
    used = (
        np.concatenate([np.asarray(n, np.int64) for n in splits.values()])
        if splits
        else np.arange(len(label))
    )
    positive, negative = label[used] == 1, label[used] == 0
    yield from _constant(listing.labels, positive, negative)
    yield from _rare(listing.labels, positive, negative)
    yield from _unknown(listing.labels, positive | negative)
    yield from _equal(listing.labels, label[used])
    yield from _splits(listing, splits)


def _constant(
    labels: tuple[str, ...],
    positive: Bool[np.ndarray, "n y"],
    negative: Bool[np.ndarray, "n y"],
) -> Iterator[Diagnostic]:
    """Find labels that are the same everywhere."""
    found = []
    for column, name in enumerate(labels):
        yes, no = positive[:, column].any(), negative[:, column].any()
        if not (yes or no):
            found.append(f"{name!r} is unknown in every image")
        elif not (yes and no):
            found.append(f"{name!r} is {int(yes)} wherever it is known")
    if found:
        yield Diagnostic(
            NOTE,
            "label that never changes",
            tuple(found),
            "It teaches nothing: leave its column out, or correct it.",
        )


def _rare(
    labels: tuple[str, ...],
    positive: Bool[np.ndarray, "n y"],
    negative: Bool[np.ndarray, "n y"],
) -> Iterator[Diagnostic]:
    """Find labels with few positive or few negative images."""
    found = [
        f"{name!r} has {count_of(int(count), word)}"
        for word, counts in (
            ("positive image", positive.sum(0)),
            ("negative image", negative.sum(0)),
        )
        for name, count in zip(labels, counts, strict=True)
        if 0 < count < _HANDFUL
    ]
    if found:
        yield Diagnostic(
            NOTE,
            "label with a handful of images",
            tuple(found),
            "Too few to learn from or to measure; give more, or leave the label out.",
        )


def _unknown(
    labels: tuple[str, ...], known: Bool[np.ndarray, "n y"]
) -> Iterator[Diagnostic]:
    """Find labels that are unknown in most images."""
    shares = 1 - known.mean(axis=0) if len(known) else np.zeros(len(labels))
    found = [
        f"{name!r} is unknown in {share:.0%} of the images"
        for name, share in zip(labels, shares, strict=True)
        if _UNKNOWN < share < 1
    ]
    if found:
        yield Diagnostic(
            NOTE,
            "label that is mostly unknown",
            tuple(found),
            "If blank means no, write 0.",
        )


def _equal(
    labels: tuple[str, ...], label: Float32[np.ndarray, "n y"]
) -> Iterator[Diagnostic]:
    """Find columns with the same values, such as one that was copied by mistake."""
    groups: dict[bytes, list[str]] = {}
    for name, column in zip(labels, label.T, strict=True):
        if (column == 1).sum() >= _EQUAL and (column == 0).sum() >= _EQUAL:
            groups.setdefault(np.ascontiguousarray(column).tobytes(), []).append(name)
    found = [" and ".join(map(repr, names)) for names in groups.values() if names[1:]]
    if found:
        yield Diagnostic(
            WARNING,
            "labels that are always the same",
            tuple(found),
            "Leave one of the columns out, or correct it.",
        )


def _splits(listing: Listing, splits: Splits) -> Iterator[Diagnostic]:
    """Find splits that are small, or lack a label."""
    small, lacking = [], []
    for split, indices in splits.items():
        if len(indices) < _FEW_IMAGES:
            small.append(f"{split} has {count_of(len(indices), 'image')}")
        label = listing.metadata.label[np.asarray(indices, np.int64)]
        for column, name in enumerate(listing.labels):
            counts = Counter(label[:, column].tolist())
            whole = listing.metadata.label[:, column]
            for value, word in ((1.0, "positive"), (0.0, "negative")):
                if not counts[value] and (whole == value).any():
                    lacking.append(f"{split} has no {word} of {name!r}")
    if small:
        yield Diagnostic(
            NOTE,
            "small split",
            tuple(small),
            "Its results say little: give more patients, or other "
            "config.data.fractions.",
        )
    if lacking:
        yield Diagnostic(
            NOTE,
            "label missing in a split",
            tuple(lacking),
            "It cannot be measured there: give more patients, other "
            "config.data.fractions, or another seed.",
        )
    if splits:
        classes = count_classes(listing.labels, listing.metadata.label, splits)
        reason = why_unmeasurable(classes, ("train", "test"))
        if reason is not None:
            yield Diagnostic(
                WARNING,
                "no gap can be measured",
                (reason,),
                "A study of these splits stops before anything is trained.",
            )
