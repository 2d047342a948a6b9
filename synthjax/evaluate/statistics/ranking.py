"""Areas under the ROC curve, exactly.

Ties count one half, unknown labels are masked, an area that is not defined is NaN with a
reason, and an area below one half is reported as it is.
"""

import numpy as np
from jaxtyping import Float

# Replicates worked on at once: 512 of 10,000 images take 40 MB.
BLOCK = 512


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
