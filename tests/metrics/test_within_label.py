"""Distances within a label row against a plain loop."""

import itertools

import numpy as np
import pytest

from synthjax.metrics.within_label import mean_distance, same_label_groups


def test_mean_distance_is_exact():
    random = np.random.default_rng(1)
    pixels = random.integers(0, 256, (6, 150, 150, 1), dtype=np.uint8)
    pixels[3] = pixels[0]
    groups = [np.array([0, 3, 5]), np.array([1, 2])]
    pairs = [pair for group in groups for pair in itertools.combinations(group, 2)]
    value = pixels.astype(float)
    apart = [np.sqrt(np.mean((value[i] - value[j]) ** 2)) for i, j in pairs]
    expected = np.mean(apart) * 2 / 255
    assert mean_distance(pixels, groups) == pytest.approx(expected, rel=1e-12)
    assert mean_distance(pixels, [np.array([0, 3])]) == 0
    assert np.isnan(mean_distance(pixels, []))


def test_groups_are_of_equal_labels_unknown_ones_included():
    nan = np.nan
    rows = np.array([[0, 1], [1, 1], [nan, 1], [0, 1], [nan, 1]], np.float32)
    groups = [group.tolist() for group in same_label_groups(rows)]
    assert sorted(groups) == [[0, 3], [2, 4]]
