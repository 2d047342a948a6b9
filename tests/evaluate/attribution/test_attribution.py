"""Attribution of a study: who is chosen, how agreement is counted, what is drawn."""

import json

import jax
import numpy as np
import pytest
import scipy.stats
from PIL import Image

from synthjax.classifier.predict import load_classifier
from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.core.errors import ConfigError, StudyError
from synthjax.data.dataset import Dataset
from synthjax.evaluate.attribution.agreement import compare_maps, rank_correlation
from synthjax.evaluate.attribution.attribution import measure_attribution
from synthjax.evaluate.attribution.choice import choose
from synthjax.evaluate.attribution.config import AttributionConfig
from synthjax.evaluate.attribution.pictures import colour
from synthjax.evaluate.inputs import Inputs
from synthjax.evaluate.pictures.rows import GAP, WIDE
from synthjax.evaluate.results.json_form import to_json
from synthjax.statistics.bootstrap import draw_patients

CONFIG = AttributionConfig(images=3, pictures=2, patches=4, nodes=8, batch_size=32)


def run(study, out, *, config=CONFIG, count=1):
    inputs = Inputs.open(
        **study,
        seed=0,
        level=0.95,
        replicates=200,
        out=out,
        devices=make_devices(DevicesConfig(count=count)),
    )
    return to_json(measure_attribution(config, inputs))


@pytest.fixture(scope="module")
def measured(random_study, tmp_path_factory):
    out = tmp_path_factory.mktemp("evaluate")
    return run(random_study, out), out / "attribution"


@pytest.mark.slow
def test_chosen_are_the_first_positives_of_distinct_patients(random_study) -> None:
    test = Dataset.open(random_study["data"]).table("test")
    chosen = choose(test, 3)
    for y in (0, 1):
        expected, seen = [], set()
        for i in np.argsort(test.id):
            if test.label[i, y] == 1 and test.patient_id[i] not in seen:
                seen.add(test.patient_id[i])
                expected.append(i)
        np.testing.assert_array_equal(chosen.row[chosen.finding == y], expected[:3])
    assert set(chosen.finding) == {0, 1}  # nobody has the third


