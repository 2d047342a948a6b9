"""Draws of whole patients against naive ones; variances as they should be."""

import time

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from synthjax.statistics.bootstrap import (
    draw_patients,
    mean_over_labels,
    resample,
    resample_mean,
)
from synthjax.statistics.patient_counts import count_patients
from synthjax.statistics.roc import on_host_device
from synthjax.statistics.seed_patient_variance import Estimate, estimate


def test_patients_are_drawn_whole() -> None:
    patient = np.array(["b", "a", "b", "c", "a", "b"])
    count = draw_patients(patient, 500, np.random.default_rng(0))
    assert count.shape == (6, 501)
    np.testing.assert_array_equal(count[:, 0], 1)
    np.testing.assert_array_equal(count[0], count[2])
    np.testing.assert_array_equal(count[1], count[4])
    # Three patients are drawn each time, each once on average.
    np.testing.assert_array_equal(count[[0, 1, 3]].sum(axis=0), 3)
    assert count[0].mean() == pytest.approx(1, abs=0.15)


def sample(generator, patients=40, arms=2, seeds=2, labels=3, shared=0.0):
    """Scores that separate classes; `shared` correlates images of one patient."""
    patient = np.repeat(np.arange(patients), generator.integers(1, 4, patients))
    n = len(patient)
    truth = generator.integers(0, 2, (patients, labels))[patient].astype(float)
    own = generator.normal(size=(patients, labels))[patient]
    noise = generator.normal(size=(arms, seeds, n, labels))
    score = truth + shared * own + np.sqrt(1 - shared**2) * noise
    return patient.astype(str), truth, score


@pytest.mark.slow
def test_draws_equal_naive_ones() -> None:
    """Images of each drawn patient listed as often as drawn, one draw at a time."""
    generator = np.random.default_rng(3)
    patient, label, score = sample(generator, patients=14)
    label[generator.random(label.shape) < 0.2] = np.nan
    label[:, 2] = 0
    label[patient == patient[0], 2] = 1  # one positive patient: often not drawn
    draws = draw_patients(patient, 30, np.random.default_rng(9))
    found = resample(label, score[0], draws)
    chance = 1 / (1 + np.exp(-score[0]))
    brier = resample_mean(label, (chance - label) ** 2, draws, chunk=7)

    again = np.random.default_rng(9)
    names = np.unique(patient)
    lists = [np.arange(len(patient))]
    for _ in range(30):
        drawn = again.integers(len(names), size=len(names))
        lists.append(
            np.concatenate([np.flatnonzero(patient == names[p]) for p in drawn])
        )
    missing = 0
    for r, rows in enumerate(lists):
        areas = np.full((2, 3), np.nan)
        for s, y in np.ndindex(2, 3):
            known = rows[~np.isnan(label[rows, y])]
            truth, shown = label[known, y], score[0, s, known, y]
            assert brier[s, y, r] == pytest.approx(
                brier_score_loss(truth, chance[s, known, y]), abs=1e-12
            )
            if len(np.unique(truth)) == 2:
                areas[s, y] = roc_auc_score(truth, shown)
                precision = average_precision_score(truth, shown)
                assert found.average_precision[s, y, r] == pytest.approx(precision)
        np.testing.assert_allclose(found.auroc[:, :, r], areas, atol=1e-12)
        missing += np.isnan(areas[0, 2])
        mean = mean_over_labels(found.auroc)[:, r]
        np.testing.assert_allclose(mean, np.nanmean(areas, axis=1), atol=1e-12)
    assert 0 < missing < 30


@pytest.mark.slow
@pytest.mark.usefixtures("user_compile")
def test_it_is_quick() -> None:
    """A fifth of 14 labels, 4,000 images, 5 seeds, 2 arms, 2,000 draws: 10 s in all.

    Measured 0.7 s of a core for this fifth; two cores have 4 s in 2.
    """
    generator = np.random.default_rng(0)
    label = (generator.random((4000, 14)) < 0.1).astype(float)
    score = label + generator.normal(size=(2, 4000, 14))
    draws = on_host_device(draw_patients(np.arange(4000) // 2, 2000, generator))
    start = time.process_time()  # of all threads; what others compute does not count
    areas = resample(label, score, draws).auroc
    assert time.process_time() - start < 4
    assert areas.shape == (2, 14, 2001)


def test_undefined_label_is_left_out_of_both_means() -> None:
    patient, label, score = sample(np.random.default_rng(4))
    label[:, 1] = 0
    draws = draw_patients(patient, 50, np.random.default_rng(0))
    keep = [0, 2]
    for arm in score:
        whole = mean_over_labels(resample(label, arm, draws).auroc)
        without = resample(label[:, keep], arm[..., keep], draws).auroc
        np.testing.assert_array_equal(whole, without.mean(axis=1))
    nothing = mean_over_labels(resample(0 * label, score[0], draws).auroc)
    assert np.isnan(nothing).all()
    found = estimate(nothing, patients=count_patients(0 * label, patient))
    ends = [found.interval(0.9).low, found.share_interval(0.9).high]
    assert np.isnan([found.value, *ends, found.p_below(0.1)]).all()


@pytest.mark.slow
def test_clustering_and_seeds_widen_the_interval_as_they_should() -> None:
    generator = np.random.default_rng(5)
    patient, label, score = sample(generator, patients=150, seeds=3, shared=0.9)
    score[1] = -score[1]  # the gap then carries the patients' own chance

    def error(groups, *arms) -> Estimate:
        draws = draw_patients(groups, 400, np.random.default_rng(0))
        means = [mean_over_labels(resample(label, arm, draws).auroc) for arm in arms]
        return estimate(*means, patients=count_patients(label, groups))

    each_alone = np.arange(len(patient)).astype(str)
    whole = error(patient, *score)
    assert whole.standard_error > 1.15 * error(each_alone, *score).standard_error
    spread = np.linspace(-1, 1, 3)[:, None, None] * label
    unequal = error(patient, score[0] + spread, score[1])
    assert unequal.standard_error > 1.5 * whole.standard_error
    widths = [
        np.ptp(list(found.interval(0.95).numbers().values())[1:])
        for found in (whole, unequal)
    ]
    assert widths[0] < 4.5 * whole.standard_error  # where 3.9 is the least
    assert widths[1] > 6 * unequal.standard_error  # of three seeds
    one = error(patient, score[0][:1], score[0][:1])
    assert one.interval(0.95).numbers() == {"value": 0, "low": 0, "high": 0}
    assert np.isnan(one.var_seeds).all()
    assert one.p_different() == 1
