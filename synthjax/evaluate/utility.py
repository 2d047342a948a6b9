"""Utility: what a classifier trained on synthetic images loses on real test images.

The primary number is the gap, mean AUROC of the real-trained classifier minus that of
the synthetic-trained one, on the same real test images, with a patient-clustered
paired bootstrap interval over patients and training seeds.
"""

from typing import Any

import numpy as np
from jaxtyping import Float

from synthjax.core.clock import progress
from synthjax.core.errors import StudyError
from synthjax.evaluate.config import EvaluateConfig
from synthjax.evaluate.predictions import Predictions
from synthjax.evaluate.statistics.bootstrap import PairedBootstrap, paired_bootstrap
from synthjax.evaluate.statistics.interval import Interval
from synthjax.evaluate.statistics.ranking import roc_curve, undefined_reason


def measure(
    config: EvaluateConfig, predictions: Predictions, seed: int
) -> dict[str, Any]:
    """All numbers of results.json; NaN is null there.

    Raises:
        StudyError: every label is undefined.
    """
    label, logit = predictions.label, predictions.logit
    reasons = [undefined_reason(column) for column in label.T]
    if all(reasons):
        raise StudyError(
            "no label has both classes among the test images, so no AUROC is defined: "
            "use more test images, or labels that occur"
        )
    total = sum(len(scores) * len(reasons) for scores in logit.values())
    bar: progress[Any] = progress(total=total, desc="bootstrap", unit="AUROCs")
    found = paired_bootstrap(
        label,
        logit["real"],
        logit["synthetic"],
        predictions.patient_id,
        replicates=config.replicates,
        level=config.level,
        generator=np.random.default_rng([seed, 0]),
        progress=bar.update,
    )
    bar.close()
    patients = len(np.unique(predictions.patient_id))
    seeds = len(logit["real"])
    undefined = [
        name for name, reason in zip(predictions.names, reasons, strict=True) if reason
    ]
    return {
        "verdict": verdict(
            found,
            level=config.level,
            findings=len(reasons) - len(undefined),
            undefined=undefined,
            images=len(label),
            patients=patients,
            seeds=seeds,
        ),
        "utility": {
            "mean": {
                "real": _arm(found.mean[0], found.seed_means[0]),
                "synthetic": _arm(found.mean[1], found.seed_means[1]),
                "gap": {
                    **_numbers(found.mean_gap),
                    "sd_patients": _number(found.gap_sd_patients),
                },
            },
            "labels": [
                _label(predictions, found, y, reason)
                for y, reason in enumerate(reasons)
            ],
        },
        "n_test_images": len(label),
        "n_test_patients": patients,
        "seeds": seeds,
        "undefined_labels": undefined,
        "curves": _curves(config, predictions, reasons),
        "bootstrap": {
            "replicates": config.replicates,
            "level": config.level,
            "seed": seed,
        },
    }


def verdict(
    found: PairedBootstrap,
    *,
    level: float,
    findings: int,
    undefined: list[str],
    images: int,
    patients: int,
    seeds: int,
) -> str:
    """The gap in one or two sentences, with its interval and what it rests on."""
    gap = found.mean_gap
    real, synthetic = (f"{arm.value:.3f}" for arm in found.mean)
    # The sign is that of the rounded number, so that -0.0004 does not read as a gain.
    shown = round(gap.value, 3)
    change = f"loses {shown:.3f}" if shown >= 0 else f"gains {-shown:.3f}"
    ends = (gap.low, gap.high) if shown >= 0 else (-gap.high, -gap.low)
    low, high = (round(end, 3) + 0.0 for end in ends)
    text = (
        f"A classifier trained on synthetic images {change} mean AUROC "
        f"({100 * level:g} % interval {low:.3f} to {high:.3f}; {_many(findings, 'finding')}, "
        f"n = {images:,} real test images of {_many(patients, 'patient')}, "
        f"{_many(seeds, 'seed')}): {real} real against {synthetic} synthetic."
    )
    if undefined:
        text += f" Left out, because undefined: {', '.join(undefined)}."
    return text


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _label(
    predictions: Predictions, found: PairedBootstrap, y: int, reason: str | None
) -> dict[str, Any]:
    column = predictions.label[:, y]
    entry: dict[str, Any] = {
        "name": predictions.names[y],
        "real": None,
        "synthetic": None,
        "gap": None,
        "n_positive": int(np.sum(column == 1)),
        "n": int(np.sum(~np.isnan(column))),
    }
    if reason:
        return {**entry, "undefined": reason}
    real, synthetic = found.labels[y]
    return {
        **entry,
        "real": _numbers(real),
        "synthetic": _numbers(synthetic),
        "gap": _numbers(found.label_gaps[y]),
        "replicates_left_out": found.left_out[y],
    }


def _curves(
    config: EvaluateConfig, predictions: Predictions, reasons: list[str | None]
) -> dict[str, Any]:
    """ROC curves averaged vertically over the seeds, on one grid of FPR."""
    # Squares: denser at the left, where curves are steep.
    rate = np.linspace(0, 1, config.roc_points) ** 2
    curves: dict[str, Any] = {"fpr": _rounded(rate), "labels": []}
    for y, (name, reason) in enumerate(zip(predictions.names, reasons, strict=True)):
        if reason:
            continue
        column = predictions.label[:, y]
        entry: dict[str, Any] = {"name": name}
        for arm, logit in predictions.logit.items():
            tpr = [roc_curve(column, scores[:, y], rate) for scores in logit]
            entry[arm] = _rounded(np.mean(tpr, axis=0))
        curves["labels"].append(entry)
    return curves


def _arm(interval: Interval, seeds: tuple[float, ...]) -> dict[str, Any]:
    return {**_numbers(interval), "seeds": [_number(value) for value in seeds]}


def _numbers(interval: Interval) -> dict[str, float | None]:
    return {name: _number(getattr(interval, name)) for name in ("value", "low", "high")}


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _rounded(values: Float[np.ndarray, " g"]) -> list[float]:
    return [round(float(value), 4) for value in values]
