"""Every arm in one table, and label fidelity on synthetic test images."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from builders.predicted_study import logits
from synthjax.data.dataset import Dataset


def test_every_arm_is_in_the_table(results) -> None:
    found, _ = results
    arms = found["arms"]
    assert [arm["name"] for arm in arms] == ["real", "synthetic", "mixed"]
    mean = found["utility"]["mean"]
    for arm, name in zip(arms[:2], ("real", "synthetic"), strict=True):
        assert arm["mean"] == {key: mean[name][key] for key in arm["mean"]}
    assert arms[0]["gap_to_real"] == {"value": 0, "low": 0, "high": 0}
    assert arms[1]["gap_to_real"] == found["primary"]["gap"]
    assert [(arm["seeds"], arm["n_train"]) for arm in arms] == [
        (2, None),
        (2, None),
        (2, 123),
    ]


def test_synthetic_test_images_show_label_fidelity(results, predicted_study) -> None:
    label = Dataset.open(predicted_study["synth"]).table("test").label
    for key, arm in (
        ("label_fidelity", "real"),
        ("synthetic_on_synthetic", "synthetic"),
    ):
        found = results[0][key]
        scores = logits(predicted_study, arm, "predictions_synthetic.npz")
        areas = [roc_auc_score(label[:, 1], score[:, 1]) for score in scores]
        entry = found["labels"][1]
        assert entry["auroc"]["value"] == pytest.approx(np.mean(areas), abs=1e-12)
        assert (entry["n_positive"], entry["n"]) == (20, 60)
        assert found["labels"][2]["auroc"] is None
        assert "no positive" in found["labels"][2]["undefined"]
        values = [entry["auroc"]["value"] for entry in found["labels"][:2]]
        assert found["mean"]["value"] == pytest.approx(np.mean(values), abs=1e-12)
