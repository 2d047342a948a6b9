"""The labels of the phantom brain: their names, how they follow, how often they are."""

import numpy as np
import pytest

from synthjax.phantom.head import draw_case
from synthjax.phantom.head.labels import (
    LABELS,
    LEAST_AREA,
    TYPES,
    close,
    draw_types,
    prevalence,
)


def test_labels_are_the_papers_six_in_order():
    assert LABELS == (
        "epidural",
        "intraparenchymal",
        "intraventricular",
        "subarachnoid",
        "subdural",
        "no finding",
    )
    assert tuple(LEAST_AREA) == TYPES == LABELS[:5]


def test_no_finding_is_the_absence_of_the_five():
    rng = np.random.default_rng(0)
    for _ in range(2000):
        _, present = draw_types(rng)
        label = close(present)
        assert label.dtype == np.float32
        np.testing.assert_array_equal(label[:5], present)
        assert label[5] == float(present.sum() == 0)


def test_patients_have_the_stated_prevalences():
    exact = prevalence()
    rng = np.random.default_rng(1)
    drawn = np.mean([close(draw_types(rng)[1]) for _ in range(6000)], axis=0)
    error = np.sqrt(exact * (1 - exact) / 6000)
    assert np.all(np.abs(drawn - exact) < 4 * error)
    assert exact[:5].argmin() == LABELS.index("epidural")
    assert 0.3 < exact[5] < 0.5


def test_blood_in_the_ventricles_comes_with_blood_in_the_brain():
    rng = np.random.default_rng(2)
    drawn = np.array([draw_types(rng)[1] for _ in range(6000)]) == 1
    brain, ventricles = drawn[:, 1], drawn[:, 2]
    assert ventricles[brain].mean() > 2.5 * ventricles[~brain].mean()


@pytest.mark.slow
def test_slices_have_the_stated_prevalences():
    cases = (draw_case(5, number) for number in range(1600))
    rows = [case.label(image) for case in cases for image in range(len(case.levels))]
    share = np.mean(rows, axis=0)
    stated = (0.08, 0.16, 0.10, 0.14, 0.17, 0.51)
    np.testing.assert_allclose(share, stated, atol=0.025)
    assert share.min() > 0.05
