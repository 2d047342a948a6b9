"""The gap in results.json: means over seeds, the verdict, the primary endpoint."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from builders.predicted_study import CONFIG, NAMES
from synthjax.core.errors import StudyError
from synthjax.data.dataset import Dataset
from synthjax.evaluate.predictions import load_predictions
from synthjax.evaluate.results.json_form import to_json
from synthjax.evaluate.utility.gap import measure_utility
from synthjax.statistics.gap import gap_interval


@pytest.mark.slow
def test_values_are_means_over_seeds(results, predicted_study) -> None:
    found, _ = results
    expected = {}
    for arm in ("real", "synthetic"):
        areas = np.zeros((2, 2))
        for k in range(2):
            path = predicted_study["classifier"] / arm / f"seed{k}" / "predictions.npz"
            with np.load(path) as file:
                for y in range(2):
                    known = ~np.isnan(file["label"][:, y])
                    areas[k, y] = roc_auc_score(
                        file["label"][known, y], file["logit"][known, y]
                    )
        expected[arm] = areas
        mean = found["utility"]["mean"][arm]
        assert mean["value"] == pytest.approx(areas.mean(), abs=1e-12)
        assert mean["seeds"] == pytest.approx(areas.mean(axis=1), abs=1e-12)
        for y in range(2):
            value = found["utility"]["labels"][y][arm]["value"]
            assert value == pytest.approx(areas[:, y].mean(), abs=1e-12)
    gap = found["utility"]["mean"]["gap"]
    difference = expected["real"].mean() - expected["synthetic"].mean()
    assert gap["value"] == pytest.approx(difference, abs=1e-12)
    assert gap["low"] < gap["value"] < gap["high"]


def test_counts_curves_and_verdict(results) -> None:
    found, _ = results
    assert (found["n_test_images"], found["n_test_patients"]) == (60, 30)
    assert found["seeds"] == 2
    assert found["bootstrap"] == {"replicates": 50, "level": 0.95, "seed": 3}
    curves = found["curves"]
    assert [entry["name"] for entry in curves["labels"]] == ["One", "Two"]
    assert (curves["fpr"][0], curves["fpr"][-1], len(curves["fpr"])) == (0, 1, 11)
    for entry in curves["labels"]:
        for arm in ("real", "synthetic"):
            assert len(entry[arm]) == 11
            assert entry[arm][-1] == 1
            assert np.all(np.diff(entry[arm]) >= 0)
    mean = found["utility"]["mean"]
    assert found["verdict"] == (
        "A classifier trained on synthetic images loses "
        f"{mean['gap']['value']:.3f} mean AUROC (95 % interval "
        f"{mean['gap']['low']:.3f} to {mean['gap']['high']:.3f}; 2 findings, n = 60 real "
        f"test images of 30 patients, 2 seeds): {mean['real']['value']:.3f} real against "
        f"{mean['synthetic']['value']:.3f} synthetic. Non-inferiority at the margin of "
        f"0.05 is not shown (p = {found['primary']['p_noninferior']:.3f}). "
        "Left out, because undefined: Never."
    )


def test_primary_endpoint_is_one_with_a_margin(results) -> None:
    primary = results[0]["primary"]
    mean = results[0]["utility"]["mean"]["gap"]
    assert primary["endpoint"] == "mean AUROC gap"
    assert primary["gap"] == {key: mean[key] for key in ("value", "low", "high")}
    assert primary["margin"] == 0.05
    assert primary["noninferior"] == (mean["high"] < 0.05)
    assert primary["variance"]["patients"] == pytest.approx(mean["sd_patients"] ** 2)
    assert set(primary["variance"]) == {"patients", "seeds_real", "seeds_synthetic"}
    assert "Student's t" in primary["method"]
    assert primary["outcome"] == "not shown"


def test_an_older_study_has_no_other_predictions(predicted_study, tmp_path) -> None:
    """And with one seed in each arm the chance of training is said to be absent."""
    for arm in ("real", "synthetic"):
        folder = tmp_path / arm / "seed0"
        folder.mkdir(parents=True)
        source = predicted_study["classifier"] / arm / "seed0" / "predictions.npz"
        (folder / "predictions.npz").write_bytes(source.read_bytes())
    predictions = load_predictions(tmp_path, NAMES)
    table = Dataset.open(predicted_study["data"]).table("test")
    found = to_json(measure_utility(CONFIG, predictions, table, 0))
    assert found["label_fidelity"] is found["synthetic_on_synthetic"] is None
    assert all(arm["after"] is None for arm in found["calibration"]["arms"])
    assert found["primary"]["variance"]["seeds_real"] is None
    assert found["primary"]["gap"]["low"] < found["primary"]["gap"]["value"]
    assert "chance of training is not in it" in found["primary"]["method"]
    with pytest.raises(StudyError, match="does not have, such as 'r000'"):
        measure_utility(CONFIG, predictions, table.take(range(1, 60)), 0)


def test_the_gap_is_that_of_the_one_call(results, predicted_study) -> None:
    """What results.json says of the mean gap, `gap_interval` gives to the last bit."""
    tests = {
        arm: [
            np.load(
                predicted_study["classifier"] / arm / f"seed{k}" / "predictions.npz"
            )
            for k in range(2)
        ]
        for arm in ("real", "synthetic")
    }
    first = tests["real"][0]
    logits = [np.stack([file["logit"] for file in files]) for files in tests.values()]
    found = gap_interval(
        first["label"],
        *logits,
        first["patient_id"],
        level=CONFIG.level,
        replicates=CONFIG.replicates,
        seed=3,
    )
    primary, mean = results[0]["primary"], results[0]["utility"]["mean"]
    assert primary["gap"] == {"value": found.gap, "low": found.low, "high": found.high}
    assert primary["p_noninferior"] == found.p_noninferior(primary["margin"])
    assert primary["variance"]["patients"] == found.estimate.var_patients
    for arm in ("real", "synthetic"):
        interval = {end: mean[arm][end] for end in ("value", "low", "high")}
        assert interval == getattr(found, arm).numbers()
    assert (found.labels, found.images, found.patients) == (2, 60, 30)
