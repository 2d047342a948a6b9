"""Whether the classifiers' probabilities can be believed, before and after mending.

A classifier trained at another prevalence ranks as well and is miscalibrated: a line
through its logits, fitted on real validation images, mends it. Both are shown.
"""

from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import expit

from synthjax.evaluate.config import EvaluateConfig
from synthjax.evaluate.predictions import Logits, Predictions
from synthjax.evaluate.statistics.calibration import (
    Reliability,
    brier,
    calibration_line,
    recalibrate,
    reliability,
)
from synthjax.evaluate.statistics.interval import number


def calibration(config: EvaluateConfig, predictions: Predictions) -> dict[str, Any]:
    """ECE, slope, intercept and Brier of every arm, over all known labels of all images.

    Numbers are means over the seeds; so is the curve, bin by bin.
    """
    arms = []
    for name, logit in predictions.test.logit.items():
        label = predictions.test.label
        before, curves = _measure(label, logit, config.calibration_bins)
        after = None
        if predictions.valid is not None and name in predictions.valid.logit:
            mended = _mend(predictions.valid, name, logit)
            after, _ = _measure(label, mended, config.calibration_bins)
        curve = {
            "confidence": _mean([c.confidence for c in curves]),
            "observed": _mean([c.observed for c in curves]),
            "n": curves[0].n.tolist(),
        }
        arms.append({"name": name, "before": before, "after": after, "curve": curve})
    return {"bins": config.calibration_bins, "arms": arms}


def _measure(
    label: Float[np.ndarray, "n y"], logit: Float[np.ndarray, "s n y"], bins: int
) -> tuple[dict[str, float | None], list[Reliability]]:
    known = ~np.isnan(label)
    truth = label[known].astype(np.float64)
    curves, rows = [], []
    for scores in logit:
        scores = scores[known]
        curve = reliability(truth, expit(scores), bins)
        rows.append(
            (curve.error, *calibration_line(truth, scores), brier(truth, scores))
        )
        curves.append(curve)
    means = np.mean(rows, axis=0)
    names = ("ece", "slope", "intercept", "brier")
    return {n: number(x) for n, x in zip(names, means, strict=True)}, curves


def _mend(
    valid: Logits, arm: str, logit: Float[np.ndarray, "s n y"]
) -> Float[np.ndarray, "s n y"]:
    mended = logit.copy()
    for s, y in np.ndindex(len(logit), logit.shape[2]):
        mended[s, :, y] = recalibrate(
            valid.label[:, y], valid.logit[arm][s, :, y], logit[s, :, y]
        )
    return mended


def _mean(values: list[np.ndarray]) -> list[float]:
    return [round(float(value), 6) for value in np.mean(values, axis=0)]
