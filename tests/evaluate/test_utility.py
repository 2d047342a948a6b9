"""results.json: its keys, its numbers, its verdict, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from synthjax.classifier.predict import write_predictions
from synthjax.core.errors import ConfigError, StudyError
from synthjax.data.loader import Table, read_split
from synthjax.data.schema import Record, Schema
from synthjax.data.write import write_set
from synthjax.evaluate.config import EvaluateConfig
from synthjax.evaluate.grids import typical_vectors
from synthjax.evaluate.stage import evaluate

NAMES = ("One", "Two", "Never")
CONFIG = EvaluateConfig(replicates=50, roc_points=11, grid_rows=3)


def records(prefix: str):
    generator = np.random.default_rng(0)
    for i in range(60):
        label = np.array([i % 2, i % 3 == 0, 0], np.float32)
        if i >= 50:
            label[0] = np.nan
        shade = int(40 * label[0] if i < 50 else 150) + (100 if prefix == "s" else 0)
        yield Record(
            id=f"{prefix}{i:03d}",
            pixels=np.full((16, 16, 1), shade, np.uint8),
            label=label,
            patient_id=f"{prefix}-p{i // 2}-{generator.integers(1)}",
        )


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("utility")
    schema = Schema("toy", NAMES, 16, 1)
    for name, prefix in (("data", "r"), ("synth", "s")):
        write_set(folder / name, schema, {"test": records(prefix)}, None)
    generator = np.random.default_rng(1)
    table = read_split(folder / "data", "test")
    for arm, strength in (("real", 3.0), ("synthetic", 1.0)):
        for k in range(2):
            signal = strength * np.nan_to_num(table.label)
            logit = signal + generator.normal(size=signal.shape)
            path = folder / "classifier" / arm / f"seed{k}" / "predictions.npz"
            write_predictions(path, table, logit)
    return {name: folder / name for name in ("data", "synth", "classifier")}


@pytest.fixture(scope="module")
def results(inputs, tmp_path_factory) -> tuple[dict, Path]:
    out = tmp_path_factory.mktemp("evaluate")
    evaluate(CONFIG, seed=3, out=out, **inputs)
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
        f"{mean['synthetic']['value']:.3f} synthetic. Left out, because undefined: Never."
    )


def test_a_second_run_gives_the_same_file(results, inputs, tmp_path) -> None:
    evaluate(CONFIG, seed=3, out=tmp_path, **inputs)
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


def test_typical_vectors_are_distinct_and_commonest() -> None:
    label = np.array([[1, 1]] * 3 + [[0, 1]] * 2 + [[0, 0]] * 9, np.float32)
    found = [(y, vector.tolist()) for y, vector in typical_vectors(label)]
    assert found == [(0, [1, 1]), (1, [0, 1])]
    assert typical_vectors(np.zeros((4, 2), np.float32)) == []


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("ids", "differ in id"),
        ("nan", "not finite"),
        ("missing", "has no seed"),
        ("count", "2 seeds of the arm real but 1"),
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
            path = tmp_path / arm / f"seed{k}" / "predictions.npz"
            write_predictions(path, rows, values)
    with pytest.raises(StudyError, match=message):
        evaluate(
            CONFIG, seed=0, out=tmp_path / "out", **{**inputs, "classifier": tmp_path}
        )


def test_bad_config_is_named() -> None:
    with pytest.raises(ConfigError, match="level=1.5"):
        EvaluateConfig(level=1.5)
    with pytest.raises(ConfigError, match="roc_points=500"):
        EvaluateConfig(roc_points=500)
