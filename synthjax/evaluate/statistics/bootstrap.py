"""The patient-clustered, paired bootstrap of AUROCs and their gap."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from synthjax.evaluate.statistics.interval import Interval, percentile_interval
from synthjax.evaluate.statistics.ranking import replicated_auroc


@dataclass(frozen=True)
class PairedBootstrap:
    """What `paired_bootstrap` returns; gap is first arm minus second arm."""

    mean: tuple[Interval, Interval]  # mean AUROC over the defined labels, per arm
    mean_gap: Interval  # gap of the mean AUROC
    labels: tuple[tuple[Interval, Interval], ...]  # per label, per arm; NaN: undefined
    label_gaps: tuple[Interval, ...]  # gap per label
    seed_means: tuple[tuple[float, ...], tuple[float, ...]]  # mean AUROC of each seed
    gap_sd_patients: float  # standard deviation of the mean gap, patients alone drawn
    left_out: tuple[int, ...]  # replicates in which each label had one class only


def patient_multiplicity(
    patient: np.ndarray, replicates: int, generator: np.random.Generator
) -> Int[np.ndarray, "n r"]:
    """How often each image is in each bootstrap draw of whole patients.

    Every draw takes as many patients as there are, with replacement; all images of a
    patient come along as often as the patient does.
    """
    names, row = np.unique(patient, return_inverse=True)
    count = np.empty((len(names), replicates), np.int32)
    for r in range(replicates):
        drawn = generator.integers(len(names), size=len(names))
        count[:, r] = np.bincount(drawn, minlength=len(names))
    return count[row.ravel()]


def _mean_over(
    values: Float[np.ndarray, "y r"], use: Bool[np.ndarray, "y r"]
) -> Float[np.ndarray, " r"]:
    """Mean over labels of the entries in use; NaN where there are none."""
    count = use.sum(axis=0)
    total = np.where(use, values, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def paired_bootstrap(
    label: Float[np.ndarray, "n y"],
    first: Float[np.ndarray, "s n y"],
    second: Float[np.ndarray, "t n y"],
    patient: np.ndarray,
    *,
    replicates: int,
    level: float,
    generator: np.random.Generator,
    progress=lambda: None,
) -> PairedBootstrap:
    """Percentile intervals of AUROCs of two arms on the same images and of their gap.

    Each replicate draws whole patients with replacement, one draw for both arms, all
    seeds and all labels (so the comparison is paired and images of one patient stay
    together), and then, independently in each arm, as many training seeds as there are
    with replacement. Both sources of chance are thus in the interval: who was tested
    and how the training happened to go. With few seeds the second is underestimated,
    by (s - 1) / s in variance, and with one seed it is absent.

    An estimate is the mean over seeds of the AUROC of each seed. A label that has one
    class only is left out of both arms' means: of the estimate if it lacks it in the
    sample, of the replicate if it lacks it in the replicate.

    Args:
        label: 0, 1 or NaN (unknown).
        first, second: finite scores of each training seed of each arm.
        patient: [n] the patient of each image.
        replicates: number of bootstrap replicates.
        level: coverage of the interval, for instance 0.95.
        generator: source of the draws.
        progress: called once for every label, seed and arm done.
    """
    arms = (np.asarray(first, np.float64), np.asarray(second, np.float64))
    n_labels = label.shape[1]
    multiplicity = patient_multiplicity(patient, replicates, generator)
    # Column 0 is the sample itself, the replicates follow.
    multiplicity = np.concatenate(
        [np.ones((len(label), 1), np.int32), multiplicity], axis=1
    )
    drawn = [generator.integers(len(a), size=(len(a), replicates)) for a in arms]
    seeds = [np.empty((len(a), n_labels, replicates + 1)) for a in arms]
    for arm, scores in enumerate(arms):
        for s, y in np.ndindex(len(scores), n_labels):
            seeds[arm][s, y] = replicated_auroc(
                label[:, y], scores[s, :, y], multiplicity
            )
            progress()

    # [y, 1 + replicates] of each arm: mean over the seeds, all in column 0, the drawn
    # ones in the replicates.
    patients_only = [arm.mean(axis=0) for arm in seeds]
    nested = []
    for arm, table in enumerate(patients_only):
        table = table.copy()
        picked = np.take_along_axis(
            seeds[arm][:, :, 1:], drawn[arm][:, None, :], axis=0
        )
        table[:, 1:] = picked.mean(axis=0)
        nested.append(table)
    # Whether a class is missing depends on the images alone, so it is so in both arms.
    use = ~np.isnan(nested[0]) & ~np.isnan(nested[0][:, :1])
    means = [_mean_over(table, use) for table in nested]
    only = [_mean_over(table, use) for table in patients_only]
    gap, gap_only = means[0] - means[1], (only[0] - only[1])[1:]

    def interval(values: np.ndarray) -> Interval:
        return percentile_interval(float(values[0]), values[1:], level)

    return PairedBootstrap(
        mean=(interval(means[0]), interval(means[1])),
        mean_gap=interval(gap),
        labels=tuple(
            (interval(nested[0][y]), interval(nested[1][y])) for y in range(n_labels)
        ),
        label_gaps=tuple(
            interval(nested[0][y] - nested[1][y]) for y in range(n_labels)
        ),
        seed_means=(
            tuple(_mean_over(seeds[0][:, :, 0].T, use[:, :1]).tolist()),
            tuple(_mean_over(seeds[1][:, :, 0].T, use[:, :1]).tolist()),
        ),
        gap_sd_patients=float(np.nanstd(gap_only)) if use[:, 0].any() else float("nan"),
        left_out=tuple(np.isnan(nested[0][:, 1:]).sum(axis=1).tolist()),
    )
