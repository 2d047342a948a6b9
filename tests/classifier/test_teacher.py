"""Soft labels: who gives them, what they are, and what is chosen by them."""

import dataclasses
import json

import numpy as np
import pytest

from synthjax.classifier import arms, teacher
from synthjax.classifier import train as training
from synthjax.classifier.arms import ARMS, make_job, open_sets
from synthjax.classifier.config import ClassifierConfig
from synthjax.classifier.losses import positive_weights
from synthjax.classifier.networks.small import SmallConfig
from synthjax.classifier.predict import read_predictions
from synthjax.classifier.soft_labels import (
    TeacherConfig,
    agreement,
    choose_copies,
    mean_probability,
)
from synthjax.classifier.teacher import CHOICE
from synthjax.classifier.train import train
from synthjax.classifier.validation import mean_auroc
from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.core.errors import ConfigError, StudyError
from synthjax.data.dataset import Dataset
from synthjax.data.soft_labels import SOFT_LABELS, SoftLabels, read_soft_labels

CONFIG = {
    "small": SmallConfig(width=8),
    "batch_size": 16,
    "learning_rate": 1e-2,
    "eval_batch": 40,
    "seeds": 2,
    "steps": 24,
    "eval_every": 24,
}
TAUGHT = ("real", "synthetic", "synthetic_teacher", "synthetic_chosen")
pytestmark = pytest.mark.usefixtures("shared_steps")
SOFTER = TeacherConfig(temperature=2.0)


@pytest.fixture(scope="module")
def devices():
    return make_devices(DevicesConfig(count=1))


@pytest.fixture(scope="module")
def pair(toy_set):
    """A real set, and a synthetic one in which a third of the labels are wrong."""
    synth = toy_set("untrue", seed=1, copies=2, flipped=0.33)
    return {"data": toy_set("real"), "synth": synth}


@pytest.fixture(scope="module")
def study(pair, devices, tmp_path_factory):
    out = tmp_path_factory.mktemp("taught")
    config = ClassifierConfig(**CONFIG, arms=TAUGHT, teacher=SOFTER)
    train(config, seed=5, out=out, devices=devices, **pair)
    return out


@pytest.mark.slow
def test_soft_labels_are_the_teachers_mean_probability(study, pair):
    soft = read_soft_labels(study / SOFT_LABELS)
    synthetic = Dataset.open(pair["synth"])
    test = synthetic.table("test")
    logits = [
        read_predictions(study / "real" / f"seed{k}" / "predictions_synthetic.npz")
        for k in range(2)
    ]
    expected = np.mean([1 / (1 + np.exp(-p["logit"] / 2.0)) for p in logits], axis=0)
    np.testing.assert_allclose(soft.of(test.id), expected, rtol=1e-5, atol=1e-7)
    assert len(soft.id) == len(synthetic)
    assert soft.labels == synthetic.schema.labels
    assert soft.origin == "mean of 2 classifiers of the arm real, temperature 2"


@pytest.mark.slow
def test_teachers_were_trained_on_the_real_training_split_alone(study):
    for k in range(2):
        saved = json.loads((study / "real" / f"seed{k}" / "config.json").read_text())
        assert saved["trained_on"] == [["real", 1]]
        assert saved["n_train"] == 96  # the training split of the toy set


