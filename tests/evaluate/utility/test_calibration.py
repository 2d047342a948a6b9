"""Calibration of the arms before and after a line fitted on validation images."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import brier_score_loss

from builders.predicted_study import logits
from synthjax.data.dataset import Dataset


def test_calibration_before_and_after(results, predicted_study) -> None:
    found = results[0]["calibration"]
    assert found["bins"] == 15
    real, synthetic, mixed = found["arms"]
    assert mixed["after"] is None  # it has no validation logits
    label = Dataset.open(predicted_study["data"]).table("test").label
    known = ~np.isnan(label)
    squared = [
        brier_score_loss(label[known], expit(score[known]))
        for score in logits(predicted_study, "real")
    ]
    assert real["before"]["brier"] == pytest.approx(np.mean(squared), abs=1e-12)
    for name in ("ece", "slope", "intercept", "brier"):
        interval = real["before"]["intervals"][name]
        assert interval["value"] == real["before"][name]
        assert interval["low"] < interval["value"] < interval["high"]
    assert real["after"]["brier"] < real["before"]["brier"]
    assert real["after"]["ece"] < real["before"]["ece"]
    assert synthetic["after"]["ece"] < synthetic["before"]["ece"]
    assert sum(real["curve"]["n"]) == known.sum()
    assert len(real["curve"]["confidence"]) == 15
