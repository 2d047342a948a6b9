"""The arms: what each trains on, one compiled step for all, and controls that control."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from synthjax.classifier import train as training
from synthjax.classifier.arms import ARMS, make_job, open_sets
from synthjax.classifier.config import ClassifierConfig
from synthjax.classifier.networks.small import SmallConfig
from synthjax.classifier.predict import read_predictions
from synthjax.classifier.step import check_batch
from synthjax.classifier.train import train
from synthjax.classifier.validation import mean_auroc
from synthjax.core import rng
from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.core.errors import StudyError
from synthjax.data.dataset import Dataset
from synthjax.data.soft_labels import SoftLabels
from synthjax.data.store.loader import read_metadata

TINY = {
    "small": SmallConfig(width=8),
    "batch_size": 16,
    "learning_rate": 1e-2,
    "eval_batch": 40,
}
SEEDS = 4


@pytest.fixture(scope="module")
def devices():
    return make_devices(DevicesConfig(count=1))


@pytest.fixture(scope="module", autouse=True)
def means(shared_steps):
    """The steps that all runs of this file use."""
    return shared_steps


@pytest.fixture(scope="module")
def pair(toy_set):
    """A real set of 96 training images, and a synthetic one with three for each."""
    return {"data": toy_set("real"), "synth": toy_set("synthetic", seed=1, copies=3)}


@pytest.fixture(scope="module")
def sets(pair):
    real, synthetic = Dataset.open(pair["data"]), Dataset.open(pair["synth"])
    sets = open_sets(tuple(ARMS), real=real, synthetic=synthetic)
    ids = synthetic.metadata("train").id
    labels = synthetic.schema.labels
    probability = np.full((len(ids), len(labels)), 0.25, np.float32)
    return dataclasses.replace(sets, soft=SoftLabels(labels, ids, probability))


@pytest.mark.slow
def test_each_arm_trains_on_what_the_table_says(sets) -> None:
    def ids(arm: str) -> list[str]:
        rows = read_metadata(make_job(arm, 0, seed=5, sets=sets).train)
        return list(rows.id)

    real = [f"real-train-{i:04d}" for i in range(96)]
    drawn = [f"synthetic-train-{i:04d}" for i in range(288)]
    assert ids("real") == ids("real_shuffled") == real
    assert ids("synthetic") == drawn[:96]
    assert ids("synthetic_2x") == drawn[:192]
    assert ids("synthetic_3x") == drawn
    assert ids("synthetic_teacher") == drawn[:96]
    assert ids("synthetic_teacher_2x") == drawn[:192]
    assert ids("synthetic_teacher_3x") == drawn
    for arm in ("synthetic_chosen", "synthetic_chosen_teacher"):
        assert len(set(ids(arm))) == 96
    assert ids("mixed") == real + drawn[:96]
    assert ids("real_duplicated") == real + real
    assert len(ids("mixed")) == len(ids("real_duplicated"))


def test_synthetic_arms_alone_are_validated_on_synthetic_images(sets) -> None:
    for name in ARMS:
        job = make_job(name, 0, seed=5, sets=sets)
        synthetic = name.startswith("synthetic")
        assert all(i.startswith("synthetic") == synthetic for i in job.valid.id)


def test_half_of_the_patients_with_all_their_images(sets) -> None:
    def patients(k: int) -> list[str]:
        rows = read_metadata(make_job("real_subsampled", k, seed=5, sets=sets).train)
        names, counts = np.unique(rows.patient_id.astype(str), return_counts=True)
        assert set(counts) == {2}
        return list(names)

    assert len(patients(0)) == 24
    assert patients(0) == patients(0) != patients(1)


def test_shuffled_labels_are_the_same_rows_at_other_images(sets) -> None:
    jobs = [make_job("real_shuffled", k, seed=5, sets=sets) for k in (0, 0, 1)]
    true = make_job("real", 0, seed=5, sets=sets)
    for found, label in (
        ([job.train.label for job in jobs], true.train.label),
        ([job.valid.label for job in jobs], true.valid.label),
    ):
        np.testing.assert_array_equal(found[0], found[1])
        assert np.any(found[0] != found[2])
        np.testing.assert_array_equal(
            np.unique(found[0], axis=0, return_counts=True)[1],
            np.unique(label, axis=0, return_counts=True)[1],
        )


def test_too_few_synthetic_copies_are_named(pair, toy_set, devices, tmp_path) -> None:
    config = ClassifierConfig(**TINY, arms=("real", "synthetic_2x"))
    with pytest.raises(
        StudyError, match=r"synthetic_2x.*config\.synth\.copies_per_row=2"
    ):
        train(
            config,
            seed=5,
            data=pair["data"],
            synth=toy_set("small"),
            out=tmp_path,
            devices=devices,
        )
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def all_arms(pair, devices, means, tmp_path_factory):
    """One seed of every arm, and the state in which each run began."""
    out, begun = tmp_path_factory.mktemp("arms"), {}
    train_classifier = training.train_classifier

    def starting(run):
        key = rng.key(run.seed, "classifier init", run.job.k)
        begun[run.job.arm] = run.steps.init(key)
        return train_classifier(run)

    config = ClassifierConfig(**TINY, arms=tuple(ARMS), seeds=1, steps=6, eval_every=6)
    before = len(means)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "train_classifier", starting)
        train(config, seed=5, out=out, devices=devices, **pair)
    assert len(means) == before + 1  # one pair of steps for all arms
    return out, begun


@pytest.mark.slow
def test_all_arms_share_two_compiled_steps(all_arms, means) -> None:
    assert (means[0].update.traces, means[0].predict.traces) == (1, 1)


@pytest.mark.slow
def test_all_arms_begin_alike_and_see_as_many_images(all_arms) -> None:
    out, begun = all_arms
    assert set(begun) == set(ARMS)
    for state in begun.values():
        for ours, theirs in zip(
            jax.tree.leaves(state), jax.tree.leaves(begun["real"]), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)
    for arm in ARMS:
        text = (out / arm / "seed0" / "metrics.jsonl").read_text()
        assert [json.loads(line)["step"] for line in text.splitlines()] == [6]
        saved = json.loads((out / arm / "seed0" / "config.json").read_text())
        sizes = {"mixed": 192, "real_duplicated": 192, "real_subsampled": 48}
        for kind in ("synthetic", "synthetic_teacher"):
            sizes |= {f"{kind}_2x": 192, f"{kind}_3x": 288}
        assert saved["n_train"] == sizes.get(arm, 96)


@pytest.mark.slow
def test_every_arm_has_three_files_of_predictions(all_arms, pair) -> None:
    out, _ = all_arms
    for arm in ARMS:
        for file, folder, split in (
            ("predictions.npz", pair["data"], "test"),
            ("predictions_valid.npz", pair["data"], "valid"),
            ("predictions_synthetic.npz", pair["synth"], "test"),
        ):
            found = read_predictions(out / arm / "seed0" / file)
            table = Dataset.open(folder).table(split)
            np.testing.assert_array_equal(found["id"], table.id)
            np.testing.assert_array_equal(found["label"], table.label)
            assert np.isfinite(found["logit"]).all()


@pytest.mark.slow
def test_predictions_of_the_real_test_split_come_last(
    pair, devices, tmp_path, monkeypatch
) -> None:
    """A run killed between two files has no predictions.npz, and makes it then."""
    config = ClassifierConfig(**TINY, arms=("real",), seeds=1, steps=2, eval_every=2)
    folder, write = tmp_path / "real" / "seed0", training.write_predictions

    def killed(path, table, logit):
        if path.name == "predictions.npz":
            raise KeyboardInterrupt
        write(path, table, logit)

    with monkeypatch.context() as patch:
        patch.setattr(training, "write_predictions", killed)
        with pytest.raises(KeyboardInterrupt):
            train(config, seed=5, out=tmp_path, devices=devices, **pair)
    names = ["predictions_synthetic.npz", "predictions_valid.npz"]
    assert sorted(path.name for path in folder.glob("*.npz")) == names
    train(config, seed=5, out=tmp_path, devices=devices, **pair)
    assert (folder / "predictions.npz").exists()
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    assert len(lines) == 1  # nothing was trained again


@pytest.mark.slow
def test_plateau_ends_a_run_and_a_second_start_stays_at_its_end(
    pair, devices, tmp_path, monkeypatch
) -> None:
    """Validations 2, 1, 1, 1: the rate falls after two, the run ends after three."""
    config = ClassifierConfig(**TINY, arms=("real",), seeds=1, schedule="plateau")
    scores = iter([0.6, 0.5, 0.5, 0.5, 0.9])
    write = training.write_predictions
    monkeypatch.setattr(training, "mean_auroc", lambda label, logit: next(scores))
    monkeypatch.setattr(training, "write_predictions", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train(config, seed=5, out=tmp_path, devices=devices, **pair)
    monkeypatch.setattr(training, "write_predictions", write)
    train(config, seed=5, out=tmp_path, devices=devices, **pair)
    folder = tmp_path / "real" / "seed0"
    lines = [json.loads(x) for x in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [6, 12, 18, 24]  # 96 images in 16s
    rates = [line["learning_rate"] for line in lines]
    np.testing.assert_allclose(rates, [1e-2, 1e-2, 1e-2, 1e-3])
    assert next(scores) == 0.9


def test_plateau_wants_a_validation_that_can_be_measured(
    pair, devices, tmp_path, toy_set
) -> None:
    """One label of one image that has no other class is none; one of many will do."""
    config = ClassifierConfig(**TINY, schedule="plateau")
    few = toy_set("few", valid=1)
    with pytest.raises(StudyError, match="schedule=plateau: no label of the synthetic"):
        train(
            config, seed=5, data=pair["data"], synth=few, out=tmp_path, devices=devices
        )
    assert not list(tmp_path.iterdir())


def test_sets_of_the_last_release_say_volumes(toy_set) -> None:
    old = toy_set("old", copies=2, provenance="volumes")
    real = Dataset.open(toy_set("real"))
    sets = open_sets(("synthetic_2x",), real=real, synthetic=Dataset.open(old))
    assert sets.copy_size("synthetic") == sets.copy_size("real") == 96


def test_mixup_wants_whole_pairs_on_each_device() -> None:
    config = ClassifierConfig(**TINY | {"batch_size": 6}, mixup=0.2)
    two = make_devices(DevicesConfig(count=2))
    with pytest.raises(StudyError, match="batch_size=6: mixup takes pairs"):
        check_batch(config, two)


def test_a_batch_is_divided_among_the_devices() -> None:
    config = ClassifierConfig(**TINY | {"batch_size": 6})
    with pytest.raises(StudyError, match=r"classifier\.batch_size=6 does not divide"):
        check_batch(config, make_devices(DevicesConfig(count=4)))


def scores(out, arm: str) -> np.ndarray:
    """Mean AUROC of each seed on the real test split."""
    found = [
        read_predictions(out / arm / f"seed{k}" / "predictions.npz")
        for k in range(SEEDS)
    ]
    return np.array([mean_auroc(table["label"], table["logit"]) for table in found])


def interval(values: np.ndarray) -> tuple[float, float]:
    """95 % interval of a mean over four seeds (Student, three degrees of freedom)."""
    half = 3.182 * values.std(ddof=1) / np.sqrt(SEEDS)
    return values.mean() - half, values.mean() + half


@pytest.fixture(scope="module")
def controls(toy_set, devices, tmp_path_factory):
    """Real against a copy of itself, against half of its labels flipped; shuffled."""
    real = toy_set("original")
    config = {**TINY, "seeds": SEEDS, "steps": 24, "eval_every": 24}
    out = tmp_path_factory.mktemp("controls")
    for name, synth, arms in (
        ("copy", toy_set("copy"), ("real", "synthetic", "real_shuffled")),
        ("flipped", toy_set("flipped", flipped=0.5), ("synthetic",)),
    ):
        train(
            ClassifierConfig(**config, arms=arms),
            seed=5,
            data=real,
            synth=synth,
            out=out / name,
            devices=devices,
        )
    return out


@pytest.mark.slow
def test_no_run_of_this_file_compiled_a_step_of_its_own(controls, means) -> None:
    assert len(means) > 3
    assert (means[0].update.traces, means[0].predict.traces) == (1, 1)


@pytest.mark.slow
def test_shuffled_labels_leave_nothing_to_learn(controls) -> None:
    low, high = interval(scores(controls / "copy", "real_shuffled"))
    assert low <= 0.5 <= high
    low, _ = interval(scores(controls / "copy", "real"))
    assert low > 0.7


@pytest.mark.slow
def test_a_copy_of_the_real_set_has_no_gap(controls) -> None:
    real, copy = (
        read_predictions(controls / "copy" / arm / "seed1" / "predictions.npz")
        for arm in ("real", "synthetic")
    )
    np.testing.assert_array_equal(real["logit"], copy["logit"])
    gap = scores(controls / "copy", "real") - scores(controls / "copy", "synthetic")
    low, high = interval(gap)
    assert low <= 0 <= high


@pytest.mark.slow
def test_half_of_the_labels_flipped_is_a_large_gap(controls) -> None:
    real = scores(controls / "copy", "real")
    low, _ = interval(real - scores(controls / "flipped", "synthetic"))
    assert low > 0.2