@pytest.mark.slow
def test_no_validation_or_test_image_reaches_a_teacher(pair, devices, tmp_path):
    """What a teacher's feed holds are the images of the real training split, each."""
    seen = []
    fed = training.make_run

    def watched(*arguments, **keywords):
        run = fed(*arguments, **keywords)
        seen.append([str(record.id) for record in run.job.train.read(range(96))])
        return run

    config = ClassifierConfig(**CONFIG | {"steps": 1, "seeds": 1}, arms=("real",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "make_run", watched)
        train(config, seed=5, out=tmp_path, devices=devices, **pair)
    real = Dataset.open(pair["data"])
    assert set(seen[0]) == set(real.metadata("train").id.tolist())
    for split in ("valid", "test"):
        assert not set(seen[0]) & set(real.metadata(split).id.tolist())


@pytest.mark.slow
def test_true_labels_teach_better_than_wrong_ones(study):
    assert (
        mean_score(study, "synthetic_teacher") > mean_score(study, "synthetic") + 0.02
    )


@pytest.mark.slow
def test_a_teacher_of_shuffled_labels_is_worse_than_the_labels_asked_for(
    toy_set, devices, tmp_path, monkeypatch
):
    pair = {"data": toy_set("real"), "synth": toy_set("true", seed=1)}
    misled = dataclasses.replace(ARMS["synthetic_teacher"], teacher="real_shuffled")
    monkeypatch.setitem(arms.ARMS, "synthetic_teacher", misled)
    names = ("real_shuffled", "synthetic", "synthetic_teacher")
    config = ClassifierConfig(**CONFIG, arms=names)
    train(config, seed=5, out=tmp_path, devices=devices, **pair)
    asked = mean_score(tmp_path, "synthetic")
    assert mean_score(tmp_path, "synthetic_teacher") < asked - 0.05


@pytest.mark.slow
def test_what_the_choice_brought_is_written(study):
    found = json.loads((study / CHOICE).read_text())
    assert found["candidates"] == 2
    assert found["agreement_chosen"] > found["agreement_all"]
    assert found["diversity_chosen"] > 0
    saved = json.loads((study / "synthetic_chosen/seed0/config.json").read_text())
    assert saved["n_train"] == 96


@pytest.mark.slow
def test_a_second_start_labels_nothing_again(study, pair, devices, monkeypatch):
    before = (study / SOFT_LABELS).read_bytes()
    (study / "synthetic_teacher" / "seed1" / "predictions.npz").unlink()
    monkeypatch.setattr(teacher, "load_classifier", lambda path: 1 / 0)
    config = ClassifierConfig(**CONFIG, arms=TAUGHT, teacher=SOFTER)
    train(config, seed=5, out=study, devices=devices, **pair)
    assert (study / SOFT_LABELS).read_bytes() == before


@pytest.mark.slow
def test_damaged_soft_labels_are_made_again(study, pair, devices, capsys):
    before = read_soft_labels(study / SOFT_LABELS)
    content = (study / SOFT_LABELS).read_bytes()
    (study / SOFT_LABELS).write_bytes(content[: len(content) // 2])
    (study / "synthetic_teacher" / "seed1" / "predictions.npz").unlink()
    config = ClassifierConfig(**CONFIG, arms=TAUGHT, teacher=SOFTER)
    train(config, seed=5, out=study, devices=devices, **pair)
    assert "soft_labels.npz" in capsys.readouterr().err
    after = read_soft_labels(study / SOFT_LABELS)
    np.testing.assert_array_equal(after.probability, before.probability)


def test_chosen_images_are_one_for_each_row(toy_set):
    synth = toy_set("three", seed=1, copies=3)
    sets = open_sets(
        ("synthetic_chosen",),
        real=Dataset.open(toy_set("real")),
        synthetic=Dataset.open(synth),
    )
    metadata = sets.datasets["synthetic"].metadata("train")
    random = np.random.default_rng(0)
    soft = SoftLabels(
        sets.datasets["synthetic"].schema.labels,
        metadata.id,
        random.uniform(size=metadata.label.shape).astype(np.float32),
    )
    sets = dataclasses.replace(sets, soft=soft)
    job = make_job("synthetic_chosen", 0, seed=5, sets=sets)
    ids = [record.id for record in job.train.read(range(96))]
    places = [metadata.id.tolist().index(name) for name in ids]
    assert [place % 96 for place in places] == list(range(96))
    assert len({place // 96 for place in places}) == 3
    np.testing.assert_array_equal(job.train.label, metadata.label[places])
    both = make_job("synthetic_chosen_teacher", 0, seed=5, sets=sets)
    ids = np.array([record.id for record in both.train.read(range(96))])
    np.testing.assert_array_equal(both.train.label, soft.of(ids))


def test_the_best_copy_of_each_row_is_chosen():
    asked = np.tile(
        np.array([[1, 0], [0, np.nan], [np.nan, np.nan]], np.float32), (2, 1)
    )
    probability = np.array(
        [[0.9, 0.4], [0.2, 0.9], [0.5, 0.5], [0.8, 0.1], [0.3, 0.0], [0.9, 0.9]]
    )
    np.testing.assert_array_equal(choose_copies(asked, probability, 2), [3, 1, 2])
    expected = [
        (np.log(0.9) + np.log(0.6)) / 2,
        np.log(0.8),
        0,
        (np.log(0.8) + np.log(0.9)) / 2,
        np.log(0.7),
        0,
    ]
    np.testing.assert_allclose(agreement(asked, probability), expected)
    assert np.isfinite(agreement(asked[:1], np.array([[0.0, 1.0]]))).all()


def test_a_mean_of_probabilities_is_no_probability_of_a_mean():
    logits = np.array([[[2.0]], [[-4.0]], [[800.0]]])
    sigmoid = [1 / (1 + np.exp(-2 / 3)), 1 / (1 + np.exp(4 / 3)), 1.0]
    found = mean_probability(logits, 3.0)
    np.testing.assert_allclose(found, [[np.mean(sigmoid)]], rtol=1e-6)


def test_soft_labels_weigh_as_parts_of_positives():
    label = np.array([[0.25], [0.75], [np.nan], [1.0]], np.float32)
    weight = positive_weights(label, scheme="balanced", cap=20)
    np.testing.assert_allclose(weight, [1 / 2])


def test_an_image_without_soft_labels_is_named():
    soft = SoftLabels(("a",), np.array(["x"]), np.ones((1, 1), np.float32))
    with pytest.raises(StudyError, match=r"1 images have no soft labels, such as 'y'"):
        soft.of(np.array(["x", "y"]))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"arms": ("synthetic", "synthetic_teacher")}, "name that arm too"),
        ({"arms": TAUGHT, "teacher": TeacherConfig(count=6)}, "ask for no more"),
        ({"arms": ("real", "synthetic"), "primary": "mixed"}, "primary"),
        ({"primary": "real"}, "primary='real'"),
    ],
)
def test_what_does_not_fit_is_refused(keys, message):
    with pytest.raises(ConfigError, match=message):
        ClassifierConfig(**keys)


def mean_score(out, arm):
    """Mean AUROC of the seeds of an arm on the real test split."""
    found = [
        read_predictions(path) for path in out.glob(f"{arm}/seed*/predictions.npz")
    ]
    assert len(found) == 2
    return np.mean([mean_auroc(table["label"], table["logit"]) for table in found])


@pytest.mark.slow
def test_an_arm_is_added_to_what_was_trained_before(pair, devices, tmp_path):
    """Only the new arm is trained; other temperatures are another arm's matter."""
    few = {**CONFIG, "seeds": 1, "steps": 2, "eval_every": 2}
    train(
        ClassifierConfig(**few, arms=("real", "synthetic")),
        seed=5,
        out=tmp_path,
        devices=devices,
        **pair,
    )
    before = {
        path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()
    }
    more = ClassifierConfig(**few, arms=TAUGHT[:3], teacher=SOFTER)
    train(more, seed=5, out=tmp_path, devices=devices, **pair)
    assert (tmp_path / "synthetic_teacher" / "seed0" / "predictions.npz").exists()
    assert {path: path.stat().st_mtime_ns for path in before} == before
    harder = dataclasses.replace(more, teacher=TeacherConfig(temperature=0.5))
    with pytest.raises(StudyError, match=r"teacher\.temperature was 2\.0 and is 0\.5"):
        train(harder, seed=5, out=tmp_path, devices=devices, **pair)
