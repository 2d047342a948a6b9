"""Whether the classifiers' probabilities can be believed, before and after mending.

A classifier trained at another prevalence ranks as well and is miscalibrated: a line
through its logits, fitted on real validation images, mends it. Both are shown.
"""

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from synthjax.evaluate.config import EvaluateConfig
from synthjax.evaluate.predictions import Logits, Predictions
from synthjax.statistics.calibration import Reliability, calibration, recalibrate
from synthjax.statistics.seed_patient_variance import estimate


def calibration_table(
    config: EvaluateConfig,
    predictions: Predictions,
    draws: Int[np.ndarray, "n draws"],
) -> dict[str, Any]:
    """ECE, slope, intercept and Brier of every arm, over all known labels of all images.

    Numbers are means over the seeds; so is the curve, bin by bin. The line fitted on
    validation images is taken as given in the intervals after it.

    Args:
        config: the section config.evaluate.
        predictions: of all arms, `after` where there are those of validation images.
        draws: of patients of the test images.
    """
    arms = []
    for name, logit in predictions.test.logit.items():
        before, curves = _measure(config, predictions.test, logit, draws)
        after = None
        if predictions.valid is not None and name in predictions.valid.logit:
            mended = _mend(predictions.valid, name, logit)
            after, _ = _measure(config, predictions.test, mended, draws)
        curve = {
            "confidence": _mean([c.confidence for c in curves]),
            "observed": _mean([c.observed for c in curves]),
            "n": curves[0].n.tolist(),
        }
        arms.append({"name": name, "before": before, "after": after, "curve": curve})
    return {"bins": config.calibration_bins, "arms": arms}


def _measure(
    config: EvaluateConfig,
    test: Logits,
    logit: Float[np.ndarray, "s n y"],
    draws: Int[np.ndarray, "n draws"],
) -> tuple[dict[str, Any], list[Reliability]]:
    """{"ece", "slope", "intercept", "brier", "intervals": the same}, and the curves."""
    found = [
        calibration(test.label, scores, draws, config.calibration_bins)
        for scores in logit
    ]
    patients = len(np.unique(test.patient_id))
    intervals = {}
    for name in ("ece", "slope", "intercept", "brier"):
        seeds = np.stack([getattr(each, name) for each in found])
        mean = estimate(seeds, n_effective=patients)
        bounded = name in ("ece", "brier")
        interval = (
            mean.logit_interval(config.level)
            if bounded
            else mean.interval(config.level)
        )
        intervals[name] = interval.numbers()
    values = {name: interval["value"] for name, interval in intervals.items()}
    return values | {"intervals": intervals}, [each.curve for each in found]


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
