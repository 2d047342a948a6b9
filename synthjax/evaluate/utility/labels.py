"""The utility label by label: AUROC and more of both arms, with a test of the gap."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from synthjax.evaluate.config import EvaluateConfig
from synthjax.evaluate.predictions import Logits, Predictions
from synthjax.evaluate.results.json_form import ABSENT, Absent
from synthjax.evaluate.results.utility import (
    AveragePrecision,
    DeLongTest,
    LabelUtility,
    Sensitivity,
)
from synthjax.evaluate.utility.comparison import (
    ArmStatistics,
    compare_arms,
    compare_brier,
)
from synthjax.statistics.delong import delong
from synthjax.statistics.multiple_testing import holm
from synthjax.statistics.patient_counts import count_patients
from synthjax.statistics.seed_patient_variance import estimate


def measure_labels(
    config: EvaluateConfig,
    predictions: Predictions,
    statistics: ArmStatistics,
    reasons: Sequence[str | None],
) -> tuple[LabelUtility, ...]:
    """Measure the utility for each label.

    Args:
        config: the section config.evaluate.
        predictions: of all arms.
        statistics: of both arms, in every draw of patients.
        reasons: why each label is undefined, None where it is not.
    """
    p = np.full(len(reasons), np.nan)
    for y, reason in enumerate(reasons):
        if reason is None:
            p[y] = _p_of_gap(predictions.test, statistics, y)
    return tuple(
        _undefined(predictions, y, reason)
        if reason is not None
        else _defined(config, predictions, statistics, y, float(p[y]), float(adjusted))
        for y, (reason, adjusted) in enumerate(zip(reasons, holm(p), strict=True))
    )


def count_known(column: Float[np.ndarray, " n"]) -> tuple[int, int]:
    """Count the images with the finding and those with a known label."""
    return int(np.sum(column == 1)), int(np.sum(~np.isnan(column)))


def _undefined(predictions: Predictions, y: int, reason: str) -> LabelUtility:
    n_positive, n = count_known(predictions.test.label[:, y])
    return LabelUtility(
        name=predictions.names[y],
        real=None,
        synthetic=None,
        gap=None,
        n_positive=n_positive,
        n=n,
        undefined=reason,
    )


def _tables(
    statistics: ArmStatistics, name: str, y: int
) -> list[Float[np.ndarray, "s draws"]]:
    """Return one statistic of a label in every seed and draw, of both arms."""
    return [getattr(statistics.ranking[arm], name)[:, y] for arm in statistics.compared]


def _p_of_gap(test: Logits, statistics: ArmStatistics, y: int) -> float:
    areas = _tables(statistics, "auroc", y)
    patients = count_patients(test.label[:, [y]], test.patient_id)
    return estimate(*areas, patients=patients).p_different()


def _defined(
    config: EvaluateConfig,
    predictions: Predictions,
    statistics: ArmStatistics,
    y: int,
    p: float,
    p_holm: float,
) -> LabelUtility:
    test = predictions.test
    column, level = test.label[:, y], config.level
    n_positive, n = count_known(column)
    patients = count_patients(test.label[:, [y]], test.patient_id)
    known = count_patients(test.label[:, [y]], test.patient_id, by_class=False)
    areas = _tables(statistics, "auroc", y)
    area = compare_arms(areas, level, patients)
    precision = compare_arms(
        _tables(statistics, "average_precision", y), level, patients
    )
    sensitivity = compare_arms(_tables(statistics, "sensitivity", y), level, patients)
    brier = [statistics.brier[arm][:, y] for arm in statistics.compared]
    return LabelUtility(
        name=predictions.names[y],
        real=area.real,
        synthetic=area.synthetic,
        gap=area.gap,
        n_positive=n_positive,
        n=n,
        replicates_left_out=int(np.isnan(areas[0][0]).sum()),
        average_precision=AveragePrecision(
            comparison=precision.result(), prevalence=n_positive / n
        ),
        sensitivity=Sensitivity(
            specificity=config.specificity, comparison=sensitivity.result()
        ),
        brier=compare_brier(brier, level, known),
        delong=_delong(predictions, y, level),
        p=p,
        p_holm=p_holm,
        significant=bool(p_holm <= 1 - level),
    )


def _delong(predictions: Predictions, y: int, level: float) -> DeLongTest | Absent:
    """Test the first seeds by DeLong's method, which needs two images of each class."""
    test = predictions.test
    column = test.label[:, y]
    if min(np.sum(column == 0), np.sum(column == 1)) <= 1:
        return ABSENT
    first = np.stack([test.logit[arm][0, :, y] for arm in predictions.compared])
    interval, p = delong(column, first).difference(level)
    return DeLongTest(gap=interval, p=p)
