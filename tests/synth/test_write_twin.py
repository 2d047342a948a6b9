"""The twin is written whole, like the real set, and goes on after an interruption."""

import numpy as np
import pytest

from synthjax.core.errors import StudyError
from synthjax.core.files import read_json
from synthjax.data.dataset import Dataset
from synthjax.synth import write
from synthjax.synth.config import SynthConfig
from synthjax.synth.sample import Sampler
from synthjax.synth.write import write_twin

CONFIG = SynthConfig(batch_size=4, chunk=4)


@pytest.fixture(autouse=True)
def toy(monkeypatch, toy_generator):
    monkeypatch.setattr(write, "load_generator", lambda gan, step: toy_generator)
    return toy_generator


@pytest.fixture
def draw_twin(real_set, tmp_path, one_device):
    def draw(name="synth", config=CONFIG):
        out = tmp_path / name
        gan = tmp_path / "gan"
        write_twin(config, seed=5, data=real_set, gan=gan, out=out, devices=one_device)
        return out

    return draw


def images(out):
    return {s: Dataset.open(out).table(s).pixels for s in ("train", "valid", "test")}


def assert_same(a, b):
    for split, pixels in images(a).items():
        np.testing.assert_array_equal(pixels, images(b)[split])


def rows_of(label):
    """Label vectors in an order of their own."""
    return sorted(map(tuple, np.nan_to_num(label, nan=-1).tolist()))


@pytest.mark.slow
def test_twin_has_the_schema_and_labels_of_the_real_set_in_another_order(
    draw_twin, real_set
):
    out = draw_twin()
    assert Dataset.open(out).schema == Dataset.open(real_set).schema
    assert Dataset.open(out).counts == Dataset.open(real_set).counts
    real, twin = Dataset.open(real_set).table("train"), Dataset.open(out).table("train")
    assert rows_of(twin.label) == rows_of(real.label)
    assert not np.array_equal(twin.label, real.label, equal_nan=True)
    assert twin.id[10] == twin.patient_id[10] == "synthetic-train-000010"
    assert np.isnan(twin.age).all()
    assert set(twin.sex) == set(twin.view) == {""}
    assert (out / "splits.json").exists()
    assert not (out / "chunks").exists()


@pytest.mark.slow
def test_twin_holds_the_images_that_the_sampler_draws(draw_twin, toy, one_device):
    twin = Dataset.open(draw_twin()).table("test")
    sampler = Sampler(toy, seed=5, bits=8, devices=one_device, batch_size=4)
    drawn = sampler(np.arange(len(twin)), twin.label, split="test")
    np.testing.assert_array_equal(twin.pixels, drawn)


@pytest.mark.slow
def test_provenance_says_how_to_draw_it_again(draw_twin):
    record = read_json(draw_twin() / "provenance.json")
    assert record["generator"]["step"] == 7
    assert record["generator"]["kimg"] == 0.5
    assert len(record["generator"]["ema_sha256"]) == 64
    assert (record["seed"], record["psi"]) == (5, 1.0)
    assert record["counts"]["train"]["images"] == 11
    assert record["versions"]["jax"]


@pytest.mark.slow
def test_interrupted_run_goes_on_and_ends_the_same(draw_twin, monkeypatch, tmp_path):
    whole = draw_twin("whole")
    calls = []
    call = Sampler.__call__

    def counted(self, index, *args, **kwargs):
        calls.append(len(index))
        if len(calls) == 4:
            raise KeyboardInterrupt
        return call(self, index, *args, **kwargs)

    monkeypatch.setattr(Sampler, "__call__", counted)
    with pytest.raises(KeyboardInterrupt):
        draw_twin("again")
    kept = list((tmp_path / "again" / "chunks").rglob("*.npz"))
    assert len(kept) == 3
    calls[:] = [0] * 10
    out = draw_twin("again")
    assert sum(calls) == 11 + 3 + 5 - 11  # the train split was there already
    assert_same(out, whole)
    assert read_json(out / "provenance.json") == read_json(whole / "provenance.json")


@pytest.mark.slow
def test_finished_set_is_not_drawn_again(draw_twin, monkeypatch):
    out = draw_twin()
    monkeypatch.setattr(Sampler, "__call__", None)
    assert draw_twin() == out


@pytest.mark.slow
def test_chunk_size_changes_no_byte_and_other_settings_use_no_old_chunk(draw_twin):
    assert_same(draw_twin("a"), draw_twin("b", SynthConfig(batch_size=4, chunk=100)))
    first = images(draw_twin("c"))
    second = images(draw_twin("c", SynthConfig(batch_size=4, chunk=4, seed=1)))
    assert np.any(first["train"] != second["train"])


@pytest.mark.slow
def test_count_and_splits(draw_twin):
    config = SynthConfig(
        count=13, label_source="sampled", splits=("train",), batch_size=4
    )
    assert Dataset.open(draw_twin(config=config)).counts == {"train": 13}


@pytest.mark.slow
def test_copies_repeat_the_labels_with_other_latents(draw_twin):
    one = draw_twin("one")
    out = draw_twin("three", SynthConfig(batch_size=4, chunk=4, copies_per_row=3))
    single, train = Dataset.open(one).table("train"), Dataset.open(out).table("train")
    assert Dataset.open(out).counts == {"train": 33, "valid": 3, "test": 5}
    for copy in range(3):
        rows = slice(11 * copy, 11 * copy + 11)
        np.testing.assert_array_equal(train.label[rows], single.label)
    np.testing.assert_array_equal(train.pixels[:11], single.pixels)
    np.testing.assert_array_equal(train.id[:11], single.id)
    assert len(np.unique(train.pixels.reshape(33, -1), axis=0)) == 33
    for split in ("valid", "test"):
        np.testing.assert_array_equal(images(out)[split], images(one)[split])
    record = read_json(out / "provenance.json")
    assert (record["copies_per_row"], record["counts"]["train"]["images"]) == (3, 33)
    assert Dataset.open(out).provenance["copies_per_row"] == 3


@pytest.mark.slow
def test_copies_of_a_count_of_drawn_labels(draw_twin):
    config = SynthConfig(
        count=7,
        copies_per_row=2,
        label_source="sampled",
        splits=("train",),
        batch_size=4,
    )
    label = Dataset.open(draw_twin(config=config)).table("train").label
    assert len(label) == 14
    np.testing.assert_array_equal(label[:7], label[7:])


def test_generator_of_other_data_is_refused(draw_twin, toy):
    toy.resolution = 32
    with pytest.raises(StudyError, match="trained with resolution 32"):
        draw_twin()
