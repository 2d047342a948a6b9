"""Patient-disjoint splits: drawn from a seed, audited, and described in splits.json."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from synthjax.core.clock import say
from synthjax.core.errors import ConfigError, StudyError
from synthjax.core.files import read_json
from synthjax.data.cohorts import combination_histogram
from synthjax.data.schema import SPLITS

# Not a named stream: a seed gives the same test patients in every release.
_STREAM = 0x5B117


def check_fractions(fractions: tuple[float, ...]) -> None:
    """Raises ConfigError unless there is one share per split and they sum to 1."""
    if (
        len(fractions) != len(SPLITS)
        or min(fractions) <= 0
        or abs(sum(fractions) - 1) > 1e-6
    ):
        raise ConfigError(
            f"fractions={fractions}: must be {len(SPLITS)} positive shares of the "
            f"patients ({', '.join(SPLITS)}) that sum to 1, such as (0.6, 0.1, 0.3)"
        )


def split_patients(
    patient_ids: Sequence[str], fractions: tuple[float, ...], seed: int
) -> dict[str, list[int]]:
    """Assigns whole patients to the splits at random.

    Args:
        patient_ids: the patient of each image.
        fractions: share of the patients per split, in the order of SPLITS, sum 1.
        seed: of the assignment; the order of the images does not matter.

    Returns:
        Split -> indices of its images, ascending.

    Raises:
        StudyError: there are too few patients for one in each split.
    """
    patients = sorted(set(patient_ids))
    if len(patients) < len(SPLITS):
        raise StudyError(
            f"{len(patients)} patient(s) are too few for {len(SPLITS)} splits that "
            "share none; give more patients, or check the patient column."
        )
    shuffled = np.random.default_rng((seed, _STREAM)).permutation(len(patients))
    cuts = np.rint(np.cumsum(fractions)[:-1] * len(patients)).astype(int)
    for i in range(len(cuts)):  # at least one patient each, whatever the rounding
        low = i + 1
        high = len(patients) - (len(cuts) - i)
        earlier = cuts[i - 1] + 1 if i else low
        cuts[i] = min(max(cuts[i], low, earlier), high)
    split_of: dict[str, str] = {}
    for split, members in zip(SPLITS, np.split(shuffled, cuts), strict=True):
        split_of.update({patients[member]: split for member in members})
    images: dict[str, list[int]] = {split: [] for split in SPLITS}
    for index, patient in enumerate(patient_ids):
        images[split_of[patient]].append(index)
    return images


def group_by_split(names: Sequence[str]) -> dict[str, list[int]]:
    """Returns split -> indices of its images, from the split that each image names.

    Raises:
        StudyError: a split has no image.
    """
    images: dict[str, list[int]] = {split: [] for split in SPLITS}
    for index, name in enumerate(names):
        images[name].append(index)
    for split, members in images.items():
        if not members:
            raise StudyError(
                f"no image is in the split {split!r}: the split column must give each "
                f"of {', '.join(SPLITS)} some images of patients of its own."
            )
    return images


def check_disjoint(patients: Mapping[str, Iterable[str]]) -> None:
    """Raises StudyError, naming the patient, if one is in two splits.

    Args:
        patients: split -> patient ids of its images.
    """
    seen: dict[str, str] = {}
    for split, members in patients.items():
        for patient in set(members):
            if patient in seen:
                raise StudyError(
                    f"patient {patient!r} is in the splits {seen[patient]!r} and "
                    f"{split!r}: the test result would be too good. Assign whole "
                    "patients to the splits."
                )
            seen[patient] = split


Classes = Mapping[str, Mapping[str, tuple[int, int]]]
"""Split -> label -> the number of positive and of negative images."""


def count_classes(
    labels: Sequence[str],
    label: Float32[np.ndarray, "n y"],
    splits: Mapping[str, Sequence[int]],
) -> Classes:
    """Counts the images of both classes of each label, split by split."""
    classes = {}
    for split, indices in splits.items():
        part = label[np.asarray(indices, np.int64)]
        positive, negative = (part == 1).sum(axis=0), (part == 0).sum(axis=0)
        counts = zip(positive.tolist(), negative.tolist(), strict=True)
        classes[split] = dict(zip(labels, counts, strict=True))
    return classes


def why_unmeasurable(classes: Classes, needs: Sequence[str]) -> str | None:
    """Says why no gap can be measured with these splits, None if it can.

    A classifier learns a label that has both classes among the training images, and its
    AUROC is defined where both are among the test images; one label must have both.

    Args:
        classes: what `count_classes` returned.
        needs: splits in which one and the same label must have both classes.
    """
    complete = {
        split: {label for label, counts in classes[split].items() if min(counts) > 0}
        for split in needs
    }
    remedy = (
        "Give more images, labels that occur, another split column or other "
        "config.data.fractions"
    )
    for split, found in complete.items():
        if not found:
            lacking = [
                f"{label!r} has {positive:,} positive and {negative:,} negative"
                for label, (positive, negative) in classes[split].items()
            ]
            shown = "; ".join(lacking[:3]) + ("; ..." if len(lacking) > 3 else "")
            use = "no AUROC is defined" if split == "test" else "nothing can be learned"
            return (
                f"no label has both classes among the {split} images, so {use} and no "
                f"gap can be measured: {shown}. {remedy}."
            )
    if complete and not set.intersection(*complete.values()):
        return (
            f"no label has both classes in each of the splits {', '.join(needs)}, so "
            f"none can be both learned and measured. {remedy}."
        )
    return None


def require_measurable(splits_json: Path, needs: Sequence[str]) -> None:
    """Raises StudyError if no gap can be measured with a finished set.

    Args:
        splits_json: of the set; a set of another tool that has none is not checked.
        needs: see `why_unmeasurable`.
    """
    if not splits_json.exists():
        return
    splits = read_json(splits_json)["splits"]
    classes = {
        split: {
            label: (counts["positive"], counts["negative"])
            for label, counts in splits[split]["labels"].items()
        }
        for split in needs
        if split in splits
    }
    reason = why_unmeasurable(classes, list(classes))
    if reason is not None:
        raise StudyError(f"{splits_json.parent}: {reason}")


def summarize_splits(
    labels: tuple[str, ...],
    images: Mapping[str, Sequence[np.ndarray]],
    patients: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """Returns what splits.json says of each split; warns of labels without both classes.

    Args:
        labels: label names.
        images: split -> label vectors [y], 0, 1 or NaN, one per image.
        patients: split -> patient id of each image.
    """
    summary = {}
    for split, vectors in images.items():
        label = np.stack(vectors)
        positive = np.sum(label == 1, axis=0)
        known = np.sum(~np.isnan(label), axis=0)
        for name, count, total in zip(labels, positive, known, strict=True):
            if total == 0:
                say(f"{name!r} is unknown in all {len(label)} {split} images")
            elif count == 0:
                say(f"no positive of {name!r} among the {len(label)} {split} images")
            elif count == total:
                say(f"no negative of {name!r} among the {len(label)} {split} images")
        summary[split] = {
            "images": len(label),
            "patients": len(set(patients[split])),
            "labels": {
                name: {
                    "positive": int(p),
                    "negative": int(k - p),
                    "unknown": int(len(label) - k),
                    "prevalence": float(p / k) if k else None,
                }
                for name, p, k in zip(labels, positive, known, strict=True)
            },
            "combinations": combination_histogram(labels, label),
            "patient_ids": sorted(set(patients[split])),
        }
    return summary
