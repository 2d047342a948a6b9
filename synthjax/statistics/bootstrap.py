"""The patient bootstrap: whole patients drawn, everything measured in each draw."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from jaxtyping import Array, Bool, Float, Int, Shaped

from synthjax.statistics.roc import (
    SPECIFICITY,
    Ranking,
    on_host_device,
    replicated_ranking,
)

THREADS = min(8, os.cpu_count() or 1)  # labels and seeds measured at once
CHUNK = 500  # draws of a matrix product: 40 MB for 10,000 images


@dataclass(frozen=True)
class Resampled:
    """Statistics of each seed and label, in the sample and in every draw of patients.

    Along `draws`, column 0 is the sample itself; NaN where a class is missing.
    """

    auroc: Float[np.ndarray, "s y draws"]
    average_precision: Float[np.ndarray, "s y draws"]
    sensitivity: Float[np.ndarray, "s y draws"]


def draw_patients(
    patient: Shaped[np.ndarray, " n"],
    replicates: int,
    generator: np.random.Generator,
) -> Int[np.ndarray, "n draws"]:
    """Draw whole patients, and count how often each image is in each draw.

    Every draw takes as many patients as there are, with replacement; all images of a
    patient come along as often as the patient does. One set of draws serves all arms,
    seeds and labels: comparisons are paired.

    Args:
        patient: of each image.
        replicates: number of draws.
        generator: draws the patients.

    Returns:
        Column 0 is the sample itself, which has each image once; the draws follow.
    """
    names, row = np.unique(patient, return_inverse=True)
    count = np.ones((len(names), 1 + replicates), np.int16)
    for r in range(replicates):
        drawn = generator.integers(len(names), size=len(names))
        count[:, 1 + r] = np.bincount(drawn, minlength=len(names))
    return count[row.ravel()]


def resample(
    label: Float[np.ndarray, "n y"],
    logit: Float[np.ndarray, "s n y"],
    multiplicity: Shaped[np.ndarray, "n draws"] | Shaped[Array, "n draws"],
    *,
    specificity: float = SPECIFICITY,
    progress: Callable[[], object] = lambda: None,
) -> Resampled:
    """Rank every seed and label once and measure all draws.

    Args:
        label: 0, 1 or NaN (unknown).
        logit: finite scores of each training seed.
        multiplicity: what `draw_patients` returned.
        specificity: at which the sensitivity is taken.
        progress: called once for every seed and label done.
    """

    resident = on_host_device(multiplicity)

    def rank(index: tuple[int, ...]) -> Ranking:
        s, y = index
        return replicated_ranking(label[:, y], logit[s, :, y], resident, specificity)

    rankings = []
    with ThreadPoolExecutor(THREADS) as pool:
        for ranking in pool.map(rank, np.ndindex(len(logit), label.shape[1])):
            rankings.append(ranking)
            progress()
    shape = (len(logit), label.shape[1], resident.shape[1])
    return Resampled(
        *(
            np.stack([getattr(ranking, name) for ranking in rankings]).reshape(shape)
            for name in ("auroc", "average_precision", "sensitivity")
        )
    )


def resample_mean(
    label: Float[np.ndarray, "n y"],
    values: Float[np.ndarray, "s n y"],
    multiplicity: Shaped[np.ndarray, "n draws"],
    *,
    chunk: int = CHUNK,
) -> Float[np.ndarray, "s y draws"]:
    """Average a value of each image over the known images of each label, in all draws.

    Args:
        label: only which are NaN (unknown) counts.
        values: of each training seed, image and label.
        multiplicity: what `draw_patients` returned.
        chunk: draws at a time.
    """
    known = (~np.isnan(label)).T.astype(np.float64)
    seeds, n, labels = values.shape
    rows = np.where(known.T, values, 0.0).swapaxes(1, 2).reshape(seeds * labels, n)
    total = resample_sums(rows, multiplicity, chunk=chunk).reshape(seeds, labels, -1)
    count = resample_sums(known, multiplicity, chunk=chunk)
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def resample_sums(
    rows: Float[np.ndarray, "q n"],
    multiplicity: Shaped[np.ndarray, "n draws"],
    *,
    chunk: int = CHUNK,
) -> Float[np.ndarray, "q draws"]:
    """Sum values of each image over the images of each draw, `chunk` draws at a time."""
    sums = np.empty((len(rows), multiplicity.shape[1]))
    for start in range(0, multiplicity.shape[1], chunk):
        part = slice(start, start + chunk)
        sums[:, part] = rows @ multiplicity[:, part].astype(np.float64)
    return sums


def mean_over_labels(
    values: Float[np.ndarray, "s y draws"],
) -> Float[np.ndarray, "s draws"]:
    """Average over the labels that are defined; NaN where none is.

    A label that has one class only is left out: of the estimate and of all draws if it
    lacks it in the sample, of a draw if it lacks it there. Whether it does depends on
    the images alone, so the same labels are in the means of all seeds and arms.
    """
    use: Bool[np.ndarray, "s y draws"] = ~np.isnan(values) & ~np.isnan(values[..., :1])
    count = use.sum(axis=1)
    total = np.where(use, values, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
