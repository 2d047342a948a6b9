"""The gap in subgroups: whole patients, measured as the group alone."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from builders.predicted_study import CONFIG, NAMES, logits
from synthjax.data.dataset import Dataset
from synthjax.evaluate.predictions import load_predictions
from synthjax.evaluate.results.json_form import to_json
from synthjax.evaluate.utility.gap import measure_utility


def test_subgroups_are_whole_patients(results, predicted_study) -> None:
    """30 patients: 15 of one sex are too few, and one view is no group at all."""
    found, _ = results
    groups = found["subgroups"]
    assert [(g["by"], g["group"], g["patients"]) for g in groups] == [
        ("sex", "F", 15),
        ("sex", "M", 14),
        ("age", "under 40", 10),
        ("age", "60 to under 80", 10),
        ("age", "80 and over", 10),
    ]
    assert all(g["gap"] is None for g in groups)
    assert groups[0]["reason"] == "fewer than 20 patients"


@pytest.mark.slow
def test_subgroups_equal_the_group_alone(predicted_study) -> None:
    names, table = NAMES, Dataset.open(predicted_study["data"]).table("test")
    predictions = load_predictions(predicted_study["classifier"], names)
    table.view[:] = np.where(np.arange(60) < 44, "PA", "AP")
    table.sex[:] = ""
    order = np.random.default_rng(0).permutation(60)
    found = to_json(measure_utility(CONFIG, predictions, table.take(order), 0))
    found = found["subgroups"]
    ap, pa = (g for g in found if g["by"] == "view")
    assert (ap["group"], ap["n"], ap["reason"]) == ("AP", 16, "fewer than 20 patients")
    label = table.label[:44]
    for arm in ("real", "synthetic"):
        areas = []
        for y, score in itertools.product(range(2), logits(predicted_study, arm)):
            known = ~np.isnan(label[:, y])
            areas.append(roc_auc_score(label[known, y], score[:44][known, y]))
        assert pa[arm]["value"] == pytest.approx(np.mean(areas), abs=1e-12)
    assert pa["gap"]["low"] < pa["gap"]["value"] < pa["gap"]["high"]
    assert (pa["findings"], pa["patients"]) == (2, 22)
