"""Label combinations: each once, unknown labels equal, and found again."""

import numpy as np

from synthjax.data.label_combinations import has_combination, label_combinations

NAN = np.nan
LABEL = np.array([[1, 0], [NAN, 1], [1, 0], [NAN, 1], [NAN, 1], [0, 0]], np.float32)


def test_each_combination_is_there_once_with_its_count():
    combinations, counts = label_combinations(LABEL)
    np.testing.assert_array_equal(combinations, [[NAN, 1], [0, 0], [1, 0]])
    assert combinations.dtype == np.float32
    assert counts.tolist() == [3, 1, 2]


def test_rows_with_a_combination_are_found():
    for combination, count in zip(*label_combinations(LABEL), strict=True):
        found = has_combination(LABEL, combination)
        assert found.sum() == count
        same = np.broadcast_to(combination, (count, 2))
        np.testing.assert_array_equal(LABEL[found], same)
