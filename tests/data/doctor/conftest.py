"""A folder of scans in which tests plant defects."""

import pytest

from builders.scans import ScanFolder


@pytest.fixture(scope="session")
def clean_tree(tmp_path_factory):
    """A folder that stays clean; tests only read it."""
    return ScanFolder(tmp_path_factory.mktemp("clean") / "scans")


@pytest.fixture
def tree(clean_tree, tmp_path):
    """A copy of the clean folder, to be spoilt."""
    return clean_tree.copy(tmp_path / "scans")
