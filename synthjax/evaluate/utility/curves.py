"""ROC and precision-recall curves, averaged over the seeds."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from jaxtyping import Float

from synthjax.evaluate.predictions import Predictions
from synthjax.evaluate.results.arms import (
    PrecisionRecall,
    PrecisionRecallCurve,
    RocCurve,
    RocCurves,
)
from synthjax.statistics.roc import precision_recall_curve, roc_curve, undefined_reason


class Curve(Protocol):
    """A curve of one label, read at the points of a grid."""

    def __call__(
        self,
        label: Float[np.ndarray, " n"],
        score: Float[np.ndarray, " n"],
        grid: Float[np.ndarray, " g"],
        /,
    ) -> Float[np.ndarray, " g"]: ...


def roc_curves(points: int, predictions: Predictions) -> RocCurves:
    """Return true positive rates of both arms on one grid of false positive rates."""
    # Squares: denser at the left, where curves are steep.
    rate = np.linspace(0, 1, points) ** 2
    return RocCurves(
        fpr=_rounded(rate),
        labels=tuple(
            RocCurve(name=predictions.names[y], **means)
            for y, means in _mean_curves(roc_curve, rate, predictions)
        ),
    )


def precision_recall_curves(points: int, predictions: Predictions) -> PrecisionRecall:
    """Return precisions of both arms on one grid of recalls.

    The prevalence beside them is the precision of guessing.
    """
    recall = np.linspace(0, 1, points)
    return PrecisionRecall(
        recall=_rounded(recall),
        labels=tuple(
            PrecisionRecallCurve(
                name=predictions.names[y],
                **means,
                prevalence=float(np.nanmean(predictions.test.label[:, y])),
            )
            for y, means in _mean_curves(precision_recall_curve, recall, predictions)
        ),
    )


def _mean_curves(
    curve: Curve, grid: Float[np.ndarray, " g"], predictions: Predictions
) -> Iterator[tuple[int, dict[str, tuple[float, ...]]]]:
    """Yield the number of each defined label, and of each arm the mean over seeds."""
    test = predictions.test
    for y, column in enumerate(test.label.T):
        if undefined_reason(column) is not None:
            continue
        means = {}
        for name, arm in zip(("real", "synthetic"), predictions.compared, strict=True):
            seeds = [curve(column, score, grid) for score in test.logit[arm][:, :, y]]
            means[name] = _rounded(np.mean(seeds, axis=0))
        yield y, means


def _rounded(values: Float[np.ndarray, " g"]) -> tuple[float, ...]:
    return tuple(round(float(value), 4) for value in values)
