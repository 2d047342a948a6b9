"""The classifier stage: learns, resumes in the same bits, skips what is done."""

import dataclasses
import functools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from synthjax.classifier.config import ClassifierConfig
from synthjax.classifier.networks.api import MODELS, Model
from synthjax.classifier.networks.densenet import DenseNet, DenseNetConfig
from synthjax.classifier.networks.small import SmallConfig
from synthjax.classifier.predict import (
    load_classifier,
    make_predict,
    predict,
    read_predictions,
)
from synthjax.classifier.step import make_init, make_steps
from synthjax.classifier.train import train
from synthjax.classifier.validation import mean_auroc
from synthjax.core import signals
from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.core.errors import StudyError
from synthjax.data.dataset import Dataset
from synthjax.data.numbering import numbered
from synthjax.data.schema import Record, Schema
from synthjax.data.store.write import write_set

SCHEMA = Schema("toy", ("bright", "left", "never"), 16, 1)
TINY = ClassifierConfig(
    small=SmallConfig(width=8),
    seeds=2,
    steps=30,
    batch_size=16,
    learning_rate=1e-2,
    eval_every=10,
    eval_batch=24,
)


def records(split: str, count: int, seed: int):
    """Images whose first label is brightness and second a blob on the left side."""
    generator = np.random.default_rng([seed, len(split)])
    for i in range(count):
        label = np.append(generator.integers(0, 2, 2), 0).astype(np.float32)
        pixels = generator.normal(100 + 40 * label[0], 20, (16, 16, 1))
        column = 3 if label[1] else 11
        pixels[6:10, column : column + 3] += 60
        if i % 5 == 0:
            label[0] = np.nan
        yield Record(
            id=f"{split}-{seed}-{i:04d}",
            pixels=np.clip(pixels, 0, 255).astype(np.uint8),
            label=label,
            patient_id=f"{split}-{seed}-p{i // 2}",
        )


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("toy")
    for number, name in enumerate(("real", "synthetic")):
        sizes = {"train": 96, "valid": 41, "test": 53}
        splits = {split: records(split, n, number) for split, n in sizes.items()}
        write_set(folder / name, SCHEMA, splits, None)
    return folder / "real", folder / "synthetic"


@pytest.fixture(scope="module")
def devices():
    return make_devices(DevicesConfig(count=1))


@pytest.fixture(scope="module")
def trained(sets, devices, tmp_path_factory) -> Path:
    """Both arms and two seeds; the steps must have been traced once for all four."""
    out = tmp_path_factory.mktemp("classifier")
    made = []
    map_step = type(devices).map_step

    def recording(self, fn, **options):
        made.append((fn.__name__, map_step(self, fn, **options)))
        return made[-1][1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(devices), "map_step", recording)
        train(TINY, seed=5, data=sets[0], synth=sets[1], out=out, devices=devices)
    ours = ("update", "predict_batch")  # a feed maps a step of its own
    traces = [(name, step.traces) for name, step in made if name in ours]
    assert traces == [("update", 1), ("predict_batch", 1)]
    return out


def lines(directory: Path) -> list[dict]:
    text = (directory / "metrics.jsonl").read_text()
    kept = [json.loads(line) for line in text.splitlines()]
    return [{k: v for k, v in x.items() if k != "images_per_second"} for x in kept]


@pytest.mark.slow
def test_both_arms_learn_and_predict_the_real_test_split(trained, sets) -> None:
    test = Dataset.open(sets[0]).table("test")
    for arm in ("real", "synthetic"):
        found = read_predictions(trained / arm / "seed0" / "predictions.npz")
        np.testing.assert_array_equal(found["id"], test.id)
        np.testing.assert_array_equal(found["patient_id"], numbered(test.patient_id))
        np.testing.assert_array_equal(found["label"], test.label)
        assert mean_auroc(found["label"], found["logit"]) > 0.95
        history = lines(trained / arm / "seed0")
        assert [line["step"] for line in history] == [10, 20, 30]


@pytest.mark.slow
def test_kept_parameters_are_those_of_the_best_validation(
    trained, sets, devices
) -> None:
    directory = trained / "real" / "seed0"
    network, params, labels = load_classifier(directory)
    assert labels == SCHEMA.labels
    step = make_predict(network.logits, devices)
    params = devices.replicate(params)

    def logits(split: str) -> np.ndarray:
        table = Dataset.open(sets[0]).table(split)
        return predict(step, params, table.pixels, batch_size=24, devices=devices)

    best = max(line["valid_auroc"] for line in lines(directory))
    valid = Dataset.open(sets[0]).table("valid")
    assert mean_auroc(valid.label, logits("valid")) == best
    found = read_predictions(directory / "predictions.npz")
    np.testing.assert_array_equal(logits("test"), found["logit"])


@pytest.mark.slow
def test_finished_seeds_are_skipped(trained, sets, devices) -> None:
    path = trained / "real" / "seed0" / "predictions.npz"
    before = path.stat().st_mtime_ns
    train(TINY, seed=5, data=sets[0], synth=sets[1], out=trained, devices=devices)
    assert path.stat().st_mtime_ns == before


