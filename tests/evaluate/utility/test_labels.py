"""The utility label by label: every number, and labels that are undefined."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import average_precision_score, brier_score_loss

from builders.predicted_study import logits
from synthjax.data.dataset import Dataset


def test_undefined_labels_are_named(results) -> None:
    found, _ = results
    never = found["utility"]["labels"][2]
    assert (never["real"], never["synthetic"], never["gap"]) == (None, None, None)
    assert never["undefined"] == "no positive image among 60 with a known label"
    assert (never["n_positive"], never["n"]) == (0, 60)
    assert found["undefined_labels"] == ["Never"]
    assert [label["n"] for label in found["utility"]["labels"]] == [50, 60, 60]
    assert [label["n_positive"] for label in found["utility"]["labels"]] == [25, 20, 0]


def test_each_label_has_every_number(results, predicted_study) -> None:
    found, _ = results
    label = Dataset.open(predicted_study["data"]).table("test").label
    scores = {arm: logits(predicted_study, arm) for arm in ("real", "synthetic")}
    p = []
    for y, entry in enumerate(found["utility"]["labels"][:2]):
        known = ~np.isnan(label[:, y])
        truth = label[known, y]
        for arm in scores:
            seeds = scores[arm][:, known, y]
            precision = [average_precision_score(truth, score) for score in seeds]
            value = entry["average_precision"][arm]["value"]
            assert value == pytest.approx(np.mean(precision), abs=1e-12)
            squared = [brier_score_loss(truth, expit(score)) for score in seeds]
            assert entry["brier"][arm] == pytest.approx(np.mean(squared), abs=1e-12)
        prevalence = entry["average_precision"]["prevalence"]
        assert prevalence == entry["n_positive"] / entry["n"]
        assert entry["sensitivity"]["specificity"] == 0.9
        for arm in ("real", "synthetic"):
            interval = entry["sensitivity"][arm]
            assert 0 <= interval["low"] <= interval["value"] <= interval["high"] <= 1
        assert entry["delong"]["low"] < entry["delong"]["value"]
        assert entry["p"] <= entry["p_holm"]
        assert entry["significant"] == (entry["p_holm"] <= 0.05)
        p.append(entry["p"])
    assert found["utility"]["labels"][np.argmin(p)]["p_holm"] == min(1, 2 * min(p))
    mean = found["utility"]["mean"]
    labels = found["utility"]["labels"][:2]
    for arm in ("real", "synthetic"):
        values = [entry["brier"][arm] for entry in labels]
        assert mean["brier"][arm] == pytest.approx(np.mean(values), abs=1e-12)
        values = [entry["average_precision"][arm]["value"] for entry in labels]
        value = mean["average_precision"][arm]["value"]
        assert value == pytest.approx(np.mean(values), abs=1e-12)
    assert "average_precision" not in found["utility"]["labels"][2]
