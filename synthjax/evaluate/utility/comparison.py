"""The statistics of all arms on the same draws of patients, and how two arms compare."""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.special import expit

from synthjax.core.clock import progress
from synthjax.evaluate.config import EvaluateConfig
from synthjax.evaluate.predictions import Predictions
from synthjax.evaluate.results.utility import ArmComparison, Brier
from synthjax.statistics.bootstrap import Resampled, resample, resample_mean
from synthjax.statistics.interval import Interval
from synthjax.statistics.patient_counts import PatientCounts, count_patients
from synthjax.statistics.roc import on_host_device
from synthjax.statistics.seed_patient_variance import estimate


@dataclasses.dataclass(frozen=True)
class ArmStatistics:
    """The statistics of every arm, in the sample and in every draw of patients."""

    compared: tuple[str, str]  # the real and the primary arm
    ranking: dict[str, Resampled]  # of every arm
    brier: dict[str, Float[np.ndarray, "s y draws"]]  # of the two that are compared
    n_patients: int  # in the test set
    patients: PatientCounts  # that means of numbers by class rest on
    patients_known: PatientCounts  # that means over all known images rest on


def resample_arms(
    config: EvaluateConfig, predictions: Predictions, draws: Int[np.ndarray, "n draws"]
) -> ArmStatistics:
    """Compute the statistics of every arm on the test images, in every draw."""
    test = predictions.test
    total = sum(len(scores) * test.label.shape[1] for scores in test.logit.values())
    bar: progress[Any] = progress(total=total, desc="bootstrap", unit="rankings")
    resident = on_host_device(draws)
    ranking = {
        arm: resample(
            test.label,
            scores,
            resident,
            specificity=config.specificity,
            progress=bar.update,
        )
        for arm, scores in test.logit.items()
    }
    bar.close()
    squares = {
        arm: (expit(test.logit[arm]) - test.label) ** 2 for arm in predictions.compared
    }
    brier = {
        arm: resample_mean(test.label, value, draws) for arm, value in squares.items()
    }
    counts = (
        count_patients(test.label, test.patient_id, by_class=by_class)
        for by_class in (True, False)
    )
    n_patients = len(np.unique(test.patient_id))
    return ArmStatistics(predictions.compared, ranking, brier, n_patients, *counts)


class ArmIntervals(NamedTuple):
    """A number of both arms, and their difference."""

    real: Interval
    synthetic: Interval
    gap: Interval  # real minus synthetic

    def result(self) -> ArmComparison:
        """Return it as results.json has it."""
        return ArmComparison(real=self.real, synthetic=self.synthetic, gap=self.gap)


def compare_arms(
    tables: Sequence[Float[np.ndarray, "s draws"]],
    level: float,
    patients: PatientCounts,
) -> ArmIntervals:
    """Compare one number of the real and the primary arm, with intervals.

    Args:
        tables: the number of each seed and draw, between 0 and 1, of both arms.
        level: coverage of the intervals.
        patients: that the number rests on.
    """
    real, synthetic = tables
    return ArmIntervals(
        real=estimate(real, patients=patients).share_interval(level),
        synthetic=estimate(synthetic, patients=patients).share_interval(level),
        gap=estimate(real, synthetic, patients=patients).share_interval(level),
    )


def compare_brier(
    tables: Sequence[Float[np.ndarray, "s draws"]],
    level: float,
    patients: PatientCounts,
) -> Brier:
    """Compare the Brier scores of both arms; see `compare_arms`."""
    comparison = compare_arms(tables, level, patients)
    return Brier(
        real=comparison.real.value,
        synthetic=comparison.synthetic.value,
        gap=comparison.gap,
    )
