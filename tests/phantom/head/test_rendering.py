"""The rendered head: its tissues, its landmarks, and what the scanner adds."""

from dataclasses import replace

import numpy as np
import pytest

from synthjax.phantom.head import LABELS, draw_case, paint, scan
from synthjax.phantom.head import brain as head_brain
from synthjax.phantom.head.rendering import paint_head
from synthjax.phantom.radiograph import box_downsample

QUIET = {"noise": 0.0, "cupping": 0.0}
FINE = 128  # pixels a side; tissue is computed on 256 points a side


def test_a_patient_with_a_wanted_finding():
    case = draw_case(seed=0, number=5).with_findings("subdural")
    shown = [name for name, one in zip(LABELS, case.label(0), strict=True) if one]
    assert shown == ["subdural"] and len(case.levels) == 1
    hounsfield = scan(case, resolution=32)
    assert hounsfield.shape == (32, 32) and hounsfield.dtype == np.int16
    assert not np.array_equal(hounsfield, scan(case.healthy(), resolution=32))
    assert list(case.healthy().label(0)) == [0, 0, 0, 0, 0, 1]


def test_an_unknown_finding_is_named():
    with pytest.raises(ValueError, match="unknown finding 'stroke'; known: epidural"):
        draw_case(0, 0).with_findings("stroke")


@pytest.mark.parametrize(("pixels", "hounsfield"), [(16, 1.2), (64, 0.8), (128, 1.0)])
def test_the_same_slice_at_two_resolutions(pixels, hounsfield):
    for number in range(4):
        case = draw_case(0, number)
        small = scan(case, 0, pixels, **QUIET).astype(np.float32)
        fine = scan(case, 0, 2 * pixels, **QUIET).astype(np.float32)
        # A pixel averages tissue, so HU are compared, in the range of soft tissue.
        mean = box_downsample(fine, pixels)
        soft = box_downsample((np.abs(fine - 40) < 60).astype(float), pixels) == 1
        assert np.abs(small - mean)[soft].mean() < hounsfield
        assert np.corrcoef(small.ravel(), mean.ravel())[0, 1] > 0.995


def test_noise_has_the_stated_deviation_and_only_that():
    case = draw_case(0, 3)
    still = scan(case, 0, 256, **QUIET).astype(float)
    noisy = scan(case, 0, 256, noise=4.0, cupping=0.0).astype(float)
    inside = np.abs(still - 30) < 20  # nothing is clipped
    assert (noisy - still)[inside].std() == pytest.approx(4, rel=0.05)
    # The sum over a kernel doubles the deviation of a mean; four of them.
    assert abs((noisy - still)[inside].mean()) < 4 * 2 * 4 / inside.sum() ** 0.5
    rows = (noisy - still)[100:150, 80:170]
    alike = np.corrcoef(rows[:, 1:].ravel(), rows[:, :-1].ravel())[0, 1]
    assert 0.3 < alike < 0.6


def test_beam_hardening_brightens_the_rim_of_the_brain():
    case = draw_case(0, 3)
    cupped = scan(case, 0, 128, noise=0.0, cupping=5.0).astype(float)
    change = cupped - scan(case, 0, 128, **QUIET)
    _, points = paint(case, 0, 128)
    depth = box_downsample(points.depth, 128)
    assert 2 < change[(depth > 1) & (depth < 4)].mean() < 5
    assert abs(change[depth > 45]).mean() < 0.1
    assert not change[depth < -3].any()


def test_tissues_have_their_hounsfield_units():
    for number in range(8):
        case = draw_case(1, number).healthy()
        canvas, points = paint(case.at(6.0), 0, FINE)
        image = canvas.hounsfield
        ventricles = head_brain.lateral_ventricles(points)
        nuclei = head_brain.deep_grey(points)
        assert ventricles is not None and nuclei is not None
        fluid = np.median(image[ventricles > 1.5])
        assert 4 < fluid < 10 and fluid == pytest.approx(case.head.csf, abs=0.5)
        grey = image[(nuclei > 2) & (ventricles < -3)]
        assert 36 < np.median(grey) < 41
        high, places = paint(case.at(36.0), 0, FINE)
        white = high.hounsfield[(places.below > 28) & (places.away > 12)]
        assert 27 <= np.median(white) <= 32
        assert np.median(grey) > np.median(white) + 4
        assert np.all(image[points.depth < -40] == -1000)
        bone = image[(points.depth < 0) & (points.depth > -5)]
        assert 500 < np.median(bone) < 1600
        scalp = image[(points.depth < -8) & (points.depth > -25)]
        assert scalp.min() < -900 and np.any(np.abs(scalp + 85) < 5)


def test_ventricles_and_sulci_are_wide_in_the_old():
    case = draw_case(1, 2).healthy()
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
    case = draw_case(1, 4).healthy()
    found = {}
    for level in (-28.0, -14.0, 6.0, 20.0, 50.0):
        canvas, points = paint(case.at(level), 0, FINE)
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
