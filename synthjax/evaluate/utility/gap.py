"""Utility: what a classifier trained on synthetic images loses on real test images.

The primary number, named before, is the gap: mean AUROC of the real-trained classifiers
minus that of the synthetic-trained ones, on the same real test images, with an interval
over patients and training seeds. Everything else is measured on the same draws.
"""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import expit

from synthjax.core.clock import progress
from synthjax.core.errors import StudyError
from synthjax.data.listing import Metadata
from synthjax.evaluate.config import EvaluateConfig
from synthjax.evaluate.predictions import ARMS, Predictions
from synthjax.evaluate.utility.arms import arm_table, on_synthetic, rarer_patients
from synthjax.evaluate.utility.calibration import calibration_table
from synthjax.evaluate.utility.curves import precision_recall_curves, roc_curves
from synthjax.evaluate.utility.subgroups import same_images, subgroups
from synthjax.evaluate.verdict import verdict
from synthjax.statistics.bootstrap import (
    Resampled,
    draw_patients,
    mean_over_labels,
    resample,
    resample_mean,
)
from synthjax.statistics.delong import delong
from synthjax.statistics.interval import number
from synthjax.statistics.multiple_testing import holm
from synthjax.statistics.roc import on_host_device, undefined_reason
from synthjax.statistics.seed_patient_variance import METHOD, Estimate, estimate


@dataclasses.dataclass(frozen=True)
class Measured:
    """The statistics of every arm, in the sample and in every draw of patients."""

    ranking: dict[str, Resampled]  # of every arm
    brier: dict[str, Float[np.ndarray, "s y draws"]]  # of the two that are compared
    patients: int  # in the test set

    def compare(
        self,
        tables: dict[str, Float[np.ndarray, "s draws"]],
        level: float,
        n_effective: int,
    ) -> dict[str, dict[str, float | None]]:
        """{"real", "synthetic", "gap"} of one number of each arm, with intervals.

        Args:
            tables: the number of each seed and draw, between 0 and 1, of both arms.
            level: of the intervals.
            n_effective: patients that it rests on.
        """
        pair = [tables[arm] for arm in ARMS]
        arms = {
            arm: estimate(table, n_effective=n_effective)
            .logit_interval(level)
            .numbers()
            for arm, table in zip(ARMS, pair, strict=True)
        }
        return arms | {
            "gap": estimate(*pair, n_effective=n_effective)
            .clipped_interval(level)
            .numbers()
        }


def measure(
    config: EvaluateConfig, predictions: Predictions, rows: Metadata, seed: int
) -> dict[str, Any]:
    """All numbers of results.json that come from the classifiers; NaN is null there.

    Args:
        config: the section config.evaluate.
        predictions: of all arms.
        rows: the test split's, whose sex, age and view make the subgroups.
        seed: of the study; the draws depend on it.

    Raises:
        StudyError: every label is undefined, or rows lacks test images.
    """
    test = predictions.test
    rows = same_images(rows, test.id)
    reasons = [undefined_reason(column) for column in test.label.T]
    if all(reasons):
        raise StudyError(
            "no label has both classes among the test images, so no AUROC is defined: "
            "use more test images, or labels that occur"
        )
    draws = draw_patients(
        test.patient_id, config.replicates, np.random.default_rng([seed, 0])
    )
    measured = _resample_arms(config, predictions, draws)
    areas = {
        arm: mean_over_labels(found.auroc) for arm, found in measured.ranking.items()
    }
    gap = estimate(*(areas[arm] for arm in ARMS), n_effective=measured.patients)
    undefined = [
        name for name, reason in zip(predictions.names, reasons, strict=True) if reason
    ]
    primary = _primary(config, gap)
    mean = _mean(config, measured, areas, gap)
    synthetic_draws = [np.random.default_rng([seed, 1]) for _ in range(2)]
    return {
        "verdict": verdict(
            mean,
            primary,
            level=config.level,
            findings=len(reasons) - len(undefined),
            undefined=undefined,
            images=len(test.label),
            patients=measured.patients,
            seeds=len(test.logit["real"]),
        ),
        "primary": primary,
        "utility": {
            "mean": mean,
            "labels": _labels(config, predictions, measured, reasons),
        },
        "n_test_images": len(test.label),
        "n_test_patients": measured.patients,
        "seeds": len(test.logit["real"]),
        "undefined_labels": undefined,
        "arms": arm_table(config, predictions, areas),
        "label_fidelity": on_synthetic(config, predictions, "real", synthetic_draws[0]),
        "synthetic_on_synthetic": on_synthetic(
            config, predictions, "synthetic", synthetic_draws[1]
        ),
        "subgroups": subgroups(config, test, rows, on_host_device(draws)),
        "calibration": calibration_table(config, predictions, draws),
        "curves": roc_curves(config.roc_points, predictions),
        "precision_recall": precision_recall_curves(config.roc_points, predictions),
        "bootstrap": {
            "replicates": config.replicates,
            "level": config.level,
            "seed": seed,
        },
    }


