"""Neighbours against a plain search in float64, with what float32 would get wrong."""

import jaxtyping
import numpy as np
import pytest
import scipy.spatial.distance

from synthjax.core.errors import StudyError
from synthjax.metrics.knn import nearest

RANDOM = np.random.default_rng(5)
QUERY = RANDOM.normal(3, 1, (23, 7)).astype(np.float32)
REFERENCE = RANDOM.normal(3, 1, (41, 7)).astype(np.float32)
PATIENT = np.array([f"p{i % 9}" for i in range(41)])


def plain(query, reference, k, metric="euclidean", barred=None):
    table = scipy.spatial.distance.cdist(
        query.astype(np.float64), reference.astype(np.float64), metric
    )
    table = table if barred is None else np.where(barred, np.inf, table)
    index = np.argsort(table, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(table, index, axis=1), index


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("chunk", [8, 2048])
def test_equals_a_plain_search_whatever_the_chunk(metric, chunk):
    distance, index = nearest(QUERY, REFERENCE, k=5, metric=metric, chunk=chunk)
    expected, order = plain(QUERY, REFERENCE, 5, metric)
    np.testing.assert_allclose(distance, expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(index, order)
    assert (distance.dtype, index.dtype) == (np.float64, np.int64)


@pytest.mark.slow
def test_a_patient_is_left_out_and_what_is_missing_is_inf():
    mine = PATIENT[:23]
    distance, index = nearest(
        QUERY, REFERENCE, k=5, query_group=mine, reference_group=PATIENT, chunk=16
    )
    expected, order = plain(QUERY, REFERENCE, 5, barred=mine[:, None] == PATIENT)
    np.testing.assert_allclose(distance, expected, rtol=1e-9)
    np.testing.assert_array_equal(index, order)
    few = REFERENCE[:3]
    distance, index = nearest(
        QUERY[:2],
        few,
        k=3,
        query_group=np.array(["a", "b"]),
        reference_group=np.array(["a", "a", "c"]),
    )
    assert np.isinf(distance).tolist() == [[False, True, True], [False, False, False]]
    assert index[0].tolist() == [2, -1, -1]
    assert sorted(index[1]) == [0, 1, 2]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_a_planted_copy_is_at_zero_even_far_from_the_origin(metric):
    """Where the square of the offset takes all of float32's digits."""
    reference = REFERENCE + np.float32(1000)
    query = np.concatenate([reference[[7]], QUERY[:3] + np.float32(1000)])
    distance, index = nearest(query, reference, k=2, metric=metric)
    expected, order = plain(query, reference, 2, metric)
    assert (distance[0, 0], index[0, 0]) == (0.0, 7)
    np.testing.assert_array_equal(index, order)
    np.testing.assert_allclose(distance, expected, rtol=1e-6, atol=1e-12)


@pytest.mark.slow
def test_differences_below_float32_and_ties_by_the_lower_row():
    """More near-equals than float32 hands over: the true nearest is not among them."""
    reference = np.repeat(QUERY[:1].astype(np.float64), 60, axis=0)
    reference[:, 0] += np.linspace(1 + 6e-9, 1, 60)
    distance, index = nearest(QUERY[:2].astype(np.float64), reference, k=2, chunk=32)
    assert index[0].tolist() == [59, 58]
    np.testing.assert_allclose(distance[0], [1, 1 + 6e-9 / 59], rtol=1e-13)
    equal = np.repeat(REFERENCE[:1], 60, axis=0)
    equal[:4] += 9
    distance, index = nearest(QUERY, equal, k=3, chunk=16)
    assert (index == [4, 5, 6]).all()
    assert (distance == distance[:, :1]).all()


def test_a_vector_of_zeros_has_no_direction():
    distance, index = nearest(
        np.zeros((1, 3)), np.array([[1.0, 0, 0], [0, 0, 0]]), k=2, metric="cosine"
    )
    assert (distance.tolist(), index.tolist()) == ([[0, 1]], [[1, 0]])


def test_what_does_not_fit_is_refused(monkeypatch):
    # Where shapes are checked at run time, that would refuse them first.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(StudyError, match=r"\[images, features\] of one encoder"):
        nearest(QUERY, REFERENCE[:, :3], k=1)
    with pytest.raises(StudyError, match="k=0 .* at least 1"):
        nearest(QUERY, REFERENCE, k=0)
    with pytest.raises(StudyError, match="given together"):
        nearest(QUERY, REFERENCE, k=1, query_group=PATIENT[:23])
    with pytest.raises(StudyError, match="reference features are not finite"):
        nearest(QUERY, np.full_like(REFERENCE, np.nan), k=1)
