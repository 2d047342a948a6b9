"""A table that says who is in which split."""

import dataclasses

import pytest

from builders.folder import (
    load,
    make_folder,
    write_table,
)
from builders.images import save_grey
from synthjax.core.errors import StudyError
from synthjax.data.builder import assign_splits
from synthjax.data.config import DataConfig
from synthjax.data.sources.folder import FolderConfig


@pytest.fixture
def root(tmp_path):
    """Two images with their table."""
    return make_folder(tmp_path / "scans")


SPLIT_HEADER = ["file", "patient", "split", "cat"]


def test_the_table_may_say_who_is_in_which_split(root, tmp_path):
    save_grey(root / "c.png", 30)
    rows = [
        ["a.png", "p1", "test", "1"],
        ["deep/b.jpg", "p2", "train", "0"],
        ["c.png", "p3", "valid", "0"],
    ]
    write_table(root, rows, SPLIT_HEADER)
    config = FolderConfig(
        path=str(root), patient_column="patient", split_column="split"
    )
    listing = load(config, tmp_path)
    assert listing.labels == ("cat",)
    assert listing.splits == {"train": [1], "valid": [2], "test": [0]}
    kept = DataConfig(source="folder", folder=config, resolution=16)
    assert assign_splits(kept, listing, 0)[1] == listing.splits
    with pytest.raises(StudyError, match="cohort"):
        assign_splits(dataclasses.replace(kept, cohort="classes:2"), listing, 0)


@pytest.mark.parametrize(
    ("splits", "patients", "told"),
    [
        (["test", "train", "dev"], "abc", "dev"),
        (["test", "train", "train"], "abc", "valid"),
        (["test", "train", "valid"], "aba", "patient 'a'"),
    ],
)
def test_a_faulty_split_column_is_told(root, tmp_path, splits, patients, told):
    save_grey(root / "c.png", 30)
    files = ["a.png", "deep/b.jpg", "c.png"]
    rows = [[*row, "1"] for row in zip(files, patients, splits, strict=True)]
    write_table(root, rows, SPLIT_HEADER)
    config = FolderConfig(
        path=str(root), patient_column="patient", split_column="split"
    )
    with pytest.raises(StudyError, match=told):
        assign_splits(
            DataConfig(source="folder", folder=config), load(config, tmp_path), 0
        )
