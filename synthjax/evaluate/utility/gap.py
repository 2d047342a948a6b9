"""Utility: what a classifier trained on synthetic images loses on real test images.

The primary number, named before, is the gap: mean AUROC of the real-trained classifiers
minus that of the synthetic-trained ones, on the same real test images, with an interval
over patients and training seeds. Everything else is measured on the same draws.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from synthjax.core import rng
from synthjax.core.errors import StudyError
from synthjax.data.listing import Metadata
from synthjax.evaluate.config import EvaluateConfig
from synthjax.evaluate.predictions import Logits, Predictions
from synthjax.evaluate.results.arms import Bootstrap
from synthjax.evaluate.results.results import Results
from synthjax.evaluate.results.utility import (
    ArmMean,
    GapMean,
    GapVariance,
    MeanUtility,
    Primary,
    Utility,
)
from synthjax.evaluate.utility.arms import list_arms, measure_on_synthetic
from synthjax.evaluate.utility.calibration import measure_calibration
from synthjax.evaluate.utility.comparison import (
    ArmStatistics,
    compare_arms,
    compare_brier,
    resample_arms,
)
from synthjax.evaluate.utility.curves import precision_recall_curves, roc_curves
from synthjax.evaluate.utility.labels import measure_labels
from synthjax.evaluate.utility.subgroups import measure_subgroups, same_images
from synthjax.evaluate.verdict import (
    constant_scores,
    explain_outcome,
    few_patients,
    write_verdict,
)
from synthjax.statistics.bootstrap import draw_patients, mean_over_labels
from synthjax.statistics.noninferiority import Outcome, conclude
from synthjax.statistics.roc import on_host_device, undefined_reason
from synthjax.statistics.seed_patient_variance import METHOD, Estimate, estimate


def measure_utility(
    config: EvaluateConfig, predictions: Predictions, metadata: Metadata, seed: int
) -> Results:
    """Measure all that comes from the classifiers' predictions.

    Args:
        config: the section config.evaluate.
        predictions: of all arms.
        metadata: of the test split, whose sex, age and view make the subgroups.
        seed: of the study; the draws depend on it.

    Returns:
        The results without the parts that need images.

    Raises:
        StudyError: every label is undefined, or the metadata lacks test images.
    """
    test = predictions.test
    metadata = same_images(metadata, test.id)
    reasons = _undefined_reasons(test)
    draws = draw_patients(
        test.patient_id, config.replicates, rng.host_generator(seed, "test patients")
    )
    statistics = resample_arms(config, predictions, draws)
    areas = {
        arm: mean_over_labels(found.auroc) for arm, found in statistics.ranking.items()
    }
    gap = estimate(
        *(areas[arm] for arm in predictions.compared), patients=statistics.patients
    )
    utility = Utility(
        mean=_mean(config, statistics, areas, gap),
        labels=measure_labels(config, predictions, statistics, reasons),
    )
    primary = _primary(config, predictions, gap, utility.mean, areas)
    return Results(
        verdict=write_verdict(
            utility,
            primary,
            level=config.level,
            images=len(test.label),
            patients=statistics.n_patients,
            seeds=len(test.logit["real"]),
        ),
        primary=primary,
        utility=utility,
        n_test_images=len(test.label),
        n_test_patients=statistics.n_patients,
        seeds=len(test.logit["real"]),
        undefined_labels=tuple(
            label.name for label in utility.labels if label.gap is None
        ),
        arms=list_arms(config, predictions, areas),
        label_fidelity=measure_on_synthetic(config, predictions, "real", seed),
        synthetic_on_synthetic=measure_on_synthetic(
            config, predictions, predictions.compared[1], seed
        ),
        subgroups=measure_subgroups(
            config, predictions, metadata, on_host_device(draws)
        ),
        calibration=measure_calibration(config, predictions, draws),
        curves=roc_curves(config.roc_points, predictions),
        precision_recall=precision_recall_curves(config.roc_points, predictions),
        bootstrap=Bootstrap(
            replicates=config.replicates, level=config.level, seed=seed
        ),
    )


def _undefined_reasons(test: Logits) -> list[str | None]:
    """Return why each label has no AUROC, None where it has one.

    Raises:
        StudyError: none has one.
    """
    reasons = [undefined_reason(column) for column in test.label.T]
    if all(reasons):
        raise StudyError(
            "no label has both classes among the test images, so no AUROC is defined: "
            "use more test images, or labels that occur"
        )
    return reasons


def _primary(
    config: EvaluateConfig,
    predictions: Predictions,
    gap: Estimate,
    mean: MeanUtility,
    areas: Mapping[str, Float[np.ndarray, "s draws"]],
) -> Primary:
    """Test the one endpoint named before, with the variance of the gap by source."""
    above_control = None
    if "real_shuffled" in areas:
        control = estimate(areas["real"], areas["real_shuffled"], patients=gap.patients)
        above_control = control.share_interval(config.level)
    outcome = conclude(
        gap,
        mean.real.auroc,
        config.margin,
        level=config.level,
        above_control=above_control,
    )
    p = gap.p_below(config.margin)
    sentences = [
        explain_outcome(outcome, mean, margin=config.margin, p=p, level=config.level),
        few_patients(predictions.test, predictions.names)
        if outcome is Outcome.TOO_FEW_PATIENTS
        else "",
        constant_scores(predictions),
    ]
    method = METHOD
    if np.isnan(gap.var_seeds).any():
        method += "; with one seed in each arm the chance of training is not in it"
    return Primary(
        endpoint="mean AUROC gap",
        arm=predictions.compared[1],
        gap=gap.share_interval(config.level),
        margin=config.margin,
        p_noninferior=p,
        noninferior=outcome is Outcome.SHOWN,
        outcome=outcome,
        conclusion=" ".join(filter(None, sentences)),
        variance=GapVariance(
            patients=gap.var_patients,
            seeds_real=gap.var_seeds[0],
            seeds_synthetic=gap.var_seeds[1],
        ),
        method=method,
    )


def _mean(
    config: EvaluateConfig,
    statistics: ArmStatistics,
    areas: Mapping[str, Float[np.ndarray, "s draws"]],
    gap: Estimate,
) -> MeanUtility:
    """Average over the defined labels: both arms, and their difference."""
    level, patients = config.level, statistics.patients
    compared = [areas[arm] for arm in statistics.compared]
    auroc = compare_arms(compared, level, patients)
    real, synthetic = (tuple(area[:, 0].tolist()) for area in compared)
    precision = [
        mean_over_labels(statistics.ranking[arm].average_precision)
        for arm in statistics.compared
    ]
    # Of the labels that have an AUROC, so that all means are of the same ones.
    undefined = np.isnan(statistics.ranking["real"].auroc[:1, :, :1])
    brier = [
        mean_over_labels(np.where(undefined, np.nan, statistics.brier[arm]))
        for arm in statistics.compared
    ]
    return MeanUtility(
        real=ArmMean(auroc=auroc.real, seeds=real),
        synthetic=ArmMean(auroc=auroc.synthetic, seeds=synthetic),
        gap=GapMean(auroc=gap.share_interval(level), sd_patients=gap.var_patients**0.5),
        average_precision=compare_arms(precision, level, patients).result(),
        brier=compare_brier(brier, level, statistics.patients_known),
    )
