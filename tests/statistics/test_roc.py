"""AUROC, average precision, sensitivity and curves against scikit-learn."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import (
    average_precision_score,
    roc_auc_score,
)
from sklearn.metrics import (
    precision_recall_curve as sklearn_precision_recall_curve,
)
from sklearn.metrics import (
    roc_curve as sklearn_roc_curve,
)

from synthjax.statistics import roc
from synthjax.statistics.roc import (
    on_host_device,
    precision_recall_curve,
    replicated_ranking,
    roc_curve,
    undefined_reason,
)


@pytest.mark.fuzz
@settings(deadline=None, max_examples=60)
@given(
    arrays(np.int64, 24, elements=st.integers(-3, 3)),
    st.integers(0, 2**32 - 1),
)
def test_rankings_equal_scikit_learn(score, seed) -> None:
    """With many ties, with weights and with unknown labels."""
    generator = np.random.default_rng(seed)
    label = generator.integers(0, 2, len(score)).astype(float)
    label[:2] = 0, 1
    weight = generator.integers(1, 5, (len(score), 3)) / 2
    weight[:, 0] = 1
    label[2:][generator.random(len(score) - 2) < 0.2] = np.nan
    score = score.astype(float)
    found = replicated_ranking(label, score, weight, specificity=0.7)
    known = ~np.isnan(label)
    truth, shown = label[known], score[known]
    area = roc_auc_score(truth, shown)
    assert roc.auroc(label, score) == pytest.approx(area, abs=1e-12)
    for r in range(3):
        options = {"sample_weight": weight[known, r]}
        assert found.auroc[r] == pytest.approx(
            roc_auc_score(truth, shown, **options), abs=1e-12
        )
        assert found.average_precision[r] == pytest.approx(
            average_precision_score(truth, shown, **options), abs=1e-12
        )
        fpr, tpr, _ = sklearn_roc_curve(
            truth, shown, drop_intermediate=False, **options
        )
        best = tpr[fpr <= 0.3 + 1e-12].max()
        assert found.sensitivity[r] == pytest.approx(best, abs=1e-12)
    mirrored = replicated_ranking(label, -score, weight, specificity=0.7)
    np.testing.assert_allclose(found.auroc + mirrored.auroc, 1, atol=1e-12)


def test_whole_multiplicities_are_exact_and_compile_once() -> None:
    """Columns of one table with other unknown rows, and other types, from one code."""
    generator = np.random.default_rng(0)
    count = generator.integers(0, 4, (200, 5)).astype(np.int16)
    score = np.round(generator.normal(size=200), 1)
    before = roc._scan._cache_size()
    for unknown in (0, 60):
        label = generator.integers(0, 2, 200).astype(float)
        label[:unknown] = np.nan
        found = replicated_ranking(label, score, on_host_device(count))
        repeated = [
            roc_auc_score(
                np.repeat(label[unknown:], times), np.repeat(score[unknown:], times)
            )
            for times in count[unknown:].T
        ]
        np.testing.assert_allclose(found.auroc, repeated, atol=1e-14)
    assert roc._scan._cache_size() == before + 1
    assert on_host_device(count).dtype == np.int16
    assert not jax.config.jax_enable_x64


def test_an_area_without_a_class_is_nan() -> None:
    assert np.isnan(roc.auroc(np.array([1, 1, np.nan]), np.arange(3.0)))
    assert np.isnan(roc.auroc(np.array([0, np.nan, 0]), np.arange(3.0)))


def test_auroc_below_one_half_is_kept() -> None:
    label, score = np.array([1.0, 1, 0, 0]), np.array([0.0, 1, 2, 3])
    assert replicated_ranking(label, score, np.ones((4, 1))).auroc == 0


def test_undefined_is_nan_with_a_reason() -> None:
    for label, reason in (
        ([0.0, 0.0, np.nan], "no positive image among 2 with a known label"),
        ([1.0, np.nan, np.nan], "no negative image among 1 with a known label"),
        ([np.nan, np.nan, np.nan], "no image with a known label"),
    ):
        label = np.array(label)
        assert undefined_reason(label) == reason
        found = replicated_ranking(label, np.arange(3.0), np.ones((3, 1)))
        assert np.isnan([*vars(found).values()]).all()
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
    assert area == pytest.approx(roc_auc_score(label, score), abs=1e-4)
    with pytest.raises(ValueError, match="no negative"):
        roc_curve(np.ones(3), np.arange(3.0), grid)


def test_precision_recall_curve_equals_scikit_learn() -> None:
    generator = np.random.default_rng(1)
    label = (generator.random(300) < 0.2).astype(float)
    score = np.round(label + generator.normal(size=300), 1)
    precision, recall, _ = sklearn_precision_recall_curve(label, score)
    for at in recall[recall > 0]:
        found = precision_recall_curve(label, score, np.array([at]))
        assert found[0] == pytest.approx(precision[recall == at].max(), abs=1e-12)
    fine = (np.arange(20_000) + 0.5) / 20_000
    mean = precision_recall_curve(label, score, fine).mean()
    assert mean == pytest.approx(average_precision_score(label, score), abs=1e-4)
