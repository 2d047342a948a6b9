"""The phantom chest: every finding in its place, images that depend on the seed."""

import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from synthjax.core.errors import ConfigError
from synthjax.data.images.pixels import PixelsConfig
from synthjax.data.listing import Context
from synthjax.data.problems import Problems
from synthjax.data.sources import phantom_chest_atlas
from synthjax.data.sources.phantom_chest import (
    PhantomChestConfig,
    build_scene,
    draw_case,
    list_images,
    render,
)
from synthjax.phantom.chest.anatomy import SIDES, heart, pleura
from synthjax.phantom.chest.labels import LABELS, close
from synthjax.phantom.chest.projection import FIELD, grid_for
from synthjax.phantom.radiograph import box_downsample
from synthjax.phantom.solids import Grid, make_grid, span

QUIET = PhantomChestConfig(photons=0.0)


def scene_with(*names: str, number: int = 5, severity_image: int = 0):
    """One patient with exactly these findings."""
    label = np.array([float(name in names) for name in LABELS], np.float32)
    case = replace(draw_case(QUIET, 0, number), label=close(label))
    return build_scene(case, severity_image)


def listed(config, resolution=16, seed=0):
    """The rows of a phantom set and the function that renders one."""
    context = Context(
        resolution, 1, seed, 1, Path(), PixelsConfig(), Problems("error", 0.0)
    )
    return list_images(config, context)


def images(config, **context):
    """Every record with its pixels, values of 0 to 1."""
    listing = listed(config, **context)
    records = map(listing.metadata.record, range(len(listing.metadata)))
    return [replace(record, pixels=listing.read(record)) for record in records]


def test_an_image_depends_on_seed_patient_and_number_alone():
    config = PhantomChestConfig(patients=12)
    every = images(config, seed=3)
    assert [one.id for one in every] == sorted(one.id for one in every)
    listing = pickle.loads(pickle.dumps(listed(config, seed=3)))
    last = listing.metadata.record(len(listing.metadata) - 1)
    np.testing.assert_array_equal(listing.read(last), every[-1].pixels)
    few = images(replace(config, patients=5), seed=3)
    for one, other in zip(few, every, strict=False):
        assert one.id == other.id
        np.testing.assert_array_equal(one.pixels, other.pixels)
    changed = images(replace(config, patients=1), seed=4)
    assert not np.array_equal(changed[0].pixels, every[0].pixels)


def test_what_is_listed():
    config = PhantomChestConfig(patients=12)
    assert listed(config).labels == LABELS
    made = images(config, resolution=32)
    assert len({record.id for record in made}) == len(made)
    assert {record.patient_id for record in made} == {
        f"patient{number:05d}" for number in range(12)
    }
    for record in made:
        assert record.pixels.shape == (32, 32, 1)
        assert record.pixels.dtype == np.float32
        assert 0 <= record.pixels.min() and record.pixels.max() <= 1
        assert record.label.dtype == np.float32 and record.label.shape == (14,)
        assert 18 <= record.age <= 95
        assert record.sex in ("F", "M") and record.view in ("PA", "AP")
        assert record.id.startswith(record.patient_id)
    counts = [sum(r.patient_id == name.patient_id for r in made) for name in made]
    assert min(counts) >= 1 and max(counts) <= 3


def test_the_view_that_is_listed_is_the_one_rendered():
    config = PhantomChestConfig(patients=30)
    listing = listed(config)
    for number in range(len(listing.metadata)):
        record = listing.metadata.record(number)
        patient, _, image = record.id.removeprefix("patient").partition("-study")
        scene = build_scene(draw_case(config, 0, int(patient)), int(image) - 1)
        assert record.view == scene.pose.view


@pytest.mark.parametrize("pixels", [16, 32, 64])
def test_the_same_patient_at_two_resolutions(pixels):
    for number in range(6):
        scene = build_scene(draw_case(QUIET, 0, number), 0)
        small, fine = (render(QUIET, scene, size, None) for size in (pixels, 128))
        # A detector averages intensities, so compare those, where nothing is clipped.
        large = -np.log(box_downsample(np.exp(-4 * fine), pixels)) / 4
        whole = box_downsample((fine > 0).astype(np.float32), pixels) == 1
        error = np.abs(small - large)[whole]
        assert error.mean() < 0.008
        assert np.quantile(error, 0.99) < 0.08


def test_images_of_a_patient_share_labels_but_differ():
    config = PhantomChestConfig(patients=8)
    made: dict[str, list] = {}
    for record in images(config, resolution=32, seed=1):
        made.setdefault(record.patient_id, []).append(record)
    several = [group for group in made.values() if len(group) > 1]
    assert several
    for first, second, *_ in several:
        np.testing.assert_array_equal(first.label, second.label)
        assert not np.array_equal(first.pixels, second.pixels)