@pytest.mark.slow
def test_occlusion_numbers_equal_a_plain_computation(measured, random_study) -> None:
    found, _ = measured
    test = Dataset.open(random_study["data"]).table("test")
    chosen = choose(test, 3)
    networks = {}
    for arm, folder in (
        ("real", "real/seed0"),
        ("synthetic", "synthetic/seed1"),
        ("again", "real/seed1"),
    ):
        network, params, _ = load_classifier(random_study["classifier"] / folder)
        networks[arm] = params
    logits = jax.jit(network.logits)
    assert found["classifiers"]["synthetic"] == "synthetic/seed1"
    maps = {arm: [] for arm in networks}
    for row, y in zip(chosen.row, chosen.finding, strict=True):
        image = (test.pixels[row] / 127.5 - 1).astype(np.float32)
        covered = np.repeat(image[None], 17, axis=0)
        for p in range(16):
            top, left = 4 * (p // 4), 4 * (p % 4)
            mean = 2 * (0.485 + 0.456 + 0.406) / 3 - 1
            covered[1 + p, top : top + 4, left : left + 4] = mean
        for arm, params in networks.items():
            logit = np.asarray(logits(params, covered)[:, y], np.float64)
            loss = np.log1p(np.exp(-logit))
            maps[arm].append(loss[1:] - loss[0])
    for key, arm in (("agreement", "synthetic"), ("control", "again")):
        expected = [
            scipy.stats.spearmanr(one, other).statistic
            for one, other in zip(maps["real"], maps[arm], strict=True)
        ]
        assert found[key]["value"] == pytest.approx(np.mean(expected), abs=0.005)
        assert -1 <= found[key]["low"] <= found[key]["value"] <= found[key]["high"] <= 1
    difference = found["agreement"]["value"] - found["control"]["value"]
    assert found["difference"]["value"] == pytest.approx(difference)
    assert (found["method"], found["n"], found["n_undefined"]) == ("occlusion", 6, 0)
    assert [label["name"] for label in found["labels"]] == ["bright", "left"]
    assert found["integrated_gradients"]["incompleteness"] < 0.5
    json.dumps(found, allow_nan=False)


def test_rank_correlation_equals_scipy_with_ties() -> None:
    random = np.random.default_rng(0)
    one, other = random.integers(0, 5, (2, 20, 30)).astype(float)
    expected = [
        scipy.stats.spearmanr(a, b).statistic for a, b in zip(one, other, strict=True)
    ]
    np.testing.assert_allclose(rank_correlation(one, other), expected, atol=1e-12)
    assert np.isnan(rank_correlation(np.ones((1, 4)), one[:1, :4])).all()


def test_same_maps_agree_wholly_and_unrelated_ones_do_not() -> None:
    random = np.random.default_rng(0)
    real, noise, flat = random.normal(size=(3, 40, 64))
    patient = np.repeat(np.arange(20), 2)
    draws = draw_patients(patient, 500, random)

    def compare(**maps):
        return compare_maps(maps, patient, draws, 0.95)

    found = compare(real=real, synthetic=noise, again=real)
    assert found.control.low == pytest.approx(1)
    assert found.control.value == pytest.approx(1)
    assert found.agreement.low < 0 < found.agreement.high
    assert found.difference.high < -0.8
    flat[7] = 0
    part = compare(real=real, synthetic=flat)
    assert (part.n_undefined, part.control, part.difference) == (1, None, None)
    left = rank_correlation(real, flat)
    assert part.agreement.value == pytest.approx(np.nanmean(left))
    nothing = to_json(compare(real=0 * real, synthetic=flat, again=real))
    for key in ("agreement", "control", "difference"):
        assert nothing[key] == {"value": None, "low": None, "high": None}
    assert nothing["n_undefined"] == 40


def test_interval_draws_patients() -> None:
    """Images of a patient that say the same are one: the interval is no narrower."""
    random = np.random.default_rng(1)
    real, other = random.normal(size=(2, 60, 16)) + random.normal(size=(60, 16))
    width = []
    for times in (1, 4):
        patient = np.repeat(np.arange(60), times)
        draws = draw_patients(patient, 2000, np.random.default_rng(0))
        maps = {"real": real.repeat(times, 0), "synthetic": other.repeat(times, 0)}
        interval = compare_maps(maps, patient, draws, 0.95).agreement
        width.append(interval.high - interval.low)
    assert width[0] == pytest.approx(width[1], rel=1e-6)
    # As the textbook has it for the mean of 60 numbers.
    values = rank_correlation(real, other)
    half = scipy.stats.t.ppf(0.975, 59) * values.std(ddof=1) / 60**0.5
    assert width[0] == pytest.approx(2 * half, rel=0.05)


@pytest.mark.slow
def test_pictures_are_readable_and_described(measured) -> None:
    _, out = measured
    sheet = json.loads((out / "sheet.json").read_text())
    files = {picture["file"] for picture in sheet["pictures"]}
    assert files == {path.name for path in out.glob("*.png")}
    assert len(files) == len(sheet["pictures"]) == 2 * 2 * CONFIG.pictures
    assert len(sheet["columns"]) == 3
    for picture in sheet["pictures"]:
        with Image.open(out / picture["file"]) as image:
            assert image.size == (3 * 96 + WIDE + GAP, 96)
        assert picture["finding"] in picture["alt"]
        assert picture["method"] in sheet["methods"]
        assert set(picture["scale_end"]) == {"real", "synthetic"}


def test_colours_can_be_read_in_grey() -> None:
    """Brightness rises with the value, and nothing has that of zero but zero."""
    value = np.linspace(-1, 1, 101)[None]
    picture, end = colour(value, signed=True)
    grey = picture[0] @ np.array([0.299, 0.587, 0.114])
    assert (np.diff(grey) > 0).mean() > 0.95
    assert (np.diff(grey) > -0.5).all()
    assert end == 1
    assert np.ptp(picture[0, 50].astype(int)) < 12  # zero is grey
    positive, end = colour(2 * value, signed=False)
    assert end == 2
    np.testing.assert_array_equal(positive[0, :51], positive[0, :1].repeat(51, 0))
    assert colour(np.zeros((2, 2)), signed=False)[1] == 0


@pytest.mark.slow
def test_devices_do_not_matter(measured, random_study, tmp_path) -> None:
    one, _ = measured
    two = run(random_study, tmp_path, count=2)
    assert two.keys() == one.keys()
    for key in ("agreement", "control", "difference"):
        for end, value in one[key].items():
            assert two[key][end] == pytest.approx(value, abs=0.005)


@pytest.mark.slow
def test_one_seed_has_no_control(random_study, tmp_path) -> None:
    for arm in ("real", "synthetic"):
        (tmp_path / "classifier" / arm).mkdir(parents=True)
        source = random_study["classifier"] / arm / "seed0"
        (tmp_path / "classifier" / arm / "seed0").symlink_to(source)
    study = {**random_study, "classifier": tmp_path / "classifier"}
    found = run(study, tmp_path)
    assert (found["control"], found["difference"]) == (None, None)
    assert found["classifiers"] == {
        "real": "real/seed0",
        "synthetic": "synthetic/seed0",
    }
    assert found["labels"][0]["control"] is None


def test_what_cannot_be_is_refused(random_study, tmp_path) -> None:
    assert run(random_study, tmp_path, config=AttributionConfig(images=0)) is None
    assert not (tmp_path / "attribution").exists()
    with pytest.raises(ConfigError, match="fill='black': must be one of imagenet"):
        AttributionConfig(fill="black")
    with pytest.raises(ConfigError, match="patches=0: must be at least 1"):
        AttributionConfig(patches=0)
    with pytest.raises(StudyError, match="no trained classifier"):
        run({**random_study, "classifier": tmp_path}, tmp_path)
