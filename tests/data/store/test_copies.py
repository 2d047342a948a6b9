"""Equal pixels under two patients stop a build; colour is not dropped in silence."""

import csv
import shutil

import numpy as np
import pytest
from PIL import Image

from builders.images import chest_like
from synthjax.core.errors import StudyError
from synthjax.core.files import read_json
from synthjax.data.builder import build
from synthjax.data.config import DataConfig
from synthjax.data.dataset import Dataset
from synthjax.data.sources.folder import FolderConfig

PATIENTS = 12


@pytest.fixture
def scans(tmp_path):
    """Two images of each of a few patients, no two the same."""
    root = tmp_path / "scans"
    root.mkdir()
    rows = [["file", "patient", "ill"]]
    for number in range(2 * PATIENTS):
        Image.fromarray(chest_like(number)).save(root / f"{number}.png")
        rows.append([f"{number}.png", f"p{number // 2}", number % 4 // 2])
    with open(root / "labels.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return root


def make(root, tmp_path, **changes):
    """Build the set of a folder; return it."""
    config = DataConfig(
        source="folder",
        resolution=16,
        folder=FolderConfig(path=str(root), patient_column="patient"),
        **{"skip_limit": 0.2, "shard_mb": 0.001, **changes},
    )
    out = tmp_path / "data"
    build(config, seed=0, out=out, prepared=tmp_path / "prepared")
    return Dataset.open(out), read_json(out / "splits.json")


def ids(built):
    return {name for split in built.counts for name in built.metadata(split).id}


def test_the_same_pixels_of_two_patients_stop_a_build(scans, tmp_path):
    shutil.copy(scans / "0.png", scans / "9.png")
    with pytest.raises(StudyError, match=r"(0|9)\.png: it has the pixels of (9|0)\.pn"):
        make(scans, tmp_path)
    built, facts = make(scans, tmp_path, on_bad_file="skip")
    assert facts["left_out"]["kinds"] == {"same pixels, other patient": 1}
    assert len(ids(built)) == 2 * PATIENTS - 1
    # Images go by the rank of their names: 0.png is the first and 9.png the last.
    assert len(ids(built) & {"000000", f"{2 * PATIENTS - 1:06d}"}) == 1


def test_a_copy_of_one_patient_stays(scans, tmp_path):
    shutil.copy(scans / "0.png", scans / "1.png")
    for name in ("4.png", "9.png"):  # and so do images that show nothing
        Image.new("L", (32, 32), 100).save(scans / name)
    assert len(ids(make(scans, tmp_path)[0])) == 2 * PATIENTS


@pytest.mark.parametrize("spoilt", ["14.png", "15.png", "16.png", "17.png"])
def test_a_copy_is_found_when_a_build_goes_on(scans, tmp_path, spoilt):
    whole = (scans / spoilt).read_bytes()
    shutil.copy(scans / "0.png", scans / "9.png")
    (scans / spoilt).write_bytes(whole[:100])
    with pytest.raises(StudyError):
        make(scans, tmp_path)
    (scans / spoilt).write_bytes(whole)
    built, _ = make(scans, tmp_path, on_bad_file="skip")
    assert len(ids(built)) == 2 * PATIENTS - 1


@pytest.mark.parametrize("channels", [1, 3])
def test_colour_is_dropped_aloud(scans, tmp_path, capsys, channels):
    grey = np.asarray(Image.open(scans / "3.png"))
    Image.fromarray(np.stack([grey] * 3, -1)).save(scans / "3.png")  # loses nothing
    Image.fromarray(np.stack([grey, grey // 2, grey], -1)).save(scans / "8.png")
    _, facts = make(scans, tmp_path, channels=channels)
    said = capsys.readouterr()
    assert ("colour is dropped: 1 images" in said.out + said.err) == (channels == 1)
    assert facts["colour_dropped"] == (channels == 1)
