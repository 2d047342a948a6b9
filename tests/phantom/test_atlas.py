"""The atlases: every finding beside the same patient without it."""

import numpy as np

from synthjax.phantom import chest, head
from synthjax.phantom.atlas import (
    GAP,
    TITLE,
    chest_atlas,
    chest_pair,
    head_atlas,
    head_pair,
)
from synthjax.phantom.head.labels import TYPES


def test_the_atlas_of_the_chest_shows_every_finding():
    page = np.asarray(chest_atlas(resolution=16, shown=32))
    rows = -(-len(chest.LABELS) // 4)
    assert page.shape == (rows * (32 + TITLE), 4 * (64 + GAP))
    assert page.std() > 30


def test_the_atlas_of_the_head_shows_every_type():
    page = np.asarray(head_atlas(resolution=16, shown=32))
    rows = -(-len(head.LABELS) // 2)
    assert page.shape == (rows * (32 + TITLE), 2 * (64 + GAP))
    assert page.std() > 30


def test_a_pair_differs_by_its_finding_alone():
    for number, name in enumerate(TYPES):
        shown = 255 * head_pair(name, number=number, resolution=32)
        assert np.abs(shown[:, :32] - shown[:, 32:]).max() > 60
    clean = chest_pair("No Finding", resolution=16)
    np.testing.assert_array_equal(clean[:, :16], clean[:, 16:])
    for name in chest.LABELS[1:]:
        shown = chest_pair(name, resolution=32)
        assert not np.array_equal(shown[:, :32], shown[:, 32:])
