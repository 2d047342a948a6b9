"""Areas under the ROC curve and their patient-clustered, paired bootstrap.

Everything here is float64 numpy on the host and exact: ties count one half, unknown
labels are masked, an area that is not defined is NaN with a reason, and an area below
one half is reported as it is.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

# Replicates worked on at once: 512 of 10,000 images take 40 MB.
BLOCK = 512


@dataclass(frozen=True)
class Interval:
    """A point estimate and its percentile interval."""

    value: float  # estimate on the sample itself
    low: float  # lower end of the interval, NaN if no replicate was defined
    high: float  # upper end of the interval, NaN if no replicate was defined


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


def undefined_reason(label: Float[np.ndarray, " n"]) -> str | None:
    """Says why the AUROC of a label column (0, 1, NaN = unknown) is undefined.

    Returns None where it is defined.
    """
    positives = int(np.sum(label == 1))
    negatives = int(np.sum(label == 0))
    if positives and negatives:
        return None
    if not positives and not negatives:
        return "no image with a known label"
    missing, n = ("positive", negatives) if not positives else ("negative", positives)
    return f"no {missing} image among {n} with a known label"


def auroc(
    label: Float[np.ndarray, " n"],
    score: Float[np.ndarray, " n"],
    weight: Float[np.ndarray, " n"] | None = None,
) -> float:
    """Area under the ROC curve, the probability of ranking a positive above a negative.

    Args:
        label: 0 or 1; NaN (unknown) rows are left out.
        score: any monotone score, for instance a logit.
        weight: case weights >= 0, by default one each.

    Returns:
        The area in 0..1, ties counted one half; NaN if a class is missing.
    """
    multiplicity = np.ones(len(label)) if weight is None else np.asarray(weight)
    return float(replicated_auroc(label, score, multiplicity[:, None])[0])


def replicated_auroc(
    label: Float[np.ndarray, " n"],
    score: Float[np.ndarray, " n"],
    multiplicity: Float[np.ndarray, "n r"],
) -> Float[np.ndarray, " r"]:
    """AUROC of each of r resamples given as case multiplicities; sorts only once.

    A resample with one class only is NaN.
    """
    negatives, positives = np.flatnonzero(label == 0), np.flatnonzero(label == 1)
    negatives = negatives[np.argsort(score[negatives], kind="stable")]
    below = np.searchsorted(score[negatives], score[positives], side="left")
    not_above = np.searchsorted(score[negatives], score[positives], side="right")
    tied = np.flatnonzero(not_above > below)
    result = np.full(multiplicity.shape[1], np.nan)
    for start in range(0, multiplicity.shape[1], BLOCK):
        block = multiplicity[:, start : start + BLOCK].astype(np.float64)
        beaten = np.zeros((len(negatives) + 1, block.shape[1]))
        # Row by row: several times faster than np.cumsum along the first axis.
        for i, row in enumerate(negatives):
            np.add(beaten[i], block[row], out=beaten[i + 1])
        wins = beaten[below]
        wins[tied] = 0.5 * (wins[tied] + beaten[not_above[tied]])
        weights = block[positives]
        pairs = weights.sum(axis=0) * beaten[-1]
        defined = pairs > 0
        total = np.einsum("pr,pr->r", wins, weights)
        result[start : start + BLOCK][defined] = total[defined] / pairs[defined]
    return result


def roc_curve(
    label: Float[np.ndarray, " n"],
    score: Float[np.ndarray, " n"],
    false_positive_rate: Float[np.ndarray, " g"],
) -> Float[np.ndarray, " g"]:
    """True positive rate of the ROC curve at given false positive rates (0..1).

    Cases of one score lie on one straight piece, and of a vertical piece the upper end
    is taken. NaN labels are left out.

    Raises:
        ValueError: a class is missing.
    """
    if undefined_reason(label) is not None:
        raise ValueError(f"ROC curve: {undefined_reason(label)}")
    known = ~np.isnan(label)
    label, score = label[known], score[known]
    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)
    hits = np.cumsum(label[order] == 1)[last]
    alarms = np.cumsum(label[order] == 0)[last]
    x = np.concatenate([[0.0], alarms / alarms[-1]])
    y = np.concatenate([[0.0], hits / hits[-1]])
    right = np.searchsorted(x, false_positive_rate, side="right")
    exact = x[right - 1] == false_positive_rate
    return np.where(exact, y[right - 1], np.interp(false_positive_rate, x, y))


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


def _interval(value: float, draws: Float[np.ndarray, " r"], level: float) -> Interval:
    draws = draws[~np.isnan(draws)]
    if np.isnan(value) or not len(draws):
        return Interval(value, float("nan"), float("nan"))
    tail = (1 - level) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Interval(value, float(low), float(high))


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
        return _interval(float(values[0]), values[1:], level)

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
