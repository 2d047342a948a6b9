"""ROC and precision-recall curves, averaged over the seeds."""

from typing import Any

import numpy as np
from jaxtyping import Float

from synthjax.evaluate.predictions import ARMS, Predictions
from synthjax.statistics.roc import precision_recall_curve, roc_curve, undefined_reason


def roc_curves(points: int, predictions: Predictions) -> dict[str, Any]:
    """True positive rates of both arms on one grid of false positive rates."""
    # Squares: denser at the left, where curves are steep.
    rate = np.linspace(0, 1, points) ** 2
    return {"fpr": _rounded(rate), "labels": _labels(roc_curve, rate, predictions)}


def precision_recall_curves(points: int, predictions: Predictions) -> dict[str, Any]:
    """Precision of both arms on one grid of recalls, with the prevalence, its floor."""
    recall = np.linspace(0, 1, points)
    labels = _labels(precision_recall_curve, recall, predictions)
    for entry in labels:
        column = predictions.test.label[:, predictions.names.index(entry["name"])]
        entry["prevalence"] = float(np.nanmean(column))
    return {"recall": _rounded(recall), "labels": labels}


def _labels(curve: Any, grid: np.ndarray, predictions: Predictions) -> list[dict]:
    entries = []
    for y, name in enumerate(predictions.names):
        column = predictions.test.label[:, y]
        if undefined_reason(column) is not None:
            continue
        entry: dict[str, Any] = {"name": name}
        for arm in ARMS:
            seeds = predictions.test.logit[arm][:, :, y]
            mean = np.mean([curve(column, score, grid) for score in seeds], axis=0)
            entry[arm] = _rounded(mean)
        entries.append(entry)
    return entries


def _rounded(values: Float[np.ndarray, " g"]) -> list[float]:
    return [round(float(value), 4) for value in values]