def _resample_arms(
    config: EvaluateConfig, predictions: Predictions, draws: np.ndarray
) -> Measured:
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
    squares = {arm: (expit(test.logit[arm]) - test.label) ** 2 for arm in ARMS}
    brier = {
        arm: resample_mean(test.label, value, draws) for arm, value in squares.items()
    }
    return Measured(ranking, brier, len(np.unique(test.patient_id)))


def _primary(config: EvaluateConfig, gap: Estimate) -> dict[str, Any]:
    """The one test named before: its margin, its p and the variance by source."""
    p = gap.p_below(config.margin)
    method = METHOD
    if np.isnan(gap.var_seeds).any():
        method += "; with one seed in each arm the chance of training is not in it"
    return {
        "endpoint": "mean AUROC gap",
        "gap": gap.clipped_interval(config.level).numbers(),
        "margin": config.margin,
        "p_noninferior": number(p),
        # One-sided at the half of what the interval leaves out: its upper end decides.
        "noninferior": p <= (1 - config.level) / 2,
        "variance": {
            "patients": number(gap.var_patients),
            "seeds_real": number(gap.var_seeds[0]),
            "seeds_synthetic": number(gap.var_seeds[1]),
        },
        "method": method,
    }


def _mean(
    config: EvaluateConfig,
    measured: Measured,
    areas: dict[str, Float[np.ndarray, "s draws"]],
    gap: Estimate,
) -> dict[str, Any]:
    """Means over the defined labels: of both arms, and of their difference."""
    level, patients = config.level, measured.patients
    mean: dict[str, Any] = measured.compare(areas, level, patients)
    for arm in ARMS:
        mean[arm]["seeds"] = [number(value) for value in areas[arm][:, 0]]
    mean["gap"]["sd_patients"] = number(gap.var_patients**0.5)
    precision = {
        arm: mean_over_labels(measured.ranking[arm].average_precision) for arm in ARMS
    }
    mean["average_precision"] = measured.compare(precision, level, patients)
    # Of the labels that have an AUROC, so that all means are of the same ones.
    undefined = np.isnan(measured.ranking["real"].auroc[:1, :, :1])
    brier = {
        arm: mean_over_labels(np.where(undefined, np.nan, measured.brier[arm]))
        for arm in ARMS
    }
    mean["brier"] = _brier(measured, brier, level, patients)
    return mean


def _brier(
    measured: Measured,
    tables: dict[str, Float[np.ndarray, "s draws"]],
    level: float,
    n_effective: int,
) -> dict[str, Any]:
    found = measured.compare(tables, level, n_effective)
    return {arm: found[arm]["value"] for arm in ARMS} | {"gap": found["gap"]}


def _labels(
    config: EvaluateConfig,
    predictions: Predictions,
    measured: Measured,
    reasons: list[str | None],
) -> list[dict[str, Any]]:
    """An entry for each label; of an undefined one the reason."""
    entries, p = [], np.full(len(reasons), np.nan)
    for y, reason in enumerate(reasons):
        column = predictions.test.label[:, y]
        entry: dict[str, Any] = {
            "name": predictions.names[y],
            "real": None,
            "synthetic": None,
            "gap": None,
            "n_positive": int(np.sum(column == 1)),
            "n": int(np.sum(~np.isnan(column))),
        }
        if reason:
            entry["undefined"] = reason
        else:
            p[y] = _fill(entry, config, predictions, measured, y)
        entries.append(entry)
    for entry, raw, adjusted in zip(entries, p, holm(p), strict=True):
        if entry["gap"] is not None:
            entry["p"], entry["p_holm"] = number(raw), number(adjusted)
            entry["significant"] = bool(adjusted <= 1 - config.level)
    return entries


def _fill(
    entry: dict[str, Any],
    config: EvaluateConfig,
    predictions: Predictions,
    measured: Measured,
    y: int,
) -> float:
    """Writes the numbers of a defined label; returns the p of its gap."""
    test = predictions.test
    column, level = test.label[:, y], config.level
    n_effective = rarer_patients(column, test.patient_id)

    def table(name: str) -> dict[str, Float[np.ndarray, "s draws"]]:
        return {arm: getattr(measured.ranking[arm], name)[:, y] for arm in ARMS}

    areas = table("auroc")
    entry |= measured.compare(areas, level, n_effective)
    entry["replicates_left_out"] = int(np.isnan(areas["real"][0]).sum())
    entry["average_precision"] = {
        **measured.compare(table("average_precision"), level, n_effective),
        "prevalence": entry["n_positive"] / entry["n"],
    }
    entry["sensitivity"] = {
        "specificity": config.specificity,
        **measured.compare(table("sensitivity"), level, n_effective),
    }
    brier = {arm: measured.brier[arm][:, y] for arm in ARMS}
    entry["brier"] = _brier(measured, brier, level, measured.patients)
    if min(entry["n_positive"], entry["n"] - entry["n_positive"]) > 1:
        first = np.stack([test.logit[arm][0, :, y] for arm in ARMS])
        interval, p = delong(column, first).difference(level)
        entry["delong"] = {**interval.numbers(), "p": number(p)}
    return estimate(
        *(areas[arm] for arm in ARMS), n_effective=n_effective
    ).p_different()
