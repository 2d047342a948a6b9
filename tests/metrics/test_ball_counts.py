"""Counts of balls against plain tables of distances, rims included."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from synthjax.metrics.ball_counts import ball_counts
from synthjax.metrics.knn import nearest


@pytest.mark.parametrize("chunk", [32, 2048])
def test_equals_a_plain_table_whatever_the_chunk(chunk):
    random = np.random.default_rng(0)
    query = random.normal(size=(90, 5)).astype(np.float32)
    centre = random.normal(size=(150, 5)).astype(np.float32)
    radius = random.uniform(0.5, 3, (150, 3))
    radius[:20, 1] = -1
    found = ball_counts(query, centre, radius, chunk=chunk)
    table = cdist(query.astype(np.float64), centre.astype(np.float64))
    expected = (table[:, :, None] <= radius).sum(axis=1)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.slow
def test_a_vector_on_the_rim_is_inside():
    """A copy of the neighbour that makes a ball's radius, where float32 may not tell."""
    random = np.random.default_rng(1)
    features = (100 + random.normal(size=(200, 40))).astype(np.float32)
    own = np.arange(200)
    reach = nearest(features, features, k=1, query_group=own, reference_group=own)[0]
    count = ball_counts(features, features, reach)
    table = cdist(features.astype(np.float64), features.astype(np.float64))
    expected = (table <= reach[:, :1] * (1 + 1e-12)).sum(axis=0)
    np.testing.assert_array_equal(count[:, 0], expected)
