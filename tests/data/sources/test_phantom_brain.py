"""The phantom brain: its rows, its reader, its anatomy and what the scanner adds."""

import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from synthjax.core.errors import ConfigError
from synthjax.data.images.pixels import PixelsConfig
from synthjax.data.images.windowing import WINDOWS, apply_window
from synthjax.data.listing import Context, Listing
from synthjax.data.problems import Problems
from synthjax.data.sources import phantom_brain_atlas
from synthjax.data.sources.phantom_brain import (
    PhantomBrainConfig,
    draw_case,
    list_images,
    paint,
    scan,
)
from synthjax.data.sources.phantom_brain_atlas import healthy
from synthjax.phantom.head import brain as head_brain
from synthjax.phantom.head.anatomy import LEVELS
from synthjax.phantom.head.labels import LABELS, TYPES
from synthjax.phantom.head.rendering import paint_head
from synthjax.phantom.radiograph import box_downsample

CONFIG = PhantomBrainConfig(patients=30)
QUIET = replace(CONFIG, noise=0.0, cupping=0.0)
FINE = 128  # pixels a side; tissue is computed on 256 points a side


def listed(
    config: PhantomBrainConfig = CONFIG, resolution: int = 32, window: str = "file"
) -> Listing:
    """The phantom listed as the data stage would."""
    context = Context(
        resolution=resolution,
        channels=3 if window == "three" else 1,
        seed=3,
        workers=1,
        prepared=Path(),
        pixels=PixelsConfig(window=window),
        problems=Problems("error", 0.0),
    )
    return list_images(config, context)


# Listing and reading


def test_rows_are_complete_ordered_and_fit_their_slices():
    rows = listed().metadata
    assert len(set(rows.id)) == len(rows) and list(rows.id) == sorted(rows.id)
    assert set(rows.patient_id) == {f"patient{number:05d}" for number in range(30)}
    assert set(rows.sex) <= {"F", "M"} and set(rows.view) == {"axial"}
    assert np.all((rows.age >= 18) & (rows.age <= 95))
    assert rows.label.shape == (len(rows), 6) and rows.label.dtype == np.float32
    assert np.array_equal(rows.label[:, 5], rows.label[:, :5].sum(1) == 0)
    for number in range(30):
        case = draw_case(CONFIG, 3, number)
        mine = rows.patient_id == case.name
        assert list(rows.id[mine]) == [
            f"{case.name}-slice{image + 1}" for image in range(len(case.levels))
        ]
        assert 1 <= len(case.levels) <= 4
        assert np.all(np.diff(case.levels) > 0)
        assert LEVELS[0] <= case.levels[0] and case.levels[-1] <= LEVELS[-1]