@pytest.mark.slow
@pytest.mark.parametrize("stop_at", [4, 10, 17])
def test_resumed_run_ends_in_the_same_bits(
    trained, sets, devices, tmp_path, monkeypatch, stop_at
) -> None:
    """SIGTERM after any update: a checkpoint, exit code 143, and the same end."""
    config = dataclasses.replace(TINY, arms=("real",), seeds=1)

    def run() -> None:
        train(
            config, seed=5, data=sets[0], synth=sets[1], out=tmp_path, devices=devices
        )

    wait, count = type(devices).wait, 0

    def wait_and_stop(self, tree) -> None:
        nonlocal count
        wait(self, tree)
        count += 1
        if count == stop_at:
            signals._handle(15, None)

    with monkeypatch.context() as patch:
        patch.setattr(type(devices), "wait", wait_and_stop)
        with pytest.raises(SystemExit) as stopped:
            run()
    assert stopped.value.code == 143
    assert not (tmp_path / "real" / "seed0" / "predictions.npz").exists()
    run()
    ours, theirs = (
        read_predictions(out / "real" / "seed0" / "predictions.npz")
        for out in (tmp_path, trained)
    )
    for name, values in theirs.items():
        np.testing.assert_array_equal(ours[name], values)
    assert lines(tmp_path / "real" / "seed0") == lines(trained / "real" / "seed0")


@pytest.mark.slow
def test_running_statistics_are_kept_and_resumed(
    sets, devices, tmp_path, monkeypatch
) -> None:
    """Batch norm: an interrupted run ends in the same bits, also of its best copy."""

    module = functools.partial(DenseNet, layers=(1,), growth=4, width=8)
    monkeypatch.setitem(MODELS, "tiny", Model("densenet", module, smallest=32))
    config = dataclasses.replace(
        TINY,
        arms=("real",),
        seeds=1,
        steps=6,
        eval_every=3,
        model="tiny",
        densenet=DenseNetConfig(momentum=0.9),
        input_size=32,
    )
    steps = make_steps(config, SCHEMA, devices)
    monkeypatch.setattr("synthjax.classifier.train.make_steps", lambda *_: steps)
    sigterm = signals._handle

    def run(out: Path, stop_at: int | None = None) -> dict:
        wait, count = type(devices).wait, 0

        def wait_and_stop(self, tree) -> None:
            nonlocal count
            wait(self, tree)
            count += 1
            if count == stop_at:
                sigterm(15, None)

        with monkeypatch.context() as patch:
            patch.setattr(type(devices), "wait", wait_and_stop)
            train(config, seed=5, data=sets[0], synth=sets[1], out=out, devices=devices)
        return read_predictions(out / "real" / "seed0" / "predictions.npz")

    whole = run(tmp_path / "whole")
    with pytest.raises(SystemExit):
        run(tmp_path / "parts", stop_at=4)
    parts = run(tmp_path / "parts")
    np.testing.assert_array_equal(parts["logit"], whole["logit"])
    _, variables, _ = load_classifier(tmp_path / "parts" / "real" / "seed0")
    assert np.all(variables["batch_stats"]["last_norm"]["mean"] != 0)
    images = Dataset.open(sets[0]).table("test").pixels
    predicted = predict(
        steps.predict,
        devices.replicate(variables),
        images,
        batch_size=24,
        devices=devices,
    )
    np.testing.assert_array_equal(predicted, whole["logit"])


@pytest.mark.slow
def test_a_loss_that_is_not_finite_stops_the_run(
    sets, devices, tmp_path, monkeypatch
) -> None:
    def broken(network, config):
        init = make_init(network, config)
        return lambda key: dataclasses.replace(init(key), loss_sum=np.float32("nan"))

    monkeypatch.setattr("synthjax.classifier.step.make_init", broken)
    with pytest.raises(StudyError, match="loss is nan.*learning_rate"):
        train(TINY, seed=0, data=sets[0], synth=sets[1], out=tmp_path, devices=devices)
    assert not list(tmp_path.rglob("predictions.npz"))


def test_sets_that_differ_are_refused(sets, devices, tmp_path) -> None:
    schema = Schema("other", ("bright", "left", "else"), 16, 1)
    splits = {split: records(split, 4, 3) for split in ("train", "valid", "test")}
    write_set(tmp_path / "other", schema, splits, None)
    with pytest.raises(StudyError, match="labels"):
        train(
            TINY,
            seed=0,
            data=sets[0],
            synth=tmp_path / "other",
            out=tmp_path / "out",
            devices=devices,
        )


@pytest.mark.slow
def test_what_a_power_loss_damaged_is_made_again(
    trained, sets, devices, tmp_path, capfd
) -> None:
    """Predictions of one seed, the newest checkpoint and predictions of another."""
    out = shutil.copytree(trained, tmp_path / "classifier")
    first, second = out / "real" / "seed0", out / "synthetic" / "seed1"
    (first / "predictions_valid.npz").write_bytes(b"")
    (second / "predictions.npz").unlink()
    digest = second / "checkpoints" / "30" / "digest" / "metadata"
    digest.write_bytes(bytes(digest.stat().st_size))
    load_classifier(second)
    assert "checkpoints/30 is damaged" in capfd.readouterr().err
    train(TINY, seed=5, data=sets[0], synth=sets[1], out=out, devices=devices)
    said = capfd.readouterr().err
    assert "predictions_valid.npz cannot be read, it is empty" in said
    assert "checkpoints/30 is damaged" in said
    for path in sorted(trained.rglob("predictions*.npz")):
        ours = read_predictions(out / path.relative_to(trained))
        for name, array in read_predictions(path).items():
            np.testing.assert_array_equal(ours[name], array)


@pytest.mark.slow
def test_what_other_settings_made_is_not_taken(trained, sets, devices) -> None:
    changed = dataclasses.replace(TINY, learning_rate=0.5)
    with pytest.raises(StudyError, match=r"seed0 was trained with .*learning_rate was"):
        train(
            changed, seed=5, data=sets[0], synth=sets[1], out=trained, devices=devices
        )
    with pytest.raises(StudyError, match="seed of the study. was 5 and is 6"):
        train(TINY, seed=6, data=sets[0], synth=sets[1], out=trained, devices=devices)
