"""What makes a finished stage of a real study stale, and what does not."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

import synthjax
from configs import phantom_chest
from synthjax.core.study import STAGES, Study
from synthjax.gan import presets
from synthjax.sections import freeze_all, resolve_all

# A tiny study's stage.json files, as commit 40fcb6f wrote them.
LAST_RELEASE = Path(__file__).parent / "fixtures" / "study_of_the_last_release"
AFTER_DATA = ["data", "gan", "synth", "classifier", "evaluate", "report"]
AFTER_GAN = AFTER_DATA[1:]


def tiny(**changes):
    """The tiny study's config; `gan__keep=3` changes a key of a section."""
    config = phantom_chest.get_config("tiny")
    config.classifier.arms = ("real", "synthetic")  # as the last release had them
    for name, value in changes.items():
        *path, key = name.split("__")
        section = config
        for part in path:
            section = section[part]
        section[key] = value
    return config


def study_of(workdir, config):
    sections = resolve_all(freeze_all(config))
    return Study(workdir, sections, seed=config.seed, resolve=resolve_all)


def stale(workdir, config):
    """The stages that a run would do something in, and all that is said of them."""
    sources = dict.fromkeys(STAGES, lambda: None)
    plans = study_of(workdir, config).plans(sources)
    said = "\n".join(plan.sentence() for plan in plans)
    return [plan.stage for plan in plans if plan.action != "done"], said


@pytest.fixture(params=["this release", "the last release"])
def finished(request, tmp_path):
    """A finished tiny study, recorded by this release or by the last one."""
    if request.param == "the last release":
        shutil.copytree(LAST_RELEASE, tmp_path / "study")
    else:
        study = study_of(tmp_path / "study", tiny())
        for name in STAGES:
            study.run(name, lambda path: None)
    return tmp_path / "study"


def test_a_finished_study_is_done(finished):
    assert stale(finished, tiny()) == (
        [],
        "\n".join(f"{name}: done" for name in STAGES),
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("gan__keep", 3),
        ("gan__checkpoint_minutes", 1.0),
        ("gan__checkpoint_kimg", 0.5),
        ("gan__resident", "never"),
        ("gan__tick_kimg", 0.5),
        ("gan__grid_kimg", 1.0),
        ("gan__grid_rows", 3),
        ("gan__accumulate", 2),
        ("data__workers", 2),
        ("data__medmnist__path", "/elsewhere"),
        ("gan__cpd_gan__mbstd_group", 8),
        ("gan__prog_gan__start_resolution", 16),
        ("classifier__eval_batch", 8),
        ("classifier__keep", 1),
        ("classifier__densenet__momentum", 0.5),
        ("synth__chunk", 32),
        ("devices__cpu_devices", 2),
        ("devices__mapping", "shard_map"),
    ],
)
def test_what_does_not_change_the_result_changes_nothing(finished, key, value):
    assert stale(finished, tiny(**{key: value}))[0] == []


@pytest.mark.parametrize(
    ("key", "value", "stages", "message"),
    [
        ("gan__r1_weight", 0.2, AFTER_GAN, "config.gan.r1_weight was 0.1 and is 0.2"),
        ("gan__batch_size", 32, AFTER_GAN, "config.gan.batch_size was 16 and is 32"),
        ("gan__stylegan2__w_size", 8, AFTER_GAN, "config.gan.stylegan2.w_size was 16"),
        ("data__phantom_chest__patients", 99, AFTER_DATA, "patients was 120 and is 99"),
        ("classifier__steps", 50, AFTER_DATA[3:], "config.classifier.steps was 40"),
        ("seed", 1, AFTER_DATA, "config.seed was 0 and is 1"),
    ],
)
def test_what_changes_the_result_is_told(finished, key, value, stages, message):
    found, said = stale(finished, tiny(**{key: value}))
    assert found == stages
    assert message in said