def test_a_slice_depends_on_seed_patient_and_number_alone():
    listing = listed()
    again = listed(replace(CONFIG, patients=7))
    np.testing.assert_array_equal(
        again.metadata.id, listing.metadata.id[: len(again.metadata)]
    )
    np.testing.assert_array_equal(
        again.metadata.label, listing.metadata.label[: len(again.metadata)]
    )
    records = [listing.metadata.record(number) for number in range(8)]
    backwards = [again.read(record) for record in records[::-1]][::-1]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        elsewhere = list(pool.map(listing.read, records))
    for one, other, record in zip(backwards, elsewhere, records, strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(one, listing.read(record))
    assert not np.array_equal(backwards[0], backwards[1])
    copy = pickle.loads(pickle.dumps(listing.read))
    np.testing.assert_array_equal(copy(records[0]), backwards[0])


def test_windows():
    record = listed().metadata.record(4)
    hounsfield = listed().read.hounsfield(record)
    assert hounsfield.dtype == np.int16 and hounsfield.shape == (32, 32)
    assert hounsfield.min() < -950 and hounsfield.max() > 500
    values = hounsfield.astype(np.float32)
    three = listed(window="three").read(record)
    assert three.shape == (32, 32, 3) and three.dtype == np.float32
    for channel, name in enumerate(("brain", "subdural", "bone")):
        alone = listed(window=name).read(record)
        np.testing.assert_array_equal(alone[..., 0], three[..., channel])
        np.testing.assert_array_equal(
            alone[..., 0], apply_window(values, WINDOWS[name])
        )
    np.testing.assert_array_equal(  # as a DICOM file is shown that says no function
        listed().read(record)[..., 0], apply_window(values, WINDOWS["brain"], "LINEAR")
    )


@pytest.mark.parametrize(("pixels", "hounsfield"), [(16, 1.2), (64, 0.8), (128, 1.0)])
def test_the_same_slice_at_two_resolutions(pixels, hounsfield):
    for number in range(4):
        case = draw_case(QUIET, 0, number)
        small = scan(QUIET, case, 0, pixels).astype(np.float32)
        fine = scan(QUIET, case, 0, 2 * pixels).astype(np.float32)
        # A pixel averages tissue, so HU are compared, in the range of soft tissue.
        mean = box_downsample(fine, pixels)
        soft = box_downsample((np.abs(fine - 40) < 60).astype(float), pixels) == 1
        assert np.abs(small - mean)[soft].mean() < hounsfield
        assert np.corrcoef(small.ravel(), mean.ravel())[0, 1] > 0.995


def test_noise_has_the_stated_deviation_and_only_that():
    case = draw_case(QUIET, 0, 3)
    still = scan(QUIET, case, 0, 256).astype(float)
    noisy = scan(replace(QUIET, noise=4.0), case, 0, 256).astype(float)
    inside = np.abs(still - 30) < 20  # nothing is clipped
    assert (noisy - still)[inside].std() == pytest.approx(4, rel=0.05)
    # The sum over a kernel doubles the deviation of a mean; four of them.
    assert abs((noisy - still)[inside].mean()) < 4 * 2 * 4 / inside.sum() ** 0.5
    rows = (noisy - still)[100:150, 80:170]
    alike = np.corrcoef(rows[:, 1:].ravel(), rows[:, :-1].ravel())[0, 1]
    assert 0.3 < alike < 0.6


def test_beam_hardening_brightens_the_rim_of_the_brain():
    case = draw_case(QUIET, 0, 3)
    cupped = scan(replace(QUIET, cupping=5.0), case, 0, 128).astype(float)
    change = cupped - scan(QUIET, case, 0, 128)
    _, points = paint(case, 0, 128)
    depth = box_downsample(points.depth, 128)
    assert 2 < change[(depth > 1) & (depth < 4)].mean() < 5
    assert abs(change[depth > 45]).mean() < 0.1
    assert not change[depth < -3].any()


# Anatomy


def test_tissues_have_their_hounsfield_units():
    for number in range(8):
        case = healthy(draw_case(QUIET, 1, number))
        canvas, points = paint(replace(case, levels=np.array([6.0])), 0, FINE)
        image = canvas.hounsfield
        ventricles = head_brain.lateral_ventricles(points)
        nuclei = head_brain.deep_grey(points)
        assert ventricles is not None and nuclei is not None
        fluid = np.median(image[ventricles > 1.5])
        assert 4 < fluid < 10 and fluid == pytest.approx(case.head.csf, abs=0.5)
        grey = image[(nuclei > 2) & (ventricles < -3)]
        assert 36 < np.median(grey) < 41
        high, places = paint(replace(case, levels=np.array([36.0])), 0, FINE)
        white = high.hounsfield[(places.below > 28) & (places.away > 12)]
        assert 27 <= np.median(white) <= 32
        assert np.median(grey) > np.median(white) + 4
        assert np.all(image[points.depth < -40] == -1000)
        bone = image[(points.depth < 0) & (points.depth > -5)]
        assert 500 < np.median(bone) < 1600
        scalp = image[(points.depth < -8) & (points.depth > -25)]
        assert scalp.min() < -900 and np.any(np.abs(scalp + 85) < 5)


def test_ventricles_and_sulci_are_wide_in_the_old():
    case = healthy(draw_case(QUIET, 1, 2))
    shares = []
    for atrophy in (0.1, 0.5, 0.9):
        head = replace(case.head, atrophy=atrophy)
        fluid = []
        for level in (8.0, 45.0):  # ventricles; sulci only
            canvas, points = paint_head(head, level, case.haemorrhages, 256)
            fluid.append(np.mean(canvas.hounsfield[points.depth > 0] < 18))
        shares.append(fluid)
    assert np.all(np.diff(shares, axis=0) > 0.01)


def test_levels_are_told_apart_by_their_landmarks():
    case = healthy(draw_case(QUIET, 1, 4))
    found = {}
    for level in (-28.0, -14.0, 6.0, 20.0, 50.0):
        canvas, points = paint(replace(case, levels=np.array([level])), 0, FINE)
        inside = points.depth > 8
        central = points.depth > 28
        found[level] = (
            np.mean(canvas.hounsfield[inside] > 300),  # bone of the base
            np.mean(canvas.hounsfield[central] < 15),  # ventricles and cisterns
            inside.sum(),
        )
    bone, fluid, size = (np.array(column) for column in zip(*found.values()))
    assert bone[0] > 0.02 and np.all(bone[1:] < 0.005)
    assert fluid[2:4].min() > 2 * fluid[4] and fluid[1] > fluid[4]
    assert size[4] < 0.8 * size[3]


# Refusals and the rest


@pytest.mark.parametrize("resolution", [0, 8, 48, 2048])
def test_a_resolution_that_cannot_be_rendered_is_named(resolution):
    with pytest.raises(ConfigError, match=f"resolution={resolution}"):
        listed(resolution=resolution)


@pytest.mark.parametrize(
    "wrong",
    [{"patients": 0}, {"slices_per_patient": 17}, {"noise": -1.0}, {"cupping": 50.0}],
)
def test_config_says_what_is_wrong(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ConfigError, match=f"{name}={value}"):
        PhantomBrainConfig(**wrong)


def test_workers_do_not_load_jax():
    code = (
        "import sys; import synthjax.data.sources.phantom_brain; "
        "sys.exit('jax' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_atlas_shows_every_type():
    page = np.asarray(phantom_brain_atlas.atlas(resolution=16, pixels=32))
    rows = -(-len(LABELS) // phantom_brain_atlas.COLUMNS)
    assert page.shape[0] == rows * (32 + phantom_brain_atlas.TITLE)
    assert page.std() > 30
    for index, name in enumerate(TYPES):
        shown = np.asarray(phantom_brain_atlas.pair(name, index, 32), int)
        assert np.abs(shown[:, :32] - shown[:, 32:]).max() > 60
