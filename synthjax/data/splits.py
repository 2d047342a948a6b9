"""Patient-disjoint splits: drawn from a seed, audited, and described in splits.json."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from synthjax.core.clock import say
from synthjax.core.errors import ConfigError, StudyError
from synthjax.data.cohorts import combination_histogram
from synthjax.data.schema import SPLITS

_STREAM = 0x5B117  # keeps this generator apart from others with the same seed


def check_fractions(fractions: tuple[float, ...]) -> None:
    """Raise ConfigError unless there is one share per split and they sum to 1."""
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
    """Deal whole patients to the splits.

    Args:
        patient_ids: the patient of each image.
        fractions: share of the patients per split, in the order of SPLITS, sum 1.
        seed: another seed deals another way; the order of the images does not matter.

    Returns:
        For each split the numbers of its images, ascending.

    Raises:
        StudyError: there are too few patients for one in each split.
    """
    patients = sorted(set(patient_ids))
    if len(patients) < len(SPLITS):
        raise StudyError(
            f"{len(patients)} patient(s) cannot be dealt to {len(SPLITS)} splits that "
            "share none; give more patients, or check the patient column."
        )
    shuffled = np.random.default_rng((seed, _STREAM)).permutation(len(patients))
    cuts = np.rint(np.cumsum(fractions)[:-1] * len(patients)).astype(int)
    for number in range(len(cuts)):  # at least one patient each, whatever the rounding
        low = number + 1
        high = len(patients) - (len(cuts) - number)
        earlier = cuts[number - 1] + 1 if number else low
        cuts[number] = min(max(cuts[number], low, earlier), high)
    split_of: dict[str, str] = {}
    for split, members in zip(SPLITS, np.split(shuffled, cuts), strict=True):
        split_of.update({patients[member]: split for member in members})
    images: dict[str, list[int]] = {split: [] for split in SPLITS}
    for number, patient in enumerate(patient_ids):
        images[split_of[patient]].append(number)
    return images


def given_splits(words: Sequence[str]) -> dict[str, list[int]]:
    """The numbers of the images of each split, from the split that each one names.

    Raises:
        StudyError: a split has no image.
    """
    images: dict[str, list[int]] = {split: [] for split in SPLITS}
    for number, word in enumerate(words):
        images[word].append(number)
    for split, members in images.items():
        if not members:
            raise StudyError(
                f"no image is in the split {split!r}: the split column must give each "
                f"of {', '.join(SPLITS)} some images of patients of its own."
            )
    return images


def audit(patients: Mapping[str, Iterable[str]]) -> None:
    """Raise StudyError, naming the patient, if one is in two splits.

    Args:
        patients: split -> patient ids of its images.
    """
    seen: dict[str, str] = {}
    for split, members in patients.items():
        for patient in set(members):
            if patient in seen:
                raise StudyError(
                    f"patient {patient!r} is in the splits {seen[patient]!r} and "
                    f"{split!r}: the test result would be too good. Deal the splits "
                    "by patient."
                )
            seen[patient] = split


def describe(
    labels: tuple[str, ...],
    images: Mapping[str, Sequence[np.ndarray]],
    patients: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """What splits.json says about each split; warns of labels without positives.

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
        for name, count, told in zip(labels, positive, known, strict=True):
            if told == 0:
                say(f"{name!r} is unknown in all {len(label)} {split} images")
            elif count == 0:
                say(f"no positive of {name!r} among the {len(label)} {split} images")
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
