"""How many patients a number rests on, and how unequally it rests on them.

An AUROC over images gives a patient with forty images forty times the weight of one with
one. Drawing patients with replacement then shows too little variance: by about a share of
sum(w^2), w the patient's share of the images, whose inverse is the effective number of
patients (Kish, Survey Sampling, 1965). The correction here is the expected one if a
patient's images are alike, as the jackknife and its relatives make it for regressions
(Bell and McCaffrey, Survey Methodology 28, 2002).
"""

import dataclasses
from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float, Shaped


@dataclasses.dataclass(frozen=True)
class PatientCounts:
    """What a mean over findings rests on; of each finding, both classes are counted."""

    rarest: int  # patients of the class that fewest have, of all findings
    df: float  # degrees of freedom of the variance that patients make, at least 1
    inflation: float  # factor on the variance of draws, at least 1
    unseen: float  # weight of one more patient of the rarer classes, 0 to 1

    @property
    def var_unseen(self) -> float:
        """Return the variance that a patient who was not met can make."""
        return (self.unseen / 2) ** 2


def count_patients(
    label: Float[np.ndarray, "n y"],
    patient: Shaped[np.ndarray, " n"],
    *,
    by_class: bool = True,
) -> PatientCounts:
    """Count the patients that a mean over findings rests on.

    Findings that are undefined, with one class only, are left out, as they are of means.

    Args:
        label: 0, 1 or NaN (unknown).
        patient: of each image.
        by_class: whether the number compares positives with negatives, as the AUROC
            does; False for a mean over all known images, such as the Brier score.
    """
    names, row = np.unique(patient, return_inverse=True)
    squares = spread = rarer = np.zeros(len(names))
    total = expected = 0.0
    rarest = len(names)
    for column in label.T:
        shares = list(_shares(column, row.ravel(), len(names), by_class))
        if not shares:
            continue
        counts = [int((share > 0).sum()) for share in shares]
        rarest = min(rarest, *counts)
        fewest = int(np.argmin(counts))
        rarer = rarer + (shares[fewest] > 0) / counts[fewest]
        for share, n in zip(shares, counts, strict=True):
            own_mean = np.sqrt(n / (n - 1)) if n > 1 else np.inf  # costs one degree
            squares = squares + np.where(share > 0, 1 / n**2, 0.0)
            spread = spread + np.where(share > 0, own_mean / n**2, 0.0)
            second, third = (share**2).sum(), (share**3).sum()
            total += second
            expected += second - 2 * third + second**2
    if not rarer.any():
        return PatientCounts(0, 1.0, 1.0, 1.0)
    # One finding: its patients. Several: those of all, as far as they are not the same.
    distinct = rarer.sum() ** 2 / (rarer**2).sum()
    df = float(squares.sum() ** 2 / (spread**2).sum())
    return PatientCounts(
        rarest=rarest,
        df=max(df, 1.0),
        inflation=float(total / expected) if expected > 0 else 1.0,
        unseen=float(1 / (distinct + 1)),
    )


def _shares(
    column: Float[np.ndarray, " n"], row: np.ndarray, patients: int, by_class: bool
) -> Iterator[Float[np.ndarray, " p"]]:
    """Yield the patients' shares of each class's images; nothing if a class is empty."""
    members: list[Bool[np.ndarray, " n"]] = [~np.isnan(column)]
    if by_class:
        members = [column == 1, column == 0]
    if all(member.any() for member in members):
        for member in members:
            images = np.bincount(row[member], minlength=patients)
            yield images / images.sum()
