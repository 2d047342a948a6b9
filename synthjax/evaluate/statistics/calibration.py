"""Whether a predicted probability is what happens: Brier, ECE, slope, recalibration."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import expit

_STEPS = 100  # of Newton's method, which needs about ten


@dataclass(frozen=True)
class Reliability:
    """Bins of equal numbers of predictions, by rising probability."""

    confidence: Float[np.ndarray, " b"]  # mean predicted probability
    observed: Float[np.ndarray, " b"]  # share of positives
    n: Int[np.ndarray, " b"]  # predictions

    @property
    def error(self) -> float:
        """The expected calibration error, 0..1."""
        distance = np.abs(self.confidence - self.observed)
        return float(np.sum(self.n * distance) / np.sum(self.n))


def reliability(
    label: Float[np.ndarray, " n"], probability: Float[np.ndarray, " n"], bins: int
) -> Reliability:
    """The predictions in bins of equal mass (their numbers differ by one at most).

    Bins of equal width leave most of them empty where a finding is rare. With fewer
    predictions than bins there are as many bins as predictions.

    Args:
        label: 0 or 1.
        probability: 0..1.
        bins: number of bins.
    """
    order = np.argsort(probability, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    return Reliability(
        confidence=np.array([probability[part].mean() for part in parts]),
        observed=np.array([label[part].mean() for part in parts]),
        n=np.array([len(part) for part in parts]),
    )


def brier(label: Float[np.ndarray, " n"], logit: Float[np.ndarray, " n"]) -> float:
    """Mean squared distance of the probability from what happened (Brier, 1950), 0..1."""
    return float(np.mean((expit(logit) - label) ** 2))


def calibration_line(
    target: Float[np.ndarray, " n"], logit: Float[np.ndarray, " n"]
) -> tuple[float, float]:
    """Slope and intercept of the logistic regression of what happened on the logit.

    1 and 0 are perfect; a slope below 1 is overconfidence (Cox, Biometrika 45, 1958).
    Maximum likelihood by Newton's method.

    Args:
        target: 0 or 1, or a probability.
        logit: finite.

    Returns:
        NaN and NaN if no slope is largest: one class, one logit, or classes that a
        threshold separates.
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
    for _ in range(_STEPS):
        chance = expit(design @ weight)
        gradient = design.T @ (chance - target)
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design
        if np.abs(gradient).max() < 1e-11 * len(logit):
            slope = float(weight[0] / spread)
            return slope, float(weight[1] - slope * centre)
        step = np.linalg.solve(curvature, gradient)
        while _loss(design @ (weight - step), target) > loss and np.any(step):
            step = step / 2 if np.abs(step).max() > 1e-12 else np.zeros(2)
        weight = weight - step
        loss = _loss(design @ weight, target)
    return undefined


def _separated(target: Float[np.ndarray, " n"], logit: Float[np.ndarray, " n"]) -> bool:
    if np.any((target != 0) & (target != 1)):
        return False
    positive, negative = logit[target == 1], logit[target == 0]
    return bool(positive.min() >= negative.max() or positive.max() <= negative.min())


def _loss(logit: Float[np.ndarray, " n"], target: Float[np.ndarray, " n"]) -> float:
    return float(np.sum(np.logaddexp(0.0, logit) - target * logit))


def recalibrate(
    label: Float[np.ndarray, " v"],
    logit: Float[np.ndarray, " v"],
    test_logit: Float[np.ndarray, " n"],
) -> Float[np.ndarray, " n"]:
    """Test logits put on the line that fits real validation images (Platt, 1999).

    Platt's targets, which keep a little doubt, so that the line is finite even where
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
