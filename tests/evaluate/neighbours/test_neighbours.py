"""Neighbours: planted copies are found, the control holds, the pictures are there."""

import json

import numpy as np
import pytest
import scipy.stats
from PIL import Image

from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.core.errors import ConfigError, StudyError
from synthjax.data.dataset import Dataset
from synthjax.evaluate.inputs import Inputs
from synthjax.evaluate.neighbours.config import NeighboursConfig
from synthjax.evaluate.neighbours.neighbours import (
    averaged,
    measure_neighbours,
    share_close,
)
from synthjax.evaluate.pictures.rows import GAP, WIDE, picture_row
from synthjax.evaluate.results.json_form import to_json
from synthjax.metrics.knn import nearest

CONFIG = NeighboursConfig(strips=4, batch_size=32)


def run(study, out, *, config=CONFIG, count=1, seed=0):
    inputs = Inputs.open(
        **study,
        seed=seed,
        level=0.95,
        replicates=2,
        out=out,
        devices=make_devices(DevicesConfig(count=count)),
    )
    return to_json(measure_neighbours(config, inputs))


@pytest.fixture(scope="module")
def measured(random_study, tmp_path_factory):
    out = tmp_path_factory.mktemp("evaluate")
    return run(random_study, out), out / "neighbours"


@pytest.mark.slow
def test_planted_copies_are_the_closest(measured) -> None:
    found, out = measured
    sheet = json.loads((out / "sheet.json").read_text())
    for name in ("own", "pixels"):
        strips = [
            picture
            for picture in sheet["pictures"]
            if (picture["distance"], picture["choice"]) == (name, "closest")
        ]
        pairs = {(s["image"]["id"], s["neighbours"][0]["id"]) for s in strips[:2]}
        assert pairs == {
            ("synth-train-0003", "data-train-0005"),
            ("synth-train-0020", "data-train-0009"),
        }
        near = [strip["neighbours"][0]["distance"] for strip in strips]
        assert max(near[:2]) < 1e-9
        assert near[2] > 1e-6
        part = found if name == "own" else found["pixels"]
        assert part["closer_than_real_1pct"]["value"] >= 2 / 60
    worst = [
        picture["neighbours"][0]["distance"]
        for picture in sheet["pictures"]
        if picture["choice"] == "furthest"
    ]
    assert worst == sorted(worst, reverse=True)
    assert worst[0] == pytest.approx(max(found["curve"]["synthetic"]), rel=1e-3)


@pytest.mark.slow
def test_numbers_are_those_of_a_plain_search(measured, random_study) -> None:
    found, _ = measured
    train, synthetic, test = (
        Dataset.open(random_study[arm]).table(split).pixels.reshape(-1, 256) / 255
        for arm, split in (("data", "train"), ("synth", "train"), ("data", "test"))
    )

    def distances(query):
        difference = query[:, None] - train[None]
        return np.sqrt((difference**2).mean(axis=2)).min(axis=1)

    made, control = distances(synthetic), distances(test)
    for key, expected in (("synthetic_to_train", made), ("test_to_train", control)):
        quantiles = found["pixels"][key]["quantiles"]
        assert {"0.01", "0.05", "0.5"} <= set(quantiles)
        for level, value in quantiles.items():
            assert value == pytest.approx(np.quantile(expected, float(level)), abs=1e-6)
    close = int((made < np.quantile(control, 0.01)).sum())
    exact = scipy.stats.binomtest(close, 60).proportion_ci(0.95, "exact")
    share = found["pixels"]["closer_than_real_1pct"]
    assert (share["low"], share["high"]) == pytest.approx((exact.low, exact.high))
    assert (found["n"], found["n_test"], found["n_train"]) == (60, 40, 60)
    assert found["encoder"] == "own: classifier real/seed0, 32d"
    assert found["curve"]["test"][0] == found["test_to_train"]["quantiles"]["0"]


@pytest.mark.slow
def test_honest_images_are_close_as_often_as_real_ones() -> None:
    """Synthetic images of the same distribution: about 1 %, and the interval says so."""
    random = np.random.default_rng(0)
    covered = []
    for _ in range(20):
        train, test, made = (random.normal(size=(n, 8)) for n in (300, 4000, 400))
        control = nearest(test, train, k=1, metric="euclidean")[0][:, 0]
        share = share_close(
            nearest(made, train, k=1, metric="euclidean")[0][:, 0], control, 0.95
        )
        covered.append(share.low <= 0.01 <= share.high)
    assert np.mean(covered) >= 0.9


