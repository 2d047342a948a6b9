"""Each haemorrhage of the phantom brain has its shape; labels tell what is seen."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import ConvexHull

from synthjax.phantom.head import Case, draw_case, paint, scan
from synthjax.phantom.head import brain as head_brain
from synthjax.phantom.head.case import draw_haemorrhages
from synthjax.phantom.head.labels import LABELS, LEAST_AREA, TYPES

FINE = 128  # pixels a side; tissue is computed on 256 points a side


def cases_with(name: str, count: int = 6) -> list[Case]:
    """Patients with one type only, each at a level that shows it."""
    return [draw_case(0, number).with_findings(name) for number in range(count)]


@pytest.mark.slow
def test_labels_tell_exactly_what_is_seen():
    slices = positive = 0
    for number in range(110):
        case = draw_case(7, number)
        for image in range(len(case.levels)):
            label = dict(zip(LABELS, case.label(image), strict=True))
            assert label["no finding"] == float(not any(case.label(image)[:5]))
            slices += 1
            if label["no finding"]:
                assert not case.found(image).present().any()
                continue
            canvas, _ = paint(case, image, 64)
            for kind in TYPES:
                share = canvas.seen.get(kind, np.zeros(1))
                area = share.sum() * (case.head.field / canvas.hounsfield.shape[0]) ** 2
                if label[kind]:
                    assert area >= LEAST_AREA[kind], (number, image, kind, area)
                    positive += 1
                else:
                    assert area == 0, (number, image, kind, area)
    assert slices > 220 and positive > 100


@pytest.mark.slow
def test_a_clean_slice_of_a_bleeding_patient_is_that_of_a_healthy_one():
    seen = 0
    for number in range(60):
        case = draw_case(7, number)
        for image in range(len(case.levels)):
            if case.haemorrhages.present().any() and case.label(image)[5]:
                one, other = (scan(c, image, 32) for c in (case, case.healthy()))
                np.testing.assert_array_equal(one, other)
                seen += 1
    assert seen > 3


RANGES = {
    "epidural": (60, 80),
    "intraparenchymal": (58, 80),
    "intraventricular": (54, 74),
    "subarachnoid": (45, 65),
    "subdural": (35, 75),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", TYPES)
def test_blood_changes_its_place_and_has_its_density(kind):
    for case in cases_with(kind):
        with_it, points = paint(case, 0, FINE)
        without, _ = paint(case.healthy(), 0, FINE)
        blood = with_it.seen[kind]
        full = ndimage.minimum_filter(blood, 3) > 0.98
        if kind == "subarachnoid":  # threads: no 3 x 3 points are all blood
            full = blood > 0.95
        assert full.sum() > 20
        values = with_it.hounsfield[full]
        low, high = RANGES[kind]
        assert low - 1.5 <= values.min() and values.max() <= high + 1.5
        # Blood is brighter than what was there, and within the skull.
        assert np.mean((with_it.hounsfield - without.hounsfield)[full]) > 5
        assert points.depth[blood > 0.5].min() > -1.5
        # Nothing outside the skull changes.
        change = np.abs(with_it.hounsfield - without.hounsfield)
        assert change[points.depth < -4].max() == 0


def outlined(case: Case, kind: str) -> tuple[float, float, float]:
    """Of the largest piece of blood: thickness / length, solidity, length in mm."""
    canvas, points = paint(case, 0, FINE)
    pieces, _ = ndimage.label(canvas.seen[kind] > 0.5)
    sizes = ndimage.sum_labels(pieces > 0, pieces, np.arange(pieces.max() + 1))
    piece = pieces == sizes.argmax()
    rows, columns = np.nonzero(piece)
    corners = np.concatenate(
        [np.stack([columns + i, rows + j], 1) for i in (0, 1) for j in (0, 1)]
    )
    hull = ConvexHull(corners)
    edge = corners[hull.vertices]
    length = np.max(np.linalg.norm(edge[:, None] - edge[None], axis=-1))
    thick = points.depth[piece].max() / points.grid.pitch
    return thick / length, piece.sum() / hull.volume, length * case.head.field / 256


@pytest.mark.slow
def test_epidural_is_a_lens_and_subdural_a_crescent():
    lenses = np.array([outlined(case, "epidural") for case in cases_with("epidural")])
    moons = np.array([outlined(case, "subdural") for case in cases_with("subdural")])
    assert lenses[:, 0].min() > 0.2 and moons[:, 0].max() < 0.16
    assert lenses[:, 1].min() > 0.9 and moons[:, 1].max() < 0.75  # convex or not
    assert lenses[:, 2].max() < 85 and moons[:, 2].min() > 95


@pytest.mark.slow
def test_an_epidural_stays_between_sutures_and_a_subdural_crosses_them():
    crossed = 0
    for number in range(15):
        for kind in ("epidural", "subdural"):
            case = draw_case(0, number).with_findings(kind)
            canvas, points = paint(case, 0, 64)
            angle = np.abs(points.grid.angle[canvas.seen[kind] > 0.5])
            sides = np.sign(points.grid.angle[canvas.seen[kind] > 0.5])
            assert np.abs(sides.sum()) == len(sides) or kind == "subdural"
            crossing = {angle.min() < s < angle.max() for s in (0.80, 2.38)}
            if kind == "epidural":
                assert crossing == {False}
            crossed += kind == "subdural" and True in crossing
    assert crossed > 11


@pytest.mark.slow
def test_blood_on_the_convexity_moves_the_midline_away_from_it():
    for kind in ("epidural", "subdural"):
        for case in cases_with(kind):
            case = replace(case, head=replace(case.head, turn=0.0))
            level = float(case.levels[0])
            one = getattr(case.haemorrhages, kind)
            _, points = paint(case, 0, FINE)
            _, before = paint(case.healthy(), 0, FINE)
            row = np.abs(points.grid.y).min(axis=1).argmin()
            moved = np.interp(0, points.x[row], points.grid.x[row])
            assert np.sign(moved) == -np.sign(one.angle)
            assert moved == pytest.approx(one.shift(level), abs=1.0)
            assert 1 < abs(moved) < 10
            assert np.allclose(before.x * case.head.wide, before.grid.x, atol=1e-3)


@pytest.mark.slow
def test_intraventricular_blood_lies_in_the_ventricles_and_settles_behind():
    settled = 0
    for case in cases_with("intraventricular", 8):
        case = replace(case, head=replace(case.head, choroid=0.0, pineal=0.0))
        canvas, points = paint(case, 0, FINE)
        ventricles = head_brain.union(
            [
                head_brain.lateral_ventricles(points),
                head_brain.middle_ventricles(points),
            ]
        )
        assert ventricles is not None
        blood = canvas.seen["intraventricular"]
        assert ventricles[blood > 0.05].min() > -canvas.edge
        one = case.haemorrhages.intraventricular
        assert one is not None
        if one.cast:
            beside_septum = (ventricles > 2) & (points.away > 2)
            assert blood[beside_septum].min() > 0.98
        else:
            settled += 1
            height = points.grid.drop
            assert height[blood > 0.6].max() < one.surface + 1
            clear = (ventricles > 2) & (height > one.surface + 3) & (points.away > 2)
            assert canvas.hounsfield[clear].max() < case.head.csf + 10
    assert 0 < settled < 8


def test_the_fluid_level_is_level_however_the_head_is_turned():
    case = next(
        case
        for case in cases_with("intraventricular", 12)
        if not case.haemorrhages.intraventricular.cast
    )
    for turn in (-0.15, 0.15):
        turned = replace(case, head=replace(case.head, turn=turn))
        canvas, points = paint(turned, 0, FINE)
        blood = canvas.seen["intraventricular"] > 0.5
        tops = [
            np.nonzero((blood & side).any(axis=1))[0].min()
            for side in (points.x < 0, points.x > 0)
        ]
        assert abs(tops[0] - tops[1]) <= 2  # rows of 0.9 mm


@pytest.mark.slow
def test_a_clot_is_ringed_by_oedema_darker_than_white_matter():
    for case in cases_with("intraparenchymal", 8):
        canvas, points = paint(case, 0, FINE)
        clot, oedema = (canvas.seen[kind] for kind in ("intraparenchymal", "oedema"))
        ring = ndimage.minimum_filter(oedema, 3) > 0.97
        assert ring.sum() > 15
        values = canvas.hounsfield[ring]
        assert 18 <= values.min() and values.max() <= 24.5
        assert values.max() < case.head.white
        reach = ndimage.distance_transform_edt(clot < 0.5)[ring] * points.grid.pitch
        assert reach.max() < 25  # it surrounds the clot


def test_a_clot_pushes_the_brain_away_from_it():
    for case in cases_with("intraparenchymal"):
        clot = case.haemorrhages.intraparenchymal
        assert clot is not None
        _, points = paint(case, 0, FINE)
        x, y = clot.centre
        now = np.hypot(points.grid.x - x, points.grid.y - y)
        before = np.hypot(points.x * case.head.wide - x, points.y - y)
        around = (now > clot.radius) & (now < clot.radius + 8)
        assert np.all(before[around] < now[around])
        assert np.median((now - before)[around]) > 0.5


@pytest.mark.slow
def test_subarachnoid_blood_lies_where_fluid_was():
    kinds = set()
    for case in cases_with("subarachnoid", 8):
        case = replace(case, head=replace(case.head, atrophy=0.7))
        canvas, _ = paint(case, 0, FINE)
        without, _ = paint(case.healthy(), 0, FINE)
        fluid = ndimage.minimum_filter(without.hounsfield, 7) < 22
        blood = canvas.seen["subarachnoid"] > 0.6
        assert fluid[blood].mean() > 0.97
        kinds.add(case.haemorrhages.subarachnoid.basal)
    assert kinds == {False, True}


def test_a_haemorrhage_is_the_same_whatever_else_a_patient_has():
    case = draw_case(0, 9)
    every = draw_haemorrhages(case.head, 0, 9, np.ones(5))
    for index, kind in enumerate(TYPES):
        alone = draw_haemorrhages(case.head, 0, 9, np.eye(5)[index])
        assert getattr(alone, kind) == getattr(every, kind)
        assert alone.present().sum() == 1