@pytest.mark.parametrize(
    ("section", "stages"), [("gan", AFTER_GAN), ("synth", AFTER_DATA[2:])]
)
def test_a_seed_of_a_stage_is_not_the_study_s(tmp_path, section, stages):
    config = tiny(**{f"{section}__seed": 3})
    study = study_of(tmp_path, config)
    for name in STAGES:
        study.run(name, lambda path: None)
    assert stale(tmp_path, config)[0] == []
    found, said = stale(tmp_path, tiny())
    assert found == stages
    assert f"config.{section}.seed was 3 and is 0" in said
    config.seed = 1
    found, said = stale(tmp_path, config)
    assert found == AFTER_DATA
    assert "data: runs anew, because config.seed was 0 and is 1" in said


def test_the_last_release_kept_the_seed_of_synth_in_place_of_the_study_s(tmp_path):
    shutil.copytree(LAST_RELEASE, tmp_path / "study")
    path = tmp_path / "study" / "synth" / "stage.json"
    record = json.loads(path.read_text())
    record["config"]["seed"] = 3
    path.write_text(json.dumps(record))
    said = stale(tmp_path / "study", tiny(synth__seed=3))[1]
    assert "synth: done" in said


def test_more_kimg_goes_on(finished):
    stages, said = stale(finished, tiny(gan__kimg=2.0))
    assert stages == AFTER_GAN
    assert "gan: goes on at what was begun, because config.gan.kimg was 1.0" in said


def test_an_arm_more_goes_on_and_one_less_does_not(finished):
    more = ("real", "synthetic", "synthetic_teacher")
    stages, said = stale(finished, tiny(classifier__arms=more))
    assert stages == AFTER_DATA[3:]
    assert (
        "classifier: goes on at what was begun, because config.classifier.arms" in said
    )
    said = stale(finished, tiny(classifier__arms=("real", "mixed")))[1]
    assert "classifier: runs anew, because config.classifier.arms was" in said


def test_the_primary_arm_is_named_before_the_training(finished):
    config = tiny(
        classifier__arms=("real", "synthetic", "synthetic_teacher"),
        classifier__primary="synthetic_teacher",
    )
    said = stale(finished, config)[1]
    assert "classifier: runs anew" in said
    assert "config.classifier.primary was synthetic and is synthetic_teacher" in said


def test_a_model_that_is_selected_counts(finished):
    said = stale(finished, tiny(gan__model="cpd_gan", gan__r1_weight=None))[1]
    assert "config.gan.model was stylegan2 and is cpd_gan" in said


def test_a_field_that_came_later_changes_nothing(tmp_path):
    """A record without a key is read with that key's default."""
    finished = tmp_path
    study = study_of(finished, tiny())
    for name in STAGES:
        study.run(name, lambda path: None)
    for name in STAGES:
        path = finished / name / "stage.json"
        record = json.loads(path.read_text())
        for key in ("psi", "steps", "replicates", "fractions"):
            record["config"].pop(key, None)
        path.write_text(json.dumps(record))
    found, said = stale(finished, tiny())
    assert found == AFTER_DATA[3:], "only config.classifier.steps is no default"
    assert "config.evaluate.replicates" not in said.partition("evaluate:")[0]


def test_a_preset_that_changed_in_the_code_is_noticed(tmp_path, monkeypatch):
    study = study_of(tmp_path, tiny())
    for name in STAGES:
        study.run(name, lambda path: None)
    resolve = presets.resolve

    def changed(config, resolution):
        weight = 0.3 if config.label_weight is None else config.label_weight
        return resolve(dataclasses.replace(config, label_weight=weight), resolution)

    monkeypatch.setattr("synthjax.sections.resolve", changed)
    found, said = stale(tmp_path, tiny())
    assert found == AFTER_GAN
    assert "config.gan.label_weight was 0.2 and is 0.3" in said


def test_a_published_gan_of_the_last_release_stays_done(tmp_path):
    """It had weights for which the model has no use, taken for 0 in silence."""
    shutil.copytree(LAST_RELEASE, tmp_path / "study")
    path = tmp_path / "study" / "gan" / "stage.json"
    record = json.loads(path.read_text())
    record["config"] |= {"model": "cpd_gan", "r1_weight": 0.1, "label_weight": 0.2}
    path.write_text(json.dumps(record))
    today = {"gan__model": "cpd_gan", "gan__r1_weight": 0.0}
    said = stale(tmp_path / "study", tiny(**today))[1]
    assert "gan: done" in said


def test_new_study_is_public():
    assert synthjax.new_study().gan.model == "stylegan2"
