"""Whether a predicted probability is what happens: Brier, ECE, slope, recalibration."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Shaped
from scipy.special import expit

from synthjax.statistics.bootstrap import resample_sums

MAX_STEPS = 100  # of Newton's method, which needs about ten


@dataclass(frozen=True)
class Reliability:
    """Bins of equal numbers of predictions, by rising probability."""

    confidence: Float[np.ndarray, " b"]  # mean predicted probability
    observed: Float[np.ndarray, " b"]  # share of positives
    n: Int[np.ndarray, " b"]  # predictions


@dataclass(frozen=True)
class Calibration:
    """Calibration of one classifier in the sample (column 0) and draws of patients."""

    ece: Float[np.ndarray, " draws"]  # expected calibration error, 0..1
    slope: Float[np.ndarray, " draws"]  # of `calibration_line`; NaN: there is none
    intercept: Float[np.ndarray, " draws"]
    brier: Float[np.ndarray, " draws"]  # mean squared error of the probability, 0..1
    curve: Reliability  # in the sample


def calibration(
    label: Float[np.ndarray, "n y"],
    logit: Float[np.ndarray, "n y"],
    multiplicity: Shaped[np.ndarray, "n draws"],
    bins: int,
) -> Calibration:
    """Measure the calibration over all known labels of all images.

    The expected calibration error is the mean distance of what was predicted from what
    was observed in bins of equal mass (their numbers differ by one at most): bins of
    equal width are nearly all empty where findings are rare. Draws keep the bins of the
    sample, and take one step of Newton's method from the sample's line.

    Args:
        label: 0, 1 or NaN (unknown).
        logit: finite.
        multiplicity: what `draw_patients` returned.
        bins: number of bins; with fewer predictions there are as many as predictions.
    """
    n = len(label)
    known = ~np.isnan(label)
    image = np.nonzero(known)[0]
    truth, scores = label[known].astype(np.float64), logit[known]
    chance = expit(scores)
    parts = np.array_split(np.argsort(chance, kind="stable"), min(bins, len(truth)))

    def of_images(values: np.ndarray, rows: np.ndarray) -> Float[np.ndarray, " n"]:
        return np.bincount(rows, weights=values, minlength=n)

    slope, intercept = calibration_line(truth, scores)
    fitted = expit(slope * scores + intercept)
    error, weight = fitted - truth, fitted * (1 - fitted)
    values = [
        np.ones_like(truth),
        (chance - truth) ** 2,
        error * scores,
        error,
        weight * scores**2,
        weight * scores,
        weight,
    ]
    sums = resample_sums(
        np.stack(
            [of_images(value, image) for value in values]
            + [of_images((chance - truth)[part], image[part]) for part in parts]
        ),
        multiplicity,
    )
    count = np.where(sums[0] > 0, sums[0], np.nan)  # a draw may have no known label
    slopes, intercepts = _newton_step(slope, intercept, sums[2:7])
    return Calibration(
        ece=np.abs(sums[7:]).sum(axis=0) / count,
        slope=slopes,
        intercept=intercepts,
        brier=sums[1] / count,
        curve=Reliability(
            confidence=np.array([chance[part].mean() for part in parts]),
            observed=np.array([truth[part].mean() for part in parts]),
            n=np.array([len(part) for part in parts]),
        ),
    )


def _newton_step(
    slope: float, intercept: float, sums: Float[np.ndarray, "5 draws"]
) -> tuple[Float[np.ndarray, " draws"], Float[np.ndarray, " draws"]]:
    """Move a line by one step of Newton's method in each draw.

    Args:
        slope: of the line.
        intercept: of the line.
        sums: gradient of the loss by both, and its second derivatives: by the slope
            twice, by both, and by the intercept twice.
    """
    g1, g0, h11, h10, h00 = sums
    determinant = h11 * h00 - h10**2
    determinant = np.where(determinant > 0, determinant, np.nan)
    return (
        slope - (h00 * g1 - h10 * g0) / determinant,
        intercept - (h11 * g0 - h10 * g1) / determinant,
    )


def calibration_line(
    target: Float[np.ndarray, " n"], logit: Float[np.ndarray, " n"]
) -> tuple[float, float]:
    """Fit the logistic regression of what happened on the logit: slope and intercept.

    1 and 0 are perfect; a slope below 1 is overconfidence (Cox, Biometrika 45, 1958).
    Maximum likelihood by Newton's method.

    Args:
        target: 0 or 1, or a probability.
        logit: finite.

    Returns:
        NaN and NaN where the likelihood has no maximum: one class, one logit, or classes
        that a threshold separates.
    """
    spread = logit.std()
    undefined = float("nan"), float("nan")
    if spread == 0 or np.ptp(target) == 0 or _separated(target, logit):
        return undefined
    # Of standardised logits, and halved until the likelihood rises: it then converges
    # from anywhere.
    centre = logit.mean()
    design = np.stack([(logit - centre) / spread, np.ones(len(logit))], axis=1)
    weight = np.zeros(2)
    loss = _loss(design @ weight, target)
    for _ in range(MAX_STEPS):
        chance = expit(design @ weight)
        gradient = design.T @ (chance - target)
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design
        step = np.linalg.solve(curvature, gradient)
        near = float(gradient @ step) < 1e-8  # so that one more step is exact
        while not near and _loss(design @ (weight - step), target) > loss:
            step = step / 2
        weight = weight - step
        if near:
            slope = float(weight[0] / spread)
            return slope, float(weight[1] - slope * centre)
        loss = _loss(design @ weight, target)
    return undefined


def _separated(target: Float[np.ndarray, " n"], logit: Float[np.ndarray, " n"]) -> bool:
    """Say whether a threshold of the logit tells the classes apart."""
    if np.any((target != 0) & (target != 1)):
        return False
    positive, negative = logit[target == 1], logit[target == 0]
    return bool(positive.min() >= negative.max() or positive.max() <= negative.min())


def _loss(logit: Float[np.ndarray, " n"], target: Float[np.ndarray, " n"]) -> float:
    """Return the cross-entropy of the targets, which Newton's method makes least."""
    return float(np.sum(np.logaddexp(0.0, logit) - target * logit))


def recalibrate(
    label: Float[np.ndarray, " v"],
    logit: Float[np.ndarray, " v"],
    test_logit: Float[np.ndarray, " n"],
) -> Float[np.ndarray, " n"]:
    """Put test logits on the line that fits real validation images (Platt, 1999).

    Platt's targets keep a little doubt, so that the line is finite even where
    validation separates the classes. With one class there is no line: the logits stay.

    Args:
        label: of the validation images, 0, 1 or NaN (left out).
        logit: of the validation images.
        test_logit: of the test images.
    """
    positive, negative = np.sum(label == 1), np.sum(label == 0)
    if not positive or not negative:
        return test_logit
    known = ~np.isnan(label)
    target = np.where(
        label[known] == 1, (positive + 1) / (positive + 2), 1 / (negative + 2)
    )
    slope, intercept = calibration_line(target, logit[known])
    if np.isnan(slope):
        return test_logit
    return slope * test_logit + intercept
