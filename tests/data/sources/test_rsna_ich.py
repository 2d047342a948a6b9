"""The RSNA haemorrhage set: read from its layout, and its faults."""

import pickle
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pydicom
import pytest

from builders.rsna import (
    COUNT,
    FAULTS,
    FIRST,
    OTHER,
    SLICES,
    TRUTH,
    add_rows,
    context,
    load,
    read_table,
    write_rows,
)
from synthjax.core.errors import ConfigError, StudyError
from synthjax.core.findings import BRAIN
from synthjax.data.images.dicom import read_stored
from synthjax.data.images.dicom_display import hounsfield
from synthjax.data.images.windowing import WINDOWS, apply_window
from synthjax.data.layouts.rsna_ich import write_rsna
from synthjax.data.sources import header_index
from synthjax.data.sources.rsna_ich import RsnaIchConfig, digest, list_images


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The set in its layout; tests only read it."""
    root = tmp_path_factory.mktemp("written")
    assert write_rsna(root, SLICES) == COUNT
    return root


@pytest.fixture
def tree(written: Path, tmp_path: Path) -> Path:
    """A copy, to be spoilt."""
    return shutil.copytree(written, tmp_path / "rsna")


@pytest.mark.slow
def test_labels_patients_and_studies_are_the_truth(tree: Path, tmp_path: Path):
    listing = load(tree, tmp_path)
    assert (
        listing.labels
        == BRAIN
        == (
            "epidural",
            "intraparenchymal",
            "intraventricular",
            "subarachnoid",
            "subdural",
            "no finding",
        )
    )
    assert list(listing.metadata.id) == [record.id for record, _ in SLICES]
    studies = {}
    for number in range(COUNT):
        row = listing.metadata.record(number)
        truth = TRUTH[row.id][0]
        np.testing.assert_array_equal(row.label, truth.label)
        assert row.patient_id == truth.patient_id and row.sex == truth.sex
        assert row.age == truth.age and row.view == ""
        assert row.origin == f"stage_2_train/{row.id}.dcm"
        assert studies.setdefault(row.study_id, truth.study_id) == truth.study_id
    assert len(studies) == len({truth.study_id for truth, _ in SLICES})
    assert listing.facts == {
        "rows of the table": 6 * COUNT,
        "left out: same row": 0,
        "odd ages, unknown": 0,
        "odd sexes, unknown": 0,
        "hidden files and folders, ignored": 0,
        "links to folders, not followed": 0,
        "files other than images, ignored": 0,
        "slices listed": COUNT,
    }
    assert listing.root == tree and listing.has_patients


def test_units_come_back_bit_equal(tree: Path, tmp_path: Path):
    listing = load(tree, tmp_path)
    for identity, origin in zip(
        listing.metadata.id, listing.metadata.origin, strict=True
    ):
        units = hounsfield(*read_stored(tree / origin))
        np.testing.assert_array_equal(units, TRUTH[identity][1])


@pytest.mark.parametrize("window", ["brain", "subdural", "bone", "three"])
def test_pixels_are_those_of_the_direct_path(tree: Path, tmp_path: Path, window):
    config = RsnaIchConfig(path=str(tree))
    listing = list_images(config, context(tmp_path, window=window))
    read = pickle.loads(pickle.dumps(listing.read))
    names = ("brain", "subdural", "bone") if window == "three" else (window,)
    for number in range(5):
        row = listing.metadata.record(number)
        units = TRUTH[row.id][1].astype(np.float32)
        truth = np.stack([apply_window(units, WINDOWS[n]) for n in names], axis=-1)
        np.testing.assert_array_equal(read(row), truth)


def test_the_folder_around_the_set_will_do(tree: Path, tmp_path: Path):
    assert len(load(tmp_path, tmp_path).metadata) == COUNT


def test_other_names_and_the_authors_third_column(tree: Path, tmp_path: Path):
    header, *rows = read_table(tree)
    (tree / "stage_2_train.csv").unlink()
    write_rows(
        tree,
        [[*header, "PatientID"], *([*row, "ID_of_another"] for row in rows)],
        "new_stage_1.csv",
    )
    (tree / "stage_2_train").rename(tree / "stage_1_train_images")
    listing = load(
        tree, tmp_path, labels_csv="new_stage_1.csv", images="stage_1_train_images"
    )
    assert len(listing.metadata) == COUNT
    assert listing.metadata.patient_id[0] == SLICES[0][0].patient_id  # from the header


def test_a_shuffled_table_with_a_mark_and_repeats_is_the_same(
    tree: Path, tmp_path: Path
):
    plain = load(tree, tmp_path)
    header, *rows = read_table(tree)
    np.random.default_rng(1).shuffle(rows)
    write_rows(tree, [header, *rows, [], *rows[:100], *rows[:7]])
    path = tree / "stage_2_train.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    listing = load(tree, tmp_path)
    assert listing.facts["left out: same row"] == 107
    label = dict(zip(listing.metadata.id, listing.metadata.label, strict=True))
    for identity, truth in zip(plain.metadata.id, plain.metadata.label, strict=True):
        np.testing.assert_array_equal(label[identity], truth)


def test_headers_are_read_once_for_all_studies(tree: Path, tmp_path: Path, monkeypatch):
    index = tmp_path / "shared" / "headers.parquet"
    first = load(tree, tmp_path, index=str(index))
    assert index.exists() and not (tmp_path / "out").exists()

    def read_row(root, file):
        raise AssertionError("read again")

    monkeypatch.setattr(header_index, "read_row", read_row)
    second = load(tree, tmp_path, index=str(index))
    assert list(second.metadata.patient_id) == list(first.metadata.patient_id)


def planted(root):
    """Slices that have a file."""
    return {path.stem for path in (root / "stage_2_train").iterdir()}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_or_left_out(tree: Path, tmp_path: Path, name):
    plant, kind, message, left = FAULTS[name]
    plant(tree)
    config = RsnaIchConfig(path=str(tree))
    with pytest.raises(StudyError, match=message):
        list_images(config, context(tmp_path))
    lenient = context(tmp_path, "skip", 0.1)
    listing = list_images(config, lenient)
    assert Counter(problem.kind for problem in lenient.problems.found) == {kind: 1}
    assert len(listing.metadata) == left
    assert (FIRST in listing.metadata.id) == (left == COUNT)
    lost = len(planted(tree) | {record.id for record, _ in SLICES}) - left
    assert lenient.problems.summary()["count"] == lost
    assert "Doe" not in str(lenient.problems.found)


def test_a_slice_is_counted_once(tree: Path, tmp_path: Path):
    """However many of its rows are at fault, and in however many ways."""
    rows = read_table(tree)
    for number in (1, 2, 3):  # of the first slice
        rows[number][1] = "?"
    for number in (7, 8):  # of the second
        rows[number].append("more")
    rows[13] = [rows[13][0], "x"]  # of the third
    del rows[14]
    write_rows(tree, [*rows, [rows[4][0], OTHER[rows[4][1]]]])
    lenient = context(tmp_path, "skip", 3 / COUNT)
    listing = list_images(RsnaIchConfig(path=str(tree)), lenient)
    assert len(listing.metadata) == COUNT - 3
    summary = lenient.problems.summary()
    assert summary["count"] == 3
    assert summary["kinds"] == {
        "label unknown": 2,
        "rows incomplete": 1,
    }
    with pytest.raises(StudyError, match="They cost 3 images"):
        context_ = context(tmp_path, "skip", 2 / COUNT)
        list_images(RsnaIchConfig(path=str(tree)), context_)


def test_no_usable_slice_is_said(tree: Path, tmp_path: Path):
    for path in (tree / "stage_2_train").iterdir():
        path.write_bytes(b"no")
    lenient = context(tmp_path, "skip", 1.0)
    with pytest.raises(StudyError, match=r"stage_2_train\.csv has no slice that can"):
        list_images(RsnaIchConfig(path=str(tree)), lenient)
    header, *rows = read_table(tree)
    write_rows(tree, [header, *([name, "?"] for name, _ in rows)])
    with pytest.raises(StudyError, match=r"stage_2_train\.csv has no slice that can"):
        list_images(RsnaIchConfig(path=str(tree)), context(tmp_path, "skip", 1.0))


def test_what_the_headers_say_oddly_is_counted(tree: Path, tmp_path: Path):
    for number, (keyword, value) in enumerate(
        [("PatientAge", "999Y"), ("PatientAge", "95"), ("PatientSex", "x")]
    ):
        path = tree / "stage_2_train" / f"{SLICES[number][0].id}.dcm"
        dataset = pydicom.dcmread(path)
        dataset.add_new(keyword, "LO", value)
        dataset.save_as(path)
    listing = load(tree, tmp_path)
    assert listing.facts["odd ages, unknown"] == 1
    assert listing.facts["odd sexes, unknown"] == 1
    assert np.isnan(listing.metadata.age[0]) and listing.metadata.sex[2] == ""
    assert listing.metadata.age[1] == 90


def test_upper_case_suffixes_and_links_inside_are_slices(tree: Path, tmp_path: Path):
    images = tree / "stage_2_train"
    (images / f"{FIRST}.dcm").rename(images / f"{FIRST}.DCM")
    other = images / f"{SLICES[1][0].id}.dcm"
    other.rename(tree / "moved")
    other.symlink_to("../moved")
    (images / "notes.txt").touch()
    listing = load(tree, tmp_path)
    assert len(listing.metadata) == COUNT
    assert listing.metadata.origin[0] == f"stage_2_train/{FIRST}.DCM"
    assert listing.facts["files other than images, ignored"] == 1


def test_too_many_faults_stop_before_the_headers(
    tree: Path, tmp_path: Path, monkeypatch
):
    for record, _ in SLICES[:5]:
        (tree / "stage_2_train" / f"{record.id}.dcm").unlink()

    def read_row(root, file):
        raise AssertionError("a header was read")

    monkeypatch.setattr(header_index, "read_row", read_row)
    with pytest.raises(StudyError, match=r"5 problem.*skip_limit=0\.1"):
        list_images(RsnaIchConfig(path=str(tree)), context(tmp_path, "skip", 0.1))


def test_what_is_not_there_is_named(tree: Path, tmp_path: Path):
    with pytest.raises(StudyError, match="there is no folder to read"):
        load("", tmp_path)
    with pytest.raises(StudyError, match=r"stage_1_train\.csv"):
        load(tree, tmp_path, labels_csv="stage_1_train.csv")
    with pytest.raises(StudyError, match="stage_1_train is not a folder"):
        load(tree, tmp_path, images="stage_1_train")
    (tree / "none").mkdir()
    with pytest.raises(StudyError, match=r"none has no \.dcm files"):
        load(tree, tmp_path, images="none")
    write_rows(tree, [["ID", "Label"]])
    with pytest.raises(StudyError, match="no rows"):
        load(tree, tmp_path)
    write_rows(tree, [["Id", "Label"]])
    with pytest.raises(StudyError, match="no column 'ID'"):
        load(tree, tmp_path)


@pytest.mark.parametrize("name", ["/etc", "../x", "a/../../b", ""])
def test_names_stay_inside_the_folder(name):
    with pytest.raises(ConfigError, match="inside the folder"):
        RsnaIchConfig(images=name)
    with pytest.raises(ConfigError, match="inside the folder"):
        RsnaIchConfig(labels_csv=name)


def test_the_digest_follows_the_table(tree: Path):
    config = RsnaIchConfig(path=str(tree))
    before = digest(config)
    assert before and digest(config) == before
    add_rows(["x_any", "0"])(tree)
    assert digest(config) != before
    assert digest(RsnaIchConfig()) is None
