"""Which label vectors are requested."""

import numpy as np
import pytest

from synthjax.core.errors import StudyError
from synthjax.synth.labels import counts, requested

REAL = np.array([[1, 0], [0, np.nan], [0, 1]], np.float32)


def request(count=0, source="rows", seed=0, split="train", real=REAL):
    return requested(real, count=count, source=source, seed=seed, split=split)


def test_rows_are_the_real_rows_and_unknown_stays_unknown():
    order = np.lexsort(np.nan_to_num(request(), nan=2).T)
    expected = np.lexsort(np.nan_to_num(REAL, nan=2).T)
    np.testing.assert_array_equal(request()[order], REAL[expected])


def test_the_order_of_rows_says_nothing_without_the_real_images():
    """The study's seed, which is published, does not say it."""
    real = np.arange(100, dtype=np.float32)[:, None]

    def order(secret, seed=0):
        return requested(
            real, count=0, source="rows", seed=seed, split="train", secret=secret
        )[:, 0]

    assert sorted(order(b"a")) == sorted(real[:, 0])
    np.testing.assert_array_equal(order(b"a"), order(b"a", seed=1))
    for one, other in ((order(b"a"), order(b"b")), (order(b"a"), real[:, 0])):
        assert np.mean(one == other) < 0.1


def test_more_than_real_starts_again_at_the_first_row():
    np.testing.assert_array_equal(request(7), np.tile(request(), (3, 1))[:7])


def test_sampled_draws_real_rows_by_seed_and_split():
    drawn = request(500, "sampled")
    np.testing.assert_array_equal(drawn, request(500, "sampled"))
    for other in (request(500, "sampled", seed=1), request(500, split="test")):
        assert not np.array_equal(drawn, other, equal_nan=True)
    coded = np.nan_to_num(drawn, nan=-1.0)
    rows, frequency = np.unique(coded, axis=0, return_counts=True)
    expected = np.unique(np.nan_to_num(request(), nan=-1.0), axis=0)
    np.testing.assert_array_equal(rows, expected)
    assert frequency.min() > 120  # a third each; 120 is four deviations below
    assert len(request(0, "sampled")) == len(REAL)


def test_no_rows_is_an_error():
    with pytest.raises(StudyError, match='split "valid" has no rows'):
        request(real=REAL[:0], split="valid")


def test_counts():
    assert counts(request(), ("a", "b")) == {"images": 3, "positive": {"a": 1, "b": 1}}
