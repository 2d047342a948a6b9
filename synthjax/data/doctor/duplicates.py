"""The same pixels twice: across patients they leak from train into test."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from synthjax.data.doctor.diagnostics import ERROR, NOTE, WARNING, Diagnostic
from synthjax.data.doctor.metadata import shown_patient
from synthjax.data.doctor.stats import ImageStats
from synthjax.data.listing import Listing, Metadata


def check_duplicates(
    listing: Listing,
    stats: Sequence[ImageStats],
    split_of: Mapping[int, str],
    severity: str = ERROR,
) -> Iterator[Diagnostic]:
    """Find images with exactly the same values; constant images are left out.

    Args:
        listing: the source's images.
        stats: of the images that were decoded.
        split_of: index of an image -> its split, if it is in one.
        severity: of copies across patients, at which a build stops unless it skips.
    """
    groups: dict[bytes, list[int]] = {}
    for image in stats:
        if not image.flat:
            groups.setdefault(image.digest, []).append(image.index)
    across_patients: list[str] = []
    within_patient: list[str] = []
    contradicting: list[str] = []
    for group in groups.values():
        if len(group) < 2:
            continue
        text = _equation(listing, group, split_of)
        if len(set(listing.metadata.patient_id[group])) > 1:
            across_patients.append(text)
        elif _labels_agree(listing.metadata, group):
            within_patient.append(text)
        else:
            contradicting.append(text)
    if across_patients:
        yield Diagnostic(
            severity,
            f"same pixels in several {'patients' if listing.has_patients else 'rows'}",
            tuple(across_patients),
            "A copy in train and test makes the result too good: keep one of them, or "
            "give both the patient that they are of.",
        )
    if contradicting:
        yield Diagnostic(
            WARNING,
            "same pixels, other labels",
            tuple(contradicting),
            "Keep the one whose labels are right.",
        )
    if within_patient:
        yield Diagnostic(
            NOTE,
            "same pixels in one patient",
            tuple(within_patient),
            "Keep one of them, unless it is meant to count twice.",
        )


def _labels_agree(metadata: Metadata, group: list[int]) -> bool:
    """Tell whether the labels of these images are the same."""
    label = metadata.label[group]
    return all(np.array_equal(row, label[0], equal_nan=True) for row in label)


def _equation(listing: Listing, group: list[int], split_of: Mapping[int, str]) -> str:
    """Write "a.png (patient '1', train) = b.png (patient '2', test)"."""
    metadata, parts = listing.metadata, []
    for index in group[:4]:
        about = [f"patient {shown_patient(metadata.patient_id[index])}"]
        about = about * listing.has_patients + [split_of.get(index, "in no split")]
        parts.append(f"{metadata.id[index]} ({', '.join(about)})")
    text = " = ".join(parts + ["..."] * (len(group) > 4))
    return text if _labels_agree(metadata, group) else f"{text}, with other labels"
