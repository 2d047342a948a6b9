"""Whether the classifiers' probabilities can be believed, before and after mending.

A classifier trained at another prevalence ranks as well and is miscalibrated: a line
through its logits, fitted on real validation images, mends it. Both are shown.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from synthjax.evaluate.config import EvaluateConfig
from synthjax.evaluate.predictions import Logits, Predictions
from synthjax.evaluate.results.arms import (
    ArmCalibration,
    Calibration,
    CalibrationIntervals,
    CalibrationNumbers,
    ReliabilityCurve,
)
from synthjax.statistics.calibration import Reliability, calibration, recalibrate
from synthjax.statistics.interval import Interval
from synthjax.statistics.patient_counts import count_patients
from synthjax.statistics.seed_patient_variance import estimate


def measure_calibration(
    config: EvaluateConfig,
    predictions: Predictions,
    draws: Int[np.ndarray, "n draws"],
) -> Calibration:
    """Measure the calibration of every arm, over all known labels of all images.

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
            mended = _recalibrate(predictions.valid, name, logit)
            after, _ = _measure(config, predictions.test, mended, draws)
        curve = ReliabilityCurve(
            confidence=_mean([c.confidence for c in curves]),
            observed=_mean([c.observed for c in curves]),
            n=tuple(curves[0].n.tolist()),
        )
        arms.append(ArmCalibration(name=name, before=before, after=after, curve=curve))
    return Calibration(bins=config.calibration_bins, arms=tuple(arms))


def _measure(
    config: EvaluateConfig,
    test: Logits,
    logit: Float[np.ndarray, "s n y"],
    draws: Int[np.ndarray, "n draws"],
) -> tuple[CalibrationNumbers, list[Reliability]]:
    """Return the numbers with their intervals, and the curve of each seed."""
    found = [
        calibration(test.label, scores, draws, config.calibration_bins)
        for scores in logit
    ]
    patients = count_patients(test.label, test.patient_id, by_class=False)

    def interval(name: str) -> Interval:
        seeds = np.stack([getattr(each, name) for each in found])
        mean = estimate(seeds, patients=patients)
        if name in ("ece", "brier"):
            return mean.share_interval(config.level)
        return mean.interval(config.level)

    intervals = CalibrationIntervals(
        ece=interval("ece"),
        slope=interval("slope"),
        intercept=interval("intercept"),
        brier=interval("brier"),
    )
    numbers = CalibrationNumbers(
        ece=intervals.ece.value,
        slope=intervals.slope.value,
        intercept=intervals.intercept.value,
        brier=intervals.brier.value,
        intervals=intervals,
    )
    return numbers, [each.curve for each in found]


def _recalibrate(
    valid: Logits, arm: str, logit: Float[np.ndarray, "s n y"]
) -> Float[np.ndarray, "s n y"]:
    """Return test logits mended by a line for each seed and label."""
    mended = logit.copy()
    for s, y in np.ndindex(len(logit), logit.shape[2]):
        mended[s, :, y] = recalibrate(
            valid.label[:, y], valid.logit[arm][s, :, y], logit[s, :, y]
        )
    return mended


def _mean(values: Sequence[Float[np.ndarray, " bins"]]) -> tuple[float, ...]:
    return tuple(round(float(value), 6) for value in np.mean(values, axis=0))
