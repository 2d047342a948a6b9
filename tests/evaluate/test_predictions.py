"""Predictions that do not belong together are refused."""

import dataclasses

import numpy as np
import pytest

from builders.predicted_study import evaluate_study
from synthjax.classifier.predict import write_predictions
from synthjax.core.errors import StudyError
from synthjax.data.dataset import Dataset
from synthjax.data.store.loader import Table


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("ids", "differ in id"),
        ("nan", "not finite"),
        ("missing", "has no seed"),
        ("count", "2 seeds of the arm real but 1"),
        ("other arm", r"mixed/seed3/predictions\.npz and .* differ in label"),
        ("valid", r"predictions_valid\.npz has logits that are not finite"),
        ("labels", "has 2 labels, the data has 3"),
    ],
)
def test_predictions_that_do_not_fit_are_refused(
    predicted_study, tmp_path, damage, message
) -> None:
    table = Dataset.open(predicted_study["data"]).table("test")
    logit = np.random.default_rng(0).normal(size=table.label.shape)
    other = Table(**{**vars(table), "id": np.char.add("x", table.id)})
    for arm in ("real", "synthetic"):
        for k in range(2):
            rows, values = table, logit
            if arm == "synthetic":
                if damage == "missing" or (damage == "count" and k == 1):
                    continue
                rows = other if damage == "ids" else table
                values = logit * np.nan if damage == "nan" else logit
            if damage == "labels":
                rows = dataclasses.replace(rows, label=rows.label[:, :2])
            path = tmp_path / arm / f"seed{k}" / "predictions.npz"
            write_predictions(path, rows, values)
    if damage == "other arm":
        rows = dataclasses.replace(table, label=1 - table.label)
        write_predictions(tmp_path / "mixed/seed3/predictions.npz", rows, logit)
    if damage == "valid":
        for k in range(2):
            path = tmp_path / "real" / f"seed{k}" / "predictions_valid.npz"
            write_predictions(path, table, logit * np.inf)
    with pytest.raises(StudyError, match=message):
        study = {**predicted_study, "classifier": tmp_path}
        evaluate_study(study, tmp_path / "out")
