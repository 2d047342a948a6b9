"""results.json of the classifiers: its keys, numbers, verdict, and what it refuses."""

import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.special import expit
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from synthjax.classifier.predict import write_predictions
from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.core.errors import ConfigError, StudyError
from synthjax.core.files import write_json
from synthjax.data.schema import Record, Schema
from synthjax.data.store.loader import Table, read_split
from synthjax.data.store.write import write_set
from synthjax.evaluate.attribution.config import AttributionConfig
from synthjax.evaluate.config import EvaluateConfig
from synthjax.evaluate.fidelity.config import FidelityConfig
from synthjax.evaluate.neighbours.config import NeighboursConfig
from synthjax.evaluate.pictures.label_grids import typical_combinations
from synthjax.evaluate.predictions import load_predictions
from synthjax.evaluate.results.json_form import to_json
from synthjax.evaluate.run import evaluate
from synthjax.evaluate.utility.gap import measure_utility
from synthjax.statistics.gap import gap_interval

NAMES = ("One", "Two", "Never")
CONFIG = EvaluateConfig(
    replicates=50,
    roc_points=11,
    grid_rows=3,
    fidelity=FidelityConfig(encoders=()),
    neighbours=NeighboursConfig(images=0),  # there are predictions, no classifiers
    attribution=AttributionConfig(images=0),
)
DEVICES = make_devices(DevicesConfig(count=1))


