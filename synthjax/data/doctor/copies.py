"""The same pixels twice: across patients they leak from train into test."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from synthjax.data.doctor.findings import NOTE, WARNING, Finding
from synthjax.data.doctor.looks import Look
from synthjax.data.doctor.rows import shown_patient
from synthjax.data.listing import Listing, Metadata


def examine_copies(
    listing: Listing, looks: Sequence[Look], split_of: Mapping[int, str]
) -> Iterator[Finding]:
    """Images with exactly the same values; those that show nothing are left out.

    Args:
        looks: at the images that were decoded.
        split_of: row -> its split, if it is in one.
    """
    groups: dict[bytes, list[int]] = {}
    for look in looks:
        if not look.flat:
            groups.setdefault(look.digest, []).append(look.number)
    apart: list[str] = []
    together: list[str] = []
    contradicting: list[str] = []
    for group in groups.values():
        if len(group) < 2:
            continue
        text = _equal(listing, group, split_of)
        if len(set(listing.metadata.patient_id[group])) > 1:
            apart.append(text)
        elif _agree(listing.metadata, group):
            together.append(text)
        else:
            contradicting.append(text)
    if apart:
        yield Finding(
            WARNING,
            f"same pixels in several {'patients' if listing.has_patients else 'rows'}",
            tuple(apart),
            "A copy in train and test makes the result too good: keep one of them, or "
            "give both the patient that they are of.",
        )
    if contradicting:
        yield Finding(
            WARNING,
            "same pixels, other labels",
            tuple(contradicting),
            "Keep the one whose labels are right.",
        )
    if together:
        yield Finding(
            NOTE,
            "same pixels in one patient",
            tuple(together),
            "Keep one of them, unless it is meant to count twice.",
        )


def _agree(rows: Metadata, group: list[int]) -> bool:
    """Whether the labels of these rows are the same."""
    label = rows.label[group]
    return all(np.array_equal(row, label[0], equal_nan=True) for row in label)


def _equal(listing: Listing, group: list[int], split_of: Mapping[int, str]) -> str:
    """ "a.png (patient '1', train) = b.png (patient '2', test)"."""
    rows, parts = listing.metadata, []
    for number in group[:4]:
        about = [f"patient {shown_patient(rows.patient_id[number])}"]
        about = about * listing.has_patients + [split_of.get(number, "in no split")]
        parts.append(f"{rows.id[number]} ({', '.join(about)})")
    text = " = ".join(parts + ["..."] * (len(group) > 4))
    return text if _agree(rows, group) else f"{text}, with other labels"
