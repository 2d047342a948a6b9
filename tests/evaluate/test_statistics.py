"""AUROCs against scikit-learn; the bootstrap against a naive one, and by simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import roc_auc_score
from sklearn.metrics import roc_curve as sklearn_roc_curve

from synthjax.evaluate.statistics.bootstrap import (
    paired_bootstrap,
    patient_multiplicity,
)
from synthjax.evaluate.statistics.ranking import (
    auroc,
    replicated_auroc,
    roc_curve,
    undefined_reason,
)


@settings(deadline=None, max_examples=60)
@given(
    arrays(np.int64, st.integers(2, 40), elements=st.integers(-3, 3)),
    st.integers(0, 2**32 - 1),
)
def test_auroc_equals_scikit_learn(score, seed) -> None:
    """With many ties, with weights and with unknown labels."""
    generator = np.random.default_rng(seed)
    label = generator.integers(0, 2, len(score)).astype(float)
    label[:2] = 0, 1
    weight = generator.integers(1, 5, len(score)).astype(float)
    label[2:][generator.random(len(score) - 2) < 0.2] = np.nan
    known = ~np.isnan(label)
    score = score.astype(float)
    assert auroc(label, score) == pytest.approx(
        roc_auc_score(label[known], score[known]), abs=1e-12
    )
    assert auroc(label, score, weight) == pytest.approx(
        roc_auc_score(label[known], score[known], sample_weight=weight[known]),
        abs=1e-12,
    )
    assert auroc(label, score) + auroc(label, -score) == pytest.approx(1, abs=1e-12)


def test_auroc_below_one_half_is_kept() -> None:
    assert auroc(np.array([1.0, 1, 0, 0]), np.array([0.0, 1, 2, 3])) == 0


def test_undefined_is_nan_with_a_reason() -> None:
    for label, reason in (
        ([0.0, 0.0, np.nan], "no positive image among 2 with a known label"),
        ([1.0, np.nan], "no negative image among 1 with a known label"),
        ([np.nan], "no image with a known label"),
    ):
        label = np.array(label)
        assert undefined_reason(label) == reason
        assert np.isnan(auroc(label, np.arange(len(label), dtype=float)))
    assert undefined_reason(np.array([0.0, 1.0])) is None


def test_roc_curve_equals_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    label = generator.integers(0, 2, 300).astype(float)
    score = np.round(label + generator.normal(size=300), 1)
    grid = np.linspace(0, 1, 37)
    fpr, tpr, _ = sklearn_roc_curve(label, score, drop_intermediate=False)
    # Vertical pieces lean a hair to the left, so that their upper end counts.
    leaning = fpr - 1e-12 * np.arange(len(fpr))[::-1]
    expected = np.interp(grid, leaning, tpr)
    np.testing.assert_allclose(roc_curve(label, score, grid), expected, atol=1e-7)
    fine = np.linspace(0, 1, 20_001)
    area = np.trapezoid(roc_curve(label, score, fine), fine)
    assert area == pytest.approx(auroc(label, score), abs=1e-4)
    with pytest.raises(ValueError, match="no negative"):
        roc_curve(np.ones(3), np.arange(3.0), grid)


def test_patients_are_drawn_whole() -> None:
    patient = np.array(["b", "a", "b", "c", "a", "b"])
    count = patient_multiplicity(patient, 500, np.random.default_rng(0))
    assert count.shape == (6, 500)
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


def test_bootstrap_equals_a_naive_one() -> None:
    """Images of each drawn patient listed as often as drawn, one replicate at a time."""
    generator = np.random.default_rng(3)
    patient, label, score = sample(generator, patients=14)
    label[generator.random(label.shape) < 0.2] = np.nan
    label[:, 2] = 0
    label[patient == patient[0], 2] = 1  # one positive patient: often not drawn
    replicates = 30
    found = paired_bootstrap(
        label,
        score[0],
        score[1],
        patient,
        replicates=replicates,
        level=0.9,
        generator=np.random.default_rng(9),
    )

    again = np.random.default_rng(9)
    names = np.unique(patient)
    draws = [again.integers(len(names), size=len(names)) for _ in range(replicates)]
    seeds = [again.integers(2, size=(2, replicates)) for _ in range(2)]
    gaps, label_gaps, missing = [], [], 0
    for r, draw in enumerate(draws):
        rows = np.concatenate([np.flatnonzero(patient == names[p]) for p in draw])
        table = np.full((2, 3), np.nan)
        for arm in range(2):
            for y in range(3):
                known = ~np.isnan(label[rows, y])
                truth = label[rows, y][known]
                if len(np.unique(truth)) == 2:
                    areas = [
                        roc_auc_score(truth, score[arm, s, rows, y][known])
                        for s in seeds[arm][:, r]
                    ]
                    table[arm, y] = np.mean(areas)
        missing += np.isnan(table[0, 2])
        gaps.append(np.nanmean(table[0]) - np.nanmean(table[1]))
        label_gaps.append(table[0, 0] - table[1, 0])
    assert 0 < missing == found.left_out[2]
    for interval, naive in ((found.mean_gap, gaps), (found.label_gaps[0], label_gaps)):
        low, high = np.quantile(naive, [0.05, 0.95])
        assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-12)

    points = [
        np.mean([auroc(label[:, y], s[:, y]) for s in score[0]]) for y in range(3)
    ]
    assert found.labels[1][0].value == pytest.approx(points[1], abs=1e-12)
    assert found.mean[0].value == pytest.approx(np.mean(points), abs=1e-12)
    assert np.mean(found.seed_means[0]) == pytest.approx(np.mean(points), abs=1e-12)


def test_undefined_label_is_left_out_of_both_means() -> None:
    patient, label, score = sample(np.random.default_rng(4))
    options = {"replicates": 50, "level": 0.95}
    label[:, 1] = 0
    found = paired_bootstrap(
        label, *score, patient, generator=np.random.default_rng(0), **options
    )
    keep = [0, 2]
    without = paired_bootstrap(
        label[:, keep],
        *score[..., keep],
        patient,
        generator=np.random.default_rng(0),
        **options,
    )
    assert np.isnan(found.labels[1][0].value)
    assert np.isnan(found.label_gaps[1].value)
    assert found.mean == without.mean
    assert found.mean_gap == without.mean_gap


def test_clustering_and_seeds_widen_the_interval_as_they_should() -> None:
    generator = np.random.default_rng(5)
    patient, label, score = sample(generator, patients=150, seeds=3, shared=0.9)
    score[1] = -score[1]  # the gap then carries the patients' own chance
    options = {"replicates": 400, "level": 0.95}

    def width(groups, first, second) -> float:
        found = paired_bootstrap(
            label, first, second, groups, generator=np.random.default_rng(0), **options
        )
        return found.mean_gap.high - found.mean_gap.low

    each_alone = np.arange(len(patient)).astype(str)
    assert width(patient, *score) > 1.15 * width(each_alone, *score)
    spread = np.linspace(-1, 1, 3)[:, None, None] * label
    assert width(patient, score[0] + spread, score[1]) > 1.5 * width(patient, *score)
    same = paired_bootstrap(
        label,
        score[0][:1],
        score[0][:1],
        patient,
        generator=np.random.default_rng(0),
        **options,
    )
    assert (same.mean_gap.value, same.mean_gap.low, same.mean_gap.high) == (0, 0, 0)


def test_interval_covers_the_truth() -> None:
    """True AUROC of unit-shifted normals is Phi(1/sqrt 2) = 0.7602 in both arms."""
    generator = np.random.default_rng(6)
    inside = {"mean": 0, "gap": 0}
    trials = 100
    for _ in range(trials):
        patient, label, score = sample(generator, patients=80, seeds=1, labels=2)
        found = paired_bootstrap(
            label, *score, patient, replicates=200, level=0.9, generator=generator
        )
        inside["mean"] += found.mean[0].low <= 0.76025 <= found.mean[0].high
        inside["gap"] += found.mean_gap.low <= 0 <= found.mean_gap.high
    # 90 of 100 expected; 80 and 98 are more than three standard deviations away.
    assert all(80 <= count <= 98 for count in inside.values()), inside


def test_blocks_do_not_show(monkeypatch) -> None:
    generator = np.random.default_rng(7)
    label = generator.integers(0, 2, 50).astype(float)
    score = generator.integers(0, 9, 50).astype(float)
    weight = generator.integers(0, 3, (50, 23)).astype(float)
    whole = replicated_auroc(label, score, weight)
    monkeypatch.setattr("synthjax.evaluate.statistics.ranking.BLOCK", 5)
    np.testing.assert_array_equal(replicated_auroc(label, score, weight), whole)
