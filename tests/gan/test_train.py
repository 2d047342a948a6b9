"""The loop: resumed equals uninterrupted, ends that are announced, what it writes."""

import dataclasses
import json
import shutil

import jax
import numpy as np
import optax
import pytest
from PIL import Image

from synthjax.core.checkpoint import Checkpoints
from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.core.errors import StudyError
from synthjax.core.signals import Preempted
from synthjax.gan import train as train_module
from synthjax.gan.generator import CHECKPOINTS, load_generator
from synthjax.gan.models import MODELS
from synthjax.gan.monitor.grids import grid_columns
from synthjax.gan.networks.stylegan2 import StyleGAN2Config
from synthjax.gan.state import make_optimizers
from synthjax.gan.train import train

TIMES = {"seconds", "seconds_per_kimg", "memory_gib"}
pytestmark = pytest.mark.usefixtures("toy_model")


def run(toy, data, out, *, count=2, **changes):
    devices = make_devices(DevicesConfig(count=count))
    train(toy.toy_config(**changes), seed=3, data=data, out=out, devices=devices)


def metrics(out):
    lines = (out / "metrics.jsonl").read_text().splitlines()
    return [
        {k: v for k, v in json.loads(line).items() if k not in TIMES} for line in lines
    ]


def images(out):
    paths = sorted((out / "samples").glob("*.png"))
    return {path.name: path.read_bytes() for path in paths}


def last_state(out):
    """Every array of the newest checkpoint, as stored."""
    generator = load_generator(out)
    leaves = jax.tree.leaves(generator.params)
    return [np.asarray(leaf) for leaf in leaves]


