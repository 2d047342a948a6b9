"""The entry of results.json: what is in it, on any devices, and what it tells apart."""

import dataclasses

import numpy as np
import pytest

from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.core.errors import ConfigError, StudyError
from synthjax.data.dataset import Dataset
from synthjax.data.schema import Record, Schema
from synthjax.data.store.write import write_set
from synthjax.encoders import EncoderConfig, make_encoder
from synthjax.evaluate.fidelity.config import FidelityConfig
from synthjax.evaluate.fidelity.features import FeatureReader, fit_features
from synthjax.evaluate.fidelity.measure import measure_fidelity
from synthjax.evaluate.fidelity.sets import assign_sets, draw_images
from synthjax.evaluate.inputs import Inputs
from synthjax.evaluate.results.json_form import to_json
from synthjax.metrics.registry import IMAGE_METRICS, METRICS
from tests.toys.metric import METRIC as TOY

SIDE = 32
CONFIG = FidelityConfig(
    encoders=("random", "pixel_pca"),
    random_seeds=1,
    label_minimum=60,
    batch_size=64,
    pairs=60,
)


def blobs(random, prefix, count, kind="real"):
    """A bright blob at a place that the patient has, on noise; two images each."""
    y, x = np.mgrid[:SIDE, :SIDE]
    place = np.repeat(random.normal(16, 3, (count // 2, 2)), 2, axis=0)
    place += random.normal(0, 0.7, place.shape)
    for i, (row, column) in enumerate(place):
        square = (y - row) ** 2 + (x - column) ** 2
        image = 60 + 120 * np.exp(-square / 20) + random.normal(0, 9, (SIDE, SIDE))
        if kind == "noise":
            image = random.normal(70, 40, (SIDE, SIDE))
        yield Record(
            id=f"{prefix}{i:04d}",
            pixels=np.clip(image, 0, 255).astype(np.uint8)[..., None],
            label=np.array([i % 2, i % 10 == 0], np.float32),
            patient_id=f"{prefix}p{i // 2}",
        )


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    folder, random = tmp_path_factory.mktemp("sets"), np.random.default_rng(0)
    schema = Schema("blobs", ("Often", "Rare"), SIDE, 1)
    splits = {
        "train": list(blobs(random, "a", 240)),
        "test": list(blobs(random, "b", 400)),
    }
    write_set(folder / "data", schema, splits)
    for kind in ("real", "noise"):
        write_set(folder / kind, schema, {"test": blobs(random, "s", 220, kind)})
    return folder


def measure(sets, kind, count=4, **changes):
    config = dataclasses.replace(CONFIG, **changes)
    return to_json(measure_fidelity(config, inputs(sets / "data", sets / kind, count)))


def inputs(data, synth, count):
    return Inputs.open(
        data=data,
        synth=synth,
        classifier=data.parent / "classifier",
        seed=1,
        level=0.95,
        replicates=2,
        out=data.parent,
        devices=make_devices(DevicesConfig(count=count)),
    )


@pytest.fixture(scope="module")
def found(sets):
    return {kind: measure(sets, kind) for kind in ("real", "noise")}


def values(entry):
    return {m["name"]: (m["synthetic"], m["floor"], m["better"]) for m in entry}


@pytest.mark.slow
def test_everything_is_there_and_named(found):
    random, pixels = found["real"]["encoders"]
    assert random["name"] == "random network of seed 0, 50 of 256d"
    assert pixels["name"] == "pixels 32x32, 50 of 1024d"
    assert (random["n_real"], random["n_synthetic"], random["n_train"]) == (
        200,
        200,
        240,
    )
    names = [metric["name"] for metric in random["metrics"]]
    assert names == [
        *("frechet", "frechet_infinity", "kid", "vendi", "precision", "recall"),
        *("density", "coverage", "alpha_precision", "core_recall", "authenticity"),
    ]
    for metric in random["metrics"]:
        for part in (metric["synthetic"], metric["floor"]):
            assert part["low"] <= part["value"] <= part["high"], metric
    often, rare = random["labels"]
    assert [m["name"] for m in often["metrics"]] == names[:3]
    assert 80 <= often["n_real"] == often["n_synthetic"] <= 100
    assert often["encoder"] == "random network of seed 0, 32 of 256d"
    assert rare["metrics"] == []
    assert "images of the smallest set, below 60" in rare["reason"]
    assert [m["name"] for m in found["real"]["images"]] == [
        "sliced_wasserstein",
        "ms_ssim",
    ]


@pytest.mark.slow
def test_an_honest_sampler_is_at_the_baseline_and_noise_is_not(found):
    """As good as real images in every number; noise fails every distance.

    Precision it may pass: along the axes of real images, noise lies in their middle.
    """
    for entry in found["real"]["encoders"]:
        for name, (synthetic, baseline, _) in values(entry["metrics"]).items():
            assert synthetic["low"] <= baseline["high"], name
            assert baseline["low"] <= synthetic["high"], name
    for entry in found["noise"]["encoders"]:
        for name, (synthetic, baseline, better) in values(entry["metrics"]).items():
            if better == "low":
                assert synthetic["low"] > baseline["high"], name
            if name in ("coverage", "core_recall"):
                assert synthetic["high"] < baseline["low"], name
    similar = values(found["noise"]["images"])["ms_ssim"]
    assert similar[0]["high"] < similar[1]["low"]


@pytest.mark.slow
def test_it_does_not_depend_on_devices_or_batches(found, sets):
    again = measure(sets, "real", count=1, batch_size=50)
    for one, other in zip(found["real"]["encoders"], again["encoders"], strict=True):
        first, second = values(one["metrics"]), values(other["metrics"])
        for name, (synthetic, _, _) in first.items():
            same = pytest.approx(synthetic["value"], rel=1e-4, abs=1e-5)
            assert second[name][0]["value"] == same


@pytest.mark.slow
def test_a_metric_from_outside_is_measured_too(sets, monkeypatch):
    monkeypatch.setitem(METRICS, "toy", TOY)
    monkeypatch.delitem(IMAGE_METRICS, "ms_ssim")
    by_label = dataclasses.replace(TOY, name="toy by label", by_label=True)
    monkeypatch.setitem(METRICS, "toy by label", by_label)
    found = measure(sets, "noise", encoders=("pixel_pca",))
    (encoder,) = found["encoders"]
    toy = encoder["metrics"][-2]
    assert (toy["name"], toy["better"]) == ("toy", "low")
    assert toy["synthetic"]["value"] > toy["floor"]["value"]
    often = [metric["name"] for metric in encoder["labels"][0]["metrics"]]
    assert often == ["frechet", "frechet_infinity", "kid", "toy by label"]
    assert [metric["name"] for metric in found["images"]] == ["sliced_wasserstein"]


@pytest.mark.slow
def test_halves_share_no_patient(sets):
    random, data = np.random.default_rng(2), Dataset.open(sets / "data")
    real = draw_images(data["test"], 1000, random)
    few = draw_images(data["test"], 90, random)
    assert (len(real), len(few)) == (400, 90)
    rows = assign_sets(real, real, random)
    assert not set(real.patient[rows.real]) & set(real.patient[rows.held_out])
    assert len(rows.real) == len(rows.held_out) == len(rows.synthetic) >= 190
    assert len(assign_sets(real, few, random).real) == 90


@pytest.mark.slow
def test_features_are_fitted_to_training_images(sets):
    stored = Dataset.open(sets / "data")["train"]
    train = draw_images(stored, 1000, np.random.default_rng(3))
    devices = make_devices(DevicesConfig(count=2))
    encoders = [
        make_encoder(EncoderConfig(name), SIDE, 1, fitted=True)
        for name in ("radiomics", "pixel_pca")
    ]
    radiomics, pixels = FeatureReader(encoders, 64, devices).features(train)
    fit, name = fit_features(encoders[0], radiomics, 128)
    made = fit(radiomics)
    varies = radiomics.std(axis=0) > 1e-4
    np.testing.assert_allclose(made.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(made[:, varies].std(axis=0, ddof=1), 1, rtol=1e-3)
    assert name == encoders[0].name
    fit, name = fit_features(encoders[1], pixels, 20)
    made = fit(pixels)
    # Uncorrelated, by falling variance, whose mean is 1.
    covariance = np.cov(made.T.astype(np.float64))
    assert (np.diff(np.diag(covariance)) < 0).all()
    np.testing.assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-2)
    assert np.trace(covariance) / 20 == pytest.approx(1, rel=1e-4)
    whole, _ = fit_features(encoders[1], pixels, 1024)
    total = np.cov(whole(pixels).T.astype(np.float64)).trace() / 1024
    assert total == pytest.approx(1, rel=1e-4)
    assert name == "pixels 32x32, 20 of 1024d"


def test_what_cannot_be_measured_is_said(sets, tmp_path):
    assert measure(sets, "real", encoders=()) is None
    few = measure(sets, "real", images=40)
    assert few["reason"] == "40 images of the smallest set; at least 48 are needed"
    with pytest.raises(StudyError, match="no trained classifier"):
        measure(sets, "real", encoders=("own",))
    with pytest.raises(ConfigError, match="encoders=.*resnet.*: must be one of pixels"):
        FidelityConfig(encoders=("resnet",))
    with pytest.raises(
        ConfigError, match="dimensions=2048: must be at least 1 and at most 512"
    ):
        FidelityConfig(dimensions=2048)
    with pytest.raises(ConfigError, match="axes_per_image=2.0"):
        FidelityConfig(axes_per_image=2.0)
    with pytest.raises(ConfigError, match="pairs=0: must be at least 1"):
        FidelityConfig(pairs=0)
    records = list(blobs(np.random.default_rng(1), "a", 60))
    schema = Schema("blobs", ("Often", "Rare"), SIDE, 1)
    with pytest.raises(StudyError, match="patient .* is in"):
        write_set(tmp_path, schema, {"train": records[:31], "test": records[31:]})
        measure_fidelity(CONFIG, inputs(tmp_path, sets / "real", 1))
