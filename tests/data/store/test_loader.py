"""Whole splits and evaluation batches."""

import numpy as np
import pytest

from synthjax.core.errors import StudyError
from synthjax.data.dataset import Dataset
from synthjax.data.store.loader import padded_batches


def test_a_table_is_sorted_by_id(noise_set):
    table = Dataset.open(noise_set).table("train")
    assert len(table) == 37
    assert list(table.id) == sorted(table.id)
    assert table.pixels.shape == (37, 16, 16, 1)


def test_without_images_the_rest_is_the_same(noise_set):
    table = Dataset.open(noise_set).table("test")
    bare = Dataset.open(noise_set).table("test", images=False)
    assert bare.pixels.shape == (0, 16, 16, 1)
    np.testing.assert_array_equal(bare.label, table.label)
    np.testing.assert_array_equal(bare.patient_id, table.patient_id)


def test_unknown_split_is_named(noise_set):
    with pytest.raises(StudyError, match="no split 'dev'.*train"):
        Dataset.open(noise_set).table("dev")


@pytest.mark.parametrize(("n", "size"), [(10, 4), (8, 4), (3, 8), (0, 4)])
def test_padded_batches_cover_every_row_once(n, size):
    rows = []
    for index, mask in padded_batches(n, size):
        assert index.shape == mask.shape == (size,)
        assert index.dtype == np.int32
        assert mask.dtype == bool
        assert np.all(index < n)
        rows.extend(index[mask])
    assert rows == list(range(n))