def extent(shadow: np.ndarray, grid: Grid) -> tuple[float, float]:
    """Leftmost and rightmost x of a shadow (mm)."""
    x = grid.x[shadow.any(axis=0)]
    return float(x.min()), float(x.max())


def test_cardiothoracic_ratio_measured_from_masks_agrees_with_the_label():
    for number in range(60):
        case = draw_case(QUIET, 2, number)
        scene = build_scene(case, 0)
        grid = grid_for(scene, 128)
        left, right = extent(span(heart(scene), grid).length > 0, grid)
        lungs = [span(pleura(scene, side), grid) for side in SIDES]
        thorax = extent(lungs[0].length + lungs[1].length > 0, grid)
        ratio = (right - left) / (thorax[1] - thorax[0])
        if case.label[LABELS.index("Cardiomegaly")]:
            assert ratio > 0.55
        else:
            assert ratio < 0.48


# Finding, box (x0, x1, z0, z1 in mm, either side), least change of the mean, and sign.
CUES = [
    ("Enlarged Cardiomediastinum", (32, 52, 45, 85), 0.10),
    ("Cardiomegaly", (60, 85, -55, -15), 0.05),
    ("Lung Opacity", (60, 95, 20, 75), 0.03),
    ("Lung Lesion", (50, 115, -50, 85), 0.004),
    ("Edema", (40, 75, -30, 30), 0.05),
    ("Consolidation", (50, 100, -20, 90), 0.05),
    ("Pneumonia", (55, 105, -50, 5), 0.04),
    ("Atelectasis", (50, 110, -70, 0), 0.04),
    ("Pneumothorax", (100, 125, 20, 80), -0.05),
    ("Pleural Effusion", (75, 125, -95, -55), 0.03),
    ("Pleural Other", (115, 140, -40, 60), 0.03),
    ("Fracture", (75, 130, -20, 80), 0.01),
    ("Support Devices", (-170, 170, -190, 150), 0.004),
]


@pytest.mark.parametrize(("name", "box", "least"), CUES, ids=[cue[0] for cue in CUES])
def test_each_finding_changes_the_right_place_in_the_right_direction(name, box, least):
    for number in (1, 5, 9, 14):
        scenes = scene_with(number=number), scene_with(name, number=number)
        without, with_it = (render(QUIET, scene, 64, None) for scene in scenes)
        grid = make_grid(64, FIELD, (0.0, -20.0))
        rows = (grid.z > box[2]) & (grid.z < box[3])
        change = []
        for side in SIDES:
            x = side * grid.x
            columns = (x > box[0]) & (x < box[1])
            change.append((with_it - without)[np.ix_(rows, columns)].mean())
        strongest = max(change) if least > 0 else min(change)
        assert strongest * np.sign(least) > abs(least), (number, change)
        assert np.abs(with_it - without).max() > 0.1  # unmistakable somewhere


def test_oedema_is_on_both_sides_and_pneumonia_on_one():
    grid = make_grid(64, FIELD, (0.0, -20.0))
    rows = (grid.z > -40) & (grid.z < 20)

    def sides(name: str) -> list[float]:
        change = render(QUIET, scene_with(name), 64, None)
        change = change - render(QUIET, scene_with(), 64, None)
        chosen = [(side * grid.x > 55) & (side * grid.x < 105) for side in SIDES]
        return sorted(float(change[np.ix_(rows, one)].mean()) for one in chosen)

    assert sides("Edema")[0] > 0.03
    assert abs(sides("Pneumonia")[0]) < 0.005


def test_a_chest_looks_like_one():
    shown = render(QUIET, scene_with(), 64, None)
    lungs = shown[22:34, [14, 15, 16, 46, 47, 48]].mean()
    abdomen, spine, air = shown[54:60, 20:28].mean(), shown[40:60, 32].mean(), shown[:8]
    assert lungs < 0.5 < abdomen < spine
    assert air[:, :4].mean() < 0.02  # beside the neck


@pytest.mark.parametrize(
    "wrong",
    [{"patients": 0}, {"images_per_patient": 4}, {"photons": -1.0}, {"scatter": 2.0}],
)
def test_config_says_what_is_wrong(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ConfigError, match=f"{name}={value}"):
        PhantomChestConfig(**wrong)


def test_workers_do_not_load_jax():
    code = (
        "import sys; import synthjax.data.sources.phantom_chest; "
        "sys.exit('jax' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_atlas_shows_every_finding():
    page = np.asarray(phantom_chest_atlas.atlas(resolution=16, pixels=32))
    rows = -(-len(LABELS) // phantom_chest_atlas.COLUMNS)
    assert page.shape[0] == rows * (32 + phantom_chest_atlas.TITLE)
    assert page.std() > 30