def test_pictures_are_readable_and_described(measured) -> None:
    _, out = measured
    sheet = json.loads((out / "sheet.json").read_text())
    files = {picture["file"] for picture in sheet["pictures"]}
    assert files == {path.name for path in out.glob("*.png")}
    assert len(files) == len(sheet["pictures"]) == 6 * CONFIG.strips
    for picture in sheet["pictures"]:
        with Image.open(out / picture["file"]) as image:
            assert image.size == (4 * 96 + WIDE + 2 * GAP, 96)
        assert len(picture["neighbours"]) == 3
        distances = [image["distance"] for image in picture["neighbours"]]
        assert distances == sorted(distances)
        assert picture["choice"] in sheet["choices"]
        assert picture["distance"] in sheet["distances"]
        assert picture["alt"].startswith(
            "A real test image" if "test" in picture["choice"] else "A synthetic image"
        )
    own = next(p for p in sheet["pictures"] if p["file"] == "own_closest_0.png")
    strip = np.asarray(Image.open(out / own["file"]))
    # The first is a copy: the query and its nearest look the same.
    np.testing.assert_array_equal(strip[:, :96], strip[:, 96 + WIDE : 192 + WIDE])
    assert (strip[:, 96 : 96 + WIDE] == 255).all()


@pytest.mark.slow
def test_devices_do_not_matter(measured, random_study, tmp_path) -> None:
    one, out = measured
    two = run(random_study, tmp_path, count=2)
    assert two["pixels"] == one["pixels"]
    for key in ("synthetic_to_train", "test_to_train"):
        pairs = zip(
            two[key]["quantiles"].values(), one[key]["quantiles"].values(), strict=True
        )
        for mine, theirs in pairs:
            assert mine == pytest.approx(theirs, abs=1e-6)
    for path in out.glob("pixels*.png"):
        assert (tmp_path / "neighbours" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_a_draw_of_images_is_fixed_by_the_seed(random_study, tmp_path) -> None:
    config = NeighboursConfig(images=25, controls=30, strips=2, batch_size=32)
    first = run(random_study, tmp_path / "a", config=config)
    again = run(random_study, tmp_path / "b", config=config)
    other = run(random_study, tmp_path / "c", config=config, seed=1)
    assert first == again != other
    assert (first["n"], first["n_test"], first["n_train"]) == (25, 30, 60)


def test_averaged_is_block_means() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 2), np.uint8)
    expected = pixels.reshape(3, 32, 2, 32, 2, 2).mean((2, 4)).reshape(3, -1) / 255
    np.testing.assert_allclose(averaged(pixels), expected, atol=1e-6)
    deep = pixels.astype(np.uint16) * 257
    np.testing.assert_allclose(averaged(deep), expected, atol=1e-6)
    for side, blocks in ((16, 16), (32, 32), (60, 30), (100, 25)):
        assert averaged(pixels[:1, :1, :1].repeat(side, 1).repeat(side, 2)).shape == (
            1,
            2 * blocks**2,
        )


def test_a_row_of_pictures_keeps_its_pixels() -> None:
    grey = np.arange(4, dtype=np.uint8).reshape(2, 2, 1)
    red = np.full((2, 2, 3), (255, 0, 0), np.uint8)
    row = picture_row([[grey], [red, red]])
    assert row.shape == (96, 3 * 96 + WIDE + GAP, 3)
    np.testing.assert_array_equal(row[::48, :96:48, 0], grey[..., 0])
    assert (row[:, 96 + WIDE : 192 + WIDE] == (255, 0, 0)).all()


def test_what_cannot_be_is_refused(random_study, tmp_path) -> None:
    assert run(random_study, tmp_path, config=NeighboursConfig(images=0)) is None
    assert not (tmp_path / "neighbours").exists()
    with pytest.raises(ConfigError, match="images=-1: must be at least 0"):
        NeighboursConfig(images=-1)
    with pytest.raises(ConfigError, match="strips=0: must be at least 1"):
        NeighboursConfig(strips=0)
    with pytest.raises(StudyError, match="no trained classifier"):
        run({**random_study, "classifier": tmp_path}, tmp_path)