def assert_same_run(out, other):
    assert metrics(out) == metrics(other)
    assert images(out) == images(other)
    for a, b in zip(last_state(out), last_state(other), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def uninterrupted(toy, toy_data, tmp_path_factory):
    """A whole run of the toy; tests only read it."""
    out = tmp_path_factory.mktemp("gan") / "whole"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(MODELS, "stylegan2", toy.TOY_STYLEGAN2)
        run(toy, toy_data, out)
    return out


@pytest.mark.slow
def test_what_a_run_writes(toy, uninterrupted):
    lines = metrics(uninterrupted)
    assert [line["kimg"] for line in lines] == [0.064, 0.128, 0.192, 0.256, 0.32]
    assert all(np.isfinite(list(line.values())).all() for line in lines)
    assert {"loss_generator", "loss_discriminator", "r1"} <= set(lines[0])
    assert json.loads((uninterrupted / "config.json").read_text())["batch_size"] == 16
    checkpoints = Checkpoints(uninterrupted / CHECKPOINTS)
    assert checkpoints.steps() == [10, 20]
    meta = checkpoints.read_meta(20)
    assert (meta["kimg"], meta["images"], meta["labels"]) == (
        0.32,
        320,
        ["a", "b", "c"],
    )
    checkpoints.close()


@pytest.mark.slow
def test_grid_has_a_column_per_combination(uninterrupted):
    sheet = json.loads((uninterrupted / "samples/labels.json").read_text())
    assert sheet["columns"][0] == [0, 0, 1]
    assert sorted(map(tuple, sheet["columns"])) == [(0, 0, 1), (1, 0, 0), (1, 1, 0)]
    shape = (2 * 9 - 1, 3 * 9 - 1)
    for name in ("real", "000000"):
        image = np.asarray(Image.open(uninterrupted / f"samples/{name}.png"))
        assert image.shape == shape
        assert image.std() > 1


@pytest.mark.slow
@pytest.mark.parametrize("looks", [3, 10, 13])
def test_resumed_equals_uninterrupted(
    toy, toy_data, uninterrupted, tmp_path, monkeypatch, looks
):
    """SIGTERM between ticks, at a checkpoint and between grids."""
    out = tmp_path / "gan"
    with monkeypatch.context() as patch:
        patch.setattr(train_module.signals, "deferred", lambda: toy.StopAfter(looks))
        with pytest.raises(Preempted) as stopped:
            run(toy, toy_data, out)
    assert stopped.value.code == 143
    run(toy, toy_data, out)
    assert_same_run(out, uninterrupted)


@pytest.mark.slow
def test_lines_past_the_checkpoint_are_written_again(
    toy, toy_data, uninterrupted, tmp_path
):
    """kill -9 after the checkpoint at 160 images had been followed by more lines."""
    out = tmp_path / "gan"
    shutil.copytree(uninterrupted, out)
    shutil.rmtree(out / CHECKPOINTS / "20")
    with open(out / "metrics.jsonl", "a") as file:
        file.write('{"kimg": 0.38')
    run(toy, toy_data, out)
    assert_same_run(out, uninterrupted)


@pytest.mark.slow
def test_larger_kimg_continues(toy, toy_data, uninterrupted, tmp_path):
    out = tmp_path / "gan"
    run(toy, toy_data, out, kimg=0.16)
    before = metrics(out)
    run(toy, toy_data, out, kimg=0.32)
    assert metrics(out)[: len(before)] == before
    for a, b in zip(last_state(out), last_state(uninterrupted), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_finished_run_stays_as_it_is(toy, toy_data, uninterrupted, tmp_path):
    out = tmp_path / "gan"
    shutil.copytree(uninterrupted, out)
    run(toy, toy_data, out)
    assert_same_run(out, uninterrupted)


@pytest.mark.slow
def test_device_count_changes_little(toy, toy_data, uninterrupted, tmp_path):
    run(toy, toy_data, tmp_path / "gan", count=1)
    for a, b in zip(
        last_state(tmp_path / "gan"), last_state(uninterrupted), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-2, atol=1e-3)


def spoilt(optimizers):
    """Optimizers of which the discriminator's steps are far too large."""
    right = optimizers.discriminator

    def update(gradient, moments, params):
        change, moments = right.update(gradient, moments, params)
        return jax.tree.map(lambda x: 1e38 * x / 0.0025, change), moments

    wrong = optax.GradientTransformation(right.init, update)
    return dataclasses.replace(optimizers, discriminator=wrong)


@pytest.mark.slow
def test_divergence_stops_and_keeps_the_last_good_checkpoint(
    toy, toy_data, tmp_path, monkeypatch
):
    out = tmp_path / "gan"
    run(toy, toy_data, out, kimg=0.16)
    monkeypatch.setattr(
        train_module, "make_optimizers", lambda config: spoilt(make_optimizers(config))
    )
    with pytest.raises(StudyError, match=r"diverged.*Checkpoint 10 is kept"):
        run(toy, toy_data, out)
    checkpoints = Checkpoints(out / CHECKPOINTS)
    assert checkpoints.steps() == [10]
    checkpoints.close()


def test_checkpoint_of_another_architecture(
    toy, toy_data, uninterrupted, tmp_path, monkeypatch
):
    """The same config, but networks that another version of the code makes of it."""
    out = tmp_path / "gan"
    shutil.copytree(uninterrupted, out)

    def wider(sizes, **shape):
        return toy.make_toy(dataclasses.replace(sizes, w_size=7), **shape)

    other = dataclasses.replace(toy.TOY_STYLEGAN2, make=wider)
    monkeypatch.setitem(MODELS, "stylegan2", other)
    with pytest.raises(StudyError, match="another architecture"):
        run(toy, toy_data, out, kimg=0.64)


def test_checkpoint_of_other_settings(toy, toy_data, uninterrupted, tmp_path):
    out = tmp_path / "gan"
    shutil.copytree(uninterrupted, out)
    with pytest.raises(StudyError) as refused:
        run(toy, toy_data, out, stylegan2=StyleGAN2Config(w_size=7), r1_weight=3.0)
    for said in (
        "config.gan.r1_weight was 0.1 and is 3.0",
        "config.gan.stylegan2.w_size was 512 and is 7",
        "Set them back",
        f"config.gan.init_from={out}",
    ):
        assert said in str(refused.value)
    with pytest.raises(StudyError, match=r"the seed \(.*\) was 3 and is 7"):
        run(toy, toy_data, out, seed=4)


def test_a_preset_that_changed_in_the_code_is_noticed(
    toy, toy_data, uninterrupted, tmp_path, monkeypatch
):
    out = tmp_path / "gan"
    shutil.copytree(uninterrupted, out)

    def preset(sizes, **context):
        found = toy.TOY_STYLEGAN2.preset(sizes, **context)
        return dataclasses.replace(found, ema_half_life_kimg=99.0)

    other = dataclasses.replace(toy.TOY_STYLEGAN2, preset=preset)
    monkeypatch.setitem(MODELS, "stylegan2", other)
    with pytest.raises(StudyError, match=r"ema_half_life_kimg was 5.0 and is 99.0"):
        run(toy, toy_data, out)


@pytest.mark.slow
def test_a_checkpoint_of_the_last_release_goes_on(
    toy, toy_data, uninterrupted, tmp_path
):
    """As 40fcb6f wrote it: with -1 where there was nothing to fill in, and gone keys."""
    out = tmp_path / "gan"
    run(toy, toy_data, out, kimg=0.16)
    path = out / CHECKPOINTS / "10" / "meta" / "metadata"
    meta = json.loads(path.read_text())
    meta["config"] |= {"describe": False, "phase_kimg": -1.0, "grown_batch_sizes": []}
    meta["config"]["prog_gan"]["bf16_from"] = 8  # not selected
    del meta["config"]["seed"]
    path.write_text(json.dumps(meta))
    shutil.rmtree(out / CHECKPOINTS / "10" / "digest")  # it kept none
    run(toy, toy_data, out)
    for a, b in zip(last_state(out), last_state(uninterrupted), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    toy, toy_data, uninterrupted, tmp_path, capfd
):
    out = shutil.copytree(uninterrupted, tmp_path / "gan")
    path = out / CHECKPOINTS / "20" / "meta" / "metadata"
    path.write_bytes(path.read_bytes().replace(b"0.32", b"0.33", 1))
    assert load_generator(out).step == 10
    assert "checkpoints/20 is damaged (meta is not what was" in capfd.readouterr().err
    run(toy, toy_data, out)
    assert "going on from 0.2 kimg" in capfd.readouterr().err
    assert load_generator(out).step == 20
    assert_same_run(out, uninterrupted)
    assert (out / "damaged" / "20-1").is_dir()


@pytest.mark.slow
def test_another_seed_is_another_generator_of_the_same_data(toy, toy_data, tmp_path):
    run(toy, toy_data, tmp_path / "a", kimg=0.064, seed=2)
    devices = make_devices(DevicesConfig(count=2))
    config = toy.toy_config(kimg=0.064)
    train(config, seed=5, data=toy_data, out=tmp_path / "b", devices=devices)
    for ours, theirs in zip(
        last_state(tmp_path / "a"), last_state(tmp_path / "b"), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)  # 3 + 2


def test_batch_is_checked_before_anything_is_built(toy, toy_data, tmp_path):
    with pytest.raises(StudyError, match="does not divide"):
        run(toy, toy_data, tmp_path / "gan", batch_size=18)
    assert not (tmp_path / "gan").exists()


def test_grid_columns_have_every_finding():
    common = np.tile(np.eye(6, dtype=np.float32)[:5], (10, 1))
    rare = np.array([[1, 0, 0, 0, 0, 1], [np.nan, 0, 0, 0, 1, 1]], np.float32)
    columns = grid_columns(np.concatenate([common, rare, rare[:1]]))
    assert columns.shape == (6, 6)
    assert (np.nansum(columns, axis=0) > 0).all()
    np.testing.assert_array_equal(columns[-1], rare[0])


@pytest.mark.slow
def test_weights_of_another_study_are_the_start(
    toy, toy_data, uninterrupted, tmp_path, capsys
):
    still = {"generator_learning_rate": 1e-12, "discriminator_learning_rate": 1e-12}
    run(toy, toy_data, tmp_path, kimg=0.064, init_from=str(uninterrupted), **still)
    assert "0.3 kimg" in capsys.readouterr().err
    ours, theirs = load_generator(tmp_path), load_generator(uninterrupted)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=2e-2),
        ours.params["params"],
        theirs.params["params"],
    )
    other = tmp_path / "other"
    run(toy, toy_data, other, kimg=0.064, **still)
    moved = jax.tree.map(
        lambda a, b: np.max(np.abs(a - b)) > 2e-2,
        load_generator(other).params["params"],
        theirs.params["params"],
    )
    assert any(jax.tree.leaves(moved))
