"""The rendered chest: every finding in its place, the same at every resolution."""

import numpy as np
import pytest

from synthjax.phantom.chest import LABELS, draw_case, render, render_scene
from synthjax.phantom.chest.anatomy import SIDES, Scene, heart, pleura
from synthjax.phantom.chest.projection import FIELD, grid_for
from synthjax.phantom.radiograph import box_downsample
from synthjax.phantom.solids import Grid, make_grid, span


def scene_with(*names: str, number: int = 5) -> Scene:
    """One patient with exactly these findings."""
    return draw_case(0, number).with_findings(*names).scene(0)


def test_a_patient_with_a_wanted_finding():
    case = draw_case(seed=0, number=5).with_findings("Edema")
    shown = [name for name, one in zip(LABELS, case.label, strict=True) if one]
    assert shown == ["Lung Opacity", "Edema"]
    pixels = render(case, resolution=32)
    assert pixels.shape == (32, 32) and pixels.dtype == np.float32
    assert not np.array_equal(pixels, render(case.with_findings(), resolution=32))
    np.testing.assert_array_equal(
        render(case, 0, 32, photons=0), render_scene(case.scene(0), 32, None)
    )


def test_an_unknown_finding_is_named():
    with pytest.raises(ValueError, match="unknown finding 'Oedema'; known: No Finding"):
        draw_case(0, 0).with_findings("Oedema")


@pytest.mark.parametrize("pixels", [16, 32, 64])
def test_the_same_patient_at_two_resolutions(pixels):
    for number in range(6):
        scene = draw_case(0, number).scene(0)
        small, fine = (render_scene(scene, size, None) for size in (pixels, 128))
        # A detector averages intensities, so compare those, where nothing is clipped.
        large = -np.log(box_downsample(np.exp(-4 * fine), pixels)) / 4
        whole = box_downsample((fine > 0).astype(np.float32), pixels) == 1
        error = np.abs(small - large)[whole]
        assert error.mean() < 0.008
        assert np.quantile(error, 0.99) < 0.08


def extent(shadow: np.ndarray, grid: Grid) -> tuple[float, float]:
    """Leftmost and rightmost x of a shadow (mm)."""
    x = grid.x[shadow.any(axis=0)]
    return float(x.min()), float(x.max())


def test_cardiothoracic_ratio_measured_from_masks_agrees_with_the_label():
    for number in range(60):
        case = draw_case(2, number)
        scene = case.scene(0)
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
        without, with_it = (render_scene(scene, 64, None) for scene in scenes)
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
        change = render_scene(scene_with(name), 64, None)
        change = change - render_scene(scene_with(), 64, None)
        chosen = [(side * grid.x > 55) & (side * grid.x < 105) for side in SIDES]
        return sorted(float(change[np.ix_(rows, one)].mean()) for one in chosen)

    assert sides("Edema")[0] > 0.03
    assert abs(sides("Pneumonia")[0]) < 0.005


def test_a_chest_looks_like_one():
    shown = render_scene(scene_with(), 64, None)
    lungs = shown[22:34, [14, 15, 16, 46, 47, 48]].mean()
    abdomen, spine, air = shown[54:60, 20:28].mean(), shown[40:60, 32].mean(), shown[:8]
    assert lungs < 0.5 < abdomen < spine
    assert air[:, :4].mean() < 0.02  # beside the neck
