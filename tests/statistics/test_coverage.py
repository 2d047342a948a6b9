"""The simulation's truth, its variance against the bootstrap's, and a few of its cells."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from synthjax.statistics.coverage import (
    AREAS,
    CELLS,
    Cell,
    draw_trial,
    estimate_gap,
    format_coverage,
    simulate,
)
from synthjax.statistics.gap import gap_interval


@pytest.mark.slow
def test_the_expected_areas_are_as_they_are_said_to_be() -> None:
    generator = np.random.default_rng(0)
    for spread in ("none", "much"):
        cell = Cell(400, 3, 0.3, spread)
        areas = []
        for _ in range(150):
            label, score, patient = draw_trial(cell, generator)
            found = estimate_gap(label, score, patient)
            areas.append([arm.value for arm in found.arms])
            sizes = np.bincount(patient)
            assert 1 <= sizes.min() and 20 < sizes.max() <= 40
        assert np.mean(areas, axis=0) == pytest.approx(AREAS, abs=0.012)
    assert found.arms[1].value == pytest.approx(
        np.mean([roc_auc_score(label, scores) for scores in score[1]]), abs=1e-12
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "most"),
    [
        (Cell(1000, 2, 0.3, "some"), 1.04),
        # Draws of few patients differ much in how many images have the finding, which
        # makes more: a study is then a little more careful than its simulation.
        (Cell(60, 3, 0.3, "some"), 1.15),
    ],
)
def test_its_estimate_is_that_of_a_study(cell, most) -> None:
    """The same value and counts; the variance is what the draws of patients make."""
    ratios = []
    for seed in range(5):
        label, score, patient = draw_trial(cell, np.random.default_rng(seed))
        found = estimate_gap(label, score, patient)
        drawn = gap_interval(
            label[:, None], *score[..., None], patient, replicates=1000
        ).estimate
        assert found.value == pytest.approx(drawn.value, abs=1e-12)
        assert found.patients == drawn.patients
        ratios.append((drawn.var_patients / found.var_patients) ** 0.5)
    assert 0.97 < np.mean(ratios) < most, ratios


@pytest.mark.slow
@pytest.mark.parametrize(
    "cell",
    [
        Cell(50, 3, 0.3, "some"),
        Cell(50, 2, 0.1, "none"),
        Cell(300, 3, 0.3, "none"),
        Cell(300, 5, 0.3, "much"),
        Cell(300, 5, 0.05, "none"),
    ],
    ids=str,
)
def test_intervals_hold_and_wrong_claims_are_rare(cell) -> None:
    """`python -m launch.coverage` measures all cells, with 2,000 studies of each."""
    trials = 500
    found = simulate(cell, trials, seed=1)
    noise = (0.025 * 0.975 / trials) ** 0.5  # 0.7 %
    assert found.claimed <= 0.025 + 2.5 * noise, found
    assert found.covered >= 0.95 - 4 * noise, found


def test_the_table_has_a_row_for_each_cell() -> None:
    cells = CELLS[:2]
    table = format_coverage([simulate(cell, 10) for cell in cells], markdown=True)
    assert len(table.splitlines()) == 4
    assert len(CELLS) == len(set(CELLS)) == 54