def records(prefix: str):
    for i in range(60):
        label = np.array([i % 2, i % 3 == 0, 0], np.float32)
        if i >= 50:
            label[0] = np.nan
        shade = int(40 * label[0] if i < 50 else 150) + (100 if prefix == "s" else 0)
        yield Record(
            id=f"{prefix}{i:03d}",
            pixels=np.full((16, 16, 1), shade, np.uint8),
            label=label,
            patient_id=f"{prefix}-p{i // 2}",
            sex="FM"[i // 2 % 2] if i < 58 else "",
            age=[30, 65, 90][i // 2 % 3],
            view="PA",
        )


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("utility")
    schema = Schema("toy", NAMES, 16, 1)
    for name, prefix in (("data", "r"), ("synth", "s")):
        write_set(folder / name, schema, {"test": records(prefix)}, None)
    generator = np.random.default_rng(1)
    tables = {
        "predictions.npz": read_split(folder / "data", "test"),
        "predictions_valid.npz": read_split(folder / "data", "test"),
        "predictions_synthetic.npz": read_split(folder / "synth", "test"),
    }
    for arm, strength in (("real", 3.0), ("synthetic", 1.0), ("mixed", 2.0)):
        for k in range(2):
            seed = folder / "classifier" / arm / f"seed{k}"
            for name, table in tables.items():
                signal = strength * np.nan_to_num(table.label)
                logit = signal + generator.normal(size=signal.shape)
                if arm != "mixed" or name == "predictions.npz":
                    write_predictions(seed / name, table, logit)
            if arm == "mixed":
                write_json(seed / "config.json", {"n_train": 123})
    return {name: folder / name for name in ("data", "synth", "classifier")}


@pytest.fixture(scope="module")
def results(inputs, tmp_path_factory) -> tuple[dict, Path]:
    out = tmp_path_factory.mktemp("evaluate")
    evaluate(CONFIG, seed=3, out=out, devices=DEVICES, **inputs)
    return json.loads((out / "results.json").read_text()), out


def test_values_are_means_over_seeds(results, inputs) -> None:
    found, _ = results
    expected = {}
    for arm in ("real", "synthetic"):
        areas = np.zeros((2, 2))
        for k in range(2):
            path = inputs["classifier"] / arm / f"seed{k}" / "predictions.npz"
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


def test_undefined_labels_are_named(results) -> None:
    found, _ = results
    never = found["utility"]["labels"][2]
    assert (never["real"], never["synthetic"], never["gap"]) == (None, None, None)
    assert never["undefined"] == "no positive image among 60 with a known label"
    assert (never["n_positive"], never["n"]) == (0, 60)
    assert found["undefined_labels"] == ["Never"]
    assert [label["n"] for label in found["utility"]["labels"]] == [50, 60, 60]
    assert [label["n_positive"] for label in found["utility"]["labels"]] == [25, 20, 0]


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


def logits(inputs, arm: str, file: str = "predictions.npz") -> np.ndarray:
    """[s n y] as they were written."""
    paths = [inputs["classifier"] / arm / f"seed{k}" / file for k in range(2)]
    return np.stack([np.load(path)["logit"] for path in paths]).astype(np.float64)


def test_primary_endpoint_is_one_with_a_margin(results) -> None:
    primary = results[0]["primary"]
    mean = results[0]["utility"]["mean"]["gap"]
    assert primary["endpoint"] == "mean AUROC gap"
    assert primary["gap"] == {key: mean[key] for key in ("value", "low", "high")}
    assert primary["margin"] == 0.05
    assert primary["noninferior"] == (mean["high"] < 0.05)
    assert primary["variance"]["patients"] == pytest.approx(mean["sd_patients"] ** 2)
    assert set(primary["variance"]) == {"patients", "seeds_real", "seeds_synthetic"}
    assert primary["method"].startswith("Student's t")


def test_each_label_has_every_number(results, inputs) -> None:
    found, _ = results
    label = read_split(inputs["data"], "test").label
    scores = {arm: logits(inputs, arm) for arm in ("real", "synthetic")}
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


def test_synthetic_test_images_show_label_fidelity(results, inputs) -> None:
    label = read_split(inputs["synth"], "test").label
    for key, arm in (
        ("label_fidelity", "real"),
        ("synthetic_on_synthetic", "synthetic"),
    ):
        found = results[0][key]
        scores = logits(inputs, arm, "predictions_synthetic.npz")
        areas = [roc_auc_score(label[:, 1], score[:, 1]) for score in scores]
        entry = found["labels"][1]
        assert entry["auroc"]["value"] == pytest.approx(np.mean(areas), abs=1e-12)
        assert (entry["n_positive"], entry["n"]) == (20, 60)
        assert found["labels"][2]["auroc"] is None
        assert "no positive" in found["labels"][2]["undefined"]
        values = [entry["auroc"]["value"] for entry in found["labels"][:2]]
        assert found["mean"]["value"] == pytest.approx(np.mean(values), abs=1e-12)


def test_subgroups_are_whole_patients(results, inputs) -> None:
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


def test_subgroups_equal_the_group_alone(inputs) -> None:
    names, table = NAMES, read_split(inputs["data"], "test")
    predictions = load_predictions(inputs["classifier"], names)
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
        for y, score in itertools.product(range(2), logits(inputs, arm)):
            known = ~np.isnan(label[:, y])
            areas.append(roc_auc_score(label[known, y], score[:44][known, y]))
        assert pa[arm]["value"] == pytest.approx(np.mean(areas), abs=1e-12)
    assert pa["gap"]["low"] < pa["gap"]["value"] < pa["gap"]["high"]
    assert (pa["findings"], pa["patients"]) == (2, 22)


def test_calibration_before_and_after(results, inputs) -> None:
    found = results[0]["calibration"]
    assert found["bins"] == 15
    real, synthetic, mixed = found["arms"]
    assert mixed["after"] is None  # it has no validation logits
    label = read_split(inputs["data"], "test").label
    known = ~np.isnan(label)
    squared = [
        brier_score_loss(label[known], expit(score[known]))
        for score in logits(inputs, "real")
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


def test_precision_recall_curves(results) -> None:
    found = results[0]["precision_recall"]
    assert len(found["recall"]) == 11
    assert [entry["name"] for entry in found["labels"]] == ["One", "Two"]
    one = found["labels"][0]
    assert one["prevalence"] == 0.5
    assert one["real"][0] == 1
    assert one["real"][-1] >= 0.5


def test_an_older_study_has_no_other_predictions(inputs, tmp_path) -> None:
    """And with one seed in each arm the chance of training is said to be absent."""
    for arm in ("real", "synthetic"):
        folder = tmp_path / arm / "seed0"
        folder.mkdir(parents=True)
        source = inputs["classifier"] / arm / "seed0" / "predictions.npz"
        (folder / "predictions.npz").write_bytes(source.read_bytes())
    predictions = load_predictions(tmp_path, NAMES)
    table = read_split(inputs["data"], "test")
    found = to_json(measure_utility(CONFIG, predictions, table, 0))
    assert found["label_fidelity"] is found["synthetic_on_synthetic"] is None
    assert all(arm["after"] is None for arm in found["calibration"]["arms"])
    assert found["primary"]["variance"]["seeds_real"] is None
    assert found["primary"]["gap"]["low"] < found["primary"]["gap"]["value"]
    assert "chance of training is not in it" in found["primary"]["method"]
    with pytest.raises(StudyError, match="does not have, such as 'r000'"):
        measure_utility(CONFIG, predictions, table.take(range(1, 60)), 0)


def test_a_second_run_gives_the_same_file(results, inputs, tmp_path) -> None:
    evaluate(CONFIG, seed=3, out=tmp_path, devices=DEVICES, **inputs)
    for name in ("results.json", "grids/grid.json", "grids/synthetic.png"):
        assert (tmp_path / name).read_bytes() == (results[1] / name).read_bytes()


def test_grids_show_the_same_labels_column_by_column(results) -> None:
    grids = results[1] / "grids"
    described = json.loads((grids / "grid.json").read_text())
    columns = described["columns"]
    assert [column["finding"] for column in columns] == ["One", "Two"]
    # One occurs 17 times alone and 8 with Two; Two is shown in what is left: alone.
    assert [column["labels"] for column in columns] == [["One"], ["Two"]]
    assert columns[0]["real_ids"] == ["r001", "r005", "r007"]
    assert columns[0]["synthetic_ids"] == ["s001", "s005", "s007"]
    real, synthetic = (
        np.asarray(Image.open(grids / f"{arm}.png")) for arm in ("real", "synthetic")
    )
    assert real.shape == synthetic.shape == (3 * 17 - 1, 2 * 17 - 1)
    assert (real[8, 8], real[8, 25]) == (40, 0)
    assert (synthetic[8, 8], synthetic[8, 25]) == (140, 100)


def test_typical_combinations_are_distinct_and_commonest() -> None:
    label = np.array([[1, 1]] * 3 + [[0, 1]] * 2 + [[0, 0]] * 9, np.float32)
    found = [(y, vector.tolist()) for y, vector in typical_combinations(label)]
    assert found == [(0, [1, 1]), (1, [0, 1])]
    assert typical_combinations(np.zeros((4, 2), np.float32)) == []


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
    inputs, tmp_path, damage, message
) -> None:
    table = read_split(inputs["data"], "test")
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
        evaluate(
            CONFIG,
            seed=0,
            out=tmp_path / "out",
            devices=DEVICES,
            **{**inputs, "classifier": tmp_path},
        )


def test_bad_config_is_named() -> None:
    with pytest.raises(ConfigError, match="level=1.5"):
        EvaluateConfig(level=1.5)
    with pytest.raises(ConfigError, match="roc_points=500"):
        EvaluateConfig(roc_points=500)
    with pytest.raises(ConfigError, match="margin=0"):
        EvaluateConfig(margin=0.0)
    with pytest.raises(ConfigError, match="replicates=1"):
        EvaluateConfig(replicates=1)
    with pytest.raises(ConfigError, match="age_bands="):
        EvaluateConfig(age_bands=(60.0, 40.0))


def test_the_gap_is_that_of_the_one_call(results, inputs) -> None:
    """What results.json says of the mean gap, `gap_interval` gives to the last bit."""
    tests = {
        arm: [
            np.load(inputs["classifier"] / arm / f"seed{k}" / "predictions.npz")
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
