"""Patients never cross splits; check_disjoint finds those that do."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthjax.core.errors import ConfigError, StudyError
from synthjax.core.files import write_json
from synthjax.data.schema import SPLITS
from synthjax.data.splits import (
    check_disjoint,
    check_fractions,
    count_classes,
    require_measurable,
    split_patients,
    summarize_splits,
    why_unmeasurable,
)


@pytest.mark.slow
@settings(deadline=None)
@given(
    patients=st.lists(st.integers(0, 40).map(str), min_size=3, max_size=120),
    weights=st.tuples(*[st.floats(0.05, 1)] * 3),
    seed=st.integers(0, 2**32),
    order=st.randoms(use_true_random=False),
)
def test_every_image_once_and_no_shared_patient(patients, weights, seed, order):
    fractions = tuple(weight / sum(weights) for weight in weights)
    distinct = len(set(patients))
    if distinct < 3:
        with pytest.raises(StudyError, match="are too few"):
            split_patients(patients, fractions, seed)
        return
    images = split_patients(patients, fractions, seed)
    assert list(images) == list(SPLITS)
    assert sorted(itertools.chain(*images.values())) == list(range(len(patients)))
    members = {
        split: {patients[number] for number in numbers}
        for split, numbers in images.items()
    }
    check_disjoint(members)
    for fraction, split in zip(fractions, SPLITS, strict=True):
        assert 1 <= len(members[split])
        assert abs(len(members[split]) - fraction * distinct) <= 2
    shuffled = list(patients)
    order.shuffle(shuffled)
    again = split_patients(shuffled, fractions, seed)
    for split, numbers in again.items():
        assert {shuffled[number] for number in numbers} == members[split]


def test_another_seed_deals_another_way():
    patients = [str(number) for number in range(50)]
    first = split_patients(patients, (0.6, 0.1, 0.3), 0)
    assert first != split_patients(patients, (0.6, 0.1, 0.3), 1)
    assert [len(images) for images in first.values()] == [30, 5, 15]


def test_audit_names_the_patient_and_both_splits():
    with pytest.raises(StudyError, match="'p7'.*'train'.*'test'"):
        check_disjoint({"train": ["p1", "p7"], "valid": ["p2"], "test": ["p7", "p3"]})


@pytest.mark.parametrize("bad", [(0.5, 0.5), (0.9, 0.2, 0.1), (0.7, 0.0, 0.3)])
def test_fractions_are_checked(bad):
    with pytest.raises(ConfigError, match="sum to 1"):
        check_fractions(bad)


def test_a_split_without_positives_is_said(capsys):
    vectors = [np.array([1, 0], np.float32), np.array([0, np.nan], np.float32)]
    summary = summarize_splits(("a", "b"), {"valid": vectors}, {"valid": ["p", "p"]})
    assert summary["valid"]["labels"]["b"] == {
        "positive": 0,
        "negative": 1,
        "unknown": 1,
        "prevalence": 0.0,
    }
    assert "no positive of 'b' among the 2 valid images" in capsys.readouterr().err


PARTS = {"train": [0, 1, 2], "valid": [3], "test": [4, 5]}


def classes_of(*columns):
    """Count the classes of labels a, b, ..., each given by its six images."""
    names = "abcdef"[: len(columns)]
    label = np.array(columns, np.float32).T
    return count_classes(names, label, PARTS)


NAN = float("nan")


@pytest.mark.parametrize(
    ("columns", "needs", "told"),
    [
        ([(0, 1, 1, 0, 0, 1)], ("train", "test"), None),
        ([(0, 1, 1, 0, 0, 1)], ("train", "valid", "test"), "among the valid images"),
        ([(0, 1, 1, 0, 1, 1)], ("train", "test"), "'a' has 2 positive and 0 negative"),
        ([(0, 0, NAN, 0, 0, 1)], ("train", "test"), "nothing can be learned"),
        ([(0, 1, 0, 0, NAN, 0)], ("train", "test"), "'a' has 0 positive and 1 neg"),
        # The one is learned and the other measured.
        (
            [(0, 1, 1, 0, 1, 1), (1, 1, 1, 0, 0, 1)],
            ("train", "test"),
            "be both learned",
        ),
        # One of two suffices.
        ([(0, 1, 1, 0, 1, 1), (0, 1, 1, 0, 0, 1)], ("train", "test"), None),
    ],
)
def test_splits_with_which_no_gap_can_be_measured_are_told(columns, needs, told):
    reason = why_unmeasurable(classes_of(*columns), needs)
    assert reason is None if told is None else told in reason


def test_a_finished_set_is_checked_by_its_card(tmp_path):
    vectors = {split: np.ones((2, 1), np.float32) for split in PARTS}
    patients = {split: ["p", "q"] for split in PARTS}
    card = {"splits": summarize_splits(("a",), vectors, patients)}
    write_json(tmp_path / "splits.json", card)
    with pytest.raises(StudyError, match="among the train images"):
        require_measurable(tmp_path / "splits.json", ["train", "test"])
    require_measurable(tmp_path / "splits.json", [])
    require_measurable(tmp_path / "none.json", ["train"])


def test_a_split_without_negatives_is_said(capsys):
    vectors = [np.ones(1, np.float32)] * 2
    summarize_splits(("a",), {"test": vectors}, {"test": ["p", "q"]})
    assert "no negative of 'a' among the 2 test images" in capsys.readouterr().err
