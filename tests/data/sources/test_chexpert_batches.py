"""CheXpert in the batches that its owner hands out is the set that the tables name."""

import pytest

from builders.chexpert import KEPT, ROWS, load, make_tree
from builders.listings import read_grey_levels
from synthjax.core.errors import StudyError
from synthjax.data.sources.chexpert import ChexpertConfig, digest

ONE = "CheXpert-v1.0 batch 1 (validate & csv)"


@pytest.fixture(params=["batch", "top"])
def root(request, tmp_path):
    """The folder around the batches; the table in the first of them, or beside them."""
    root = make_tree(tmp_path / "CheXpert-v1.0")
    (root / ONE).mkdir()
    if request.param == "batch":
        (root / "train.csv").rename(root / ONE / "train.csv")
    for number, patient in enumerate(sorted((root / "train").iterdir())):
        batch = root / f"CheXpert-v1.0 batch {2 + number % 3} (train {1 + number % 3})"
        batch.mkdir(exist_ok=True)
        patient.rename(batch / patient.name)
    (root / "train").rmdir()
    return root


def test_the_batches_are_read_as_one_set(root, tmp_path):
    listing = load(root, tmp_path)
    assert list(listing.metadata.id) == KEPT
    assert listing.metadata.origin[0].startswith("CheXpert-v1.0 batch 2 (train 1)/pat")
    assert read_grey_levels(listing, 0).shape == (20, 24, 1)
    assert listing.facts["files without a row"] == 0
    assert digest(ChexpertConfig(path=str(root))) is not None


def test_a_path_of_windows_is_read(tmp_path):
    root = make_tree(tmp_path / "CheXpert-v1.0")
    table = (root / "train.csv").read_text()
    for name in ROWS:
        table = table.replace(name, name.replace("/", "\\"))
    (root / "train.csv").write_text(table)
    assert list(load(root, tmp_path).metadata.id) == KEPT


def test_a_batch_that_is_away_is_told(root, tmp_path):
    for batch in root.glob("*train 2*"):
        batch.rename(tmp_path / "away")
    with pytest.raises(StudyError, match=r"'train/patient00002/.*does not exist"):
        load(root, tmp_path)
