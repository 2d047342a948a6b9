"""Every arm beside the real one, and the classifiers on synthetic test images."""

from typing import Any

import numpy as np
from jaxtyping import Float

from synthjax.evaluate.config import EvaluateConfig
from synthjax.evaluate.predictions import Logits, Predictions
from synthjax.statistics.bootstrap import draw_patients, mean_over_labels, resample
from synthjax.statistics.roc import undefined_reason
from synthjax.statistics.seed_patient_variance import estimate


def arm_table(
    config: EvaluateConfig,
    predictions: Predictions,
    means: dict[str, Float[np.ndarray, "s draws"]],
) -> list[dict[str, Any]]:
    """Mean AUROC of every arm on real test images, and what it loses against real.

    Args:
        config: the section config.evaluate.
        predictions: of all arms.
        means: of each arm the mean AUROC of each seed in the sample and the draws.
    """
    patients = len(np.unique(predictions.test.patient_id))
    real = means["real"]
    table = []
    for name, mean in means.items():
        gap: dict[str, Any] = {
            "value": 0.0,
            "low": 0.0,
            "high": 0.0,
        }  # of the real arm to itself
        if name != "real":
            lost = estimate(real, mean, n_effective=patients)
            gap = lost.clipped_interval(config.level).numbers()
        table.append(
            {
                "name": name,
                "mean": estimate(mean, n_effective=patients)
                .logit_interval(config.level)
                .numbers(),
                "gap_to_real": gap,
                "seeds": len(mean),
                "n_train": predictions.n_train[name],
            }
        )
    return table


def on_synthetic(
    config: EvaluateConfig,
    predictions: Predictions,
    arm: str,
    generator: np.random.Generator,
) -> dict[str, Any] | None:
    """AUROC of an arm on synthetic test images against the labels they were made for.

    Of real-trained classifiers it is the label fidelity: whether a finding that was
    asked for is one that a classifier of real images sees. None if the arm has no
    predictions of synthetic images.
    """
    there: Logits | None = predictions.synthetic
    if there is None or arm not in there.logit:
        return None
    draws = draw_patients(there.patient_id, config.replicates, generator)
    areas = resample(there.label, there.logit[arm], draws).auroc
    labels = []
    for y, name in enumerate(predictions.names):
        column = there.label[:, y]
        reason = undefined_reason(column)
        entry: dict[str, Any] = {
            "name": name,
            "auroc": None,
            "n_positive": int(np.sum(column == 1)),
            "n": int(np.sum(~np.isnan(column))),
        }
        if reason:
            entry["undefined"] = reason
        else:
            rarer = rarer_patients(column, there.patient_id)
            found = estimate(areas[:, y], n_effective=rarer)
            entry["auroc"] = found.logit_interval(config.level).numbers()
        labels.append(entry)
    patients = len(np.unique(there.patient_id))
    mean = estimate(mean_over_labels(areas), n_effective=patients)
    return {"mean": mean.logit_interval(config.level).numbers(), "labels": labels}


def rarer_patients(label: Float[np.ndarray, " n"], patient: np.ndarray) -> int:
    """Patients with an image of the class that fewer patients have."""
    return min(len(np.unique(patient[label == value])) for value in (0, 1))
