"""The RSNA haemorrhage set: read from its layout, and its faults."""

import csv
import pickle
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pydicom
import pytest

from synthjax.core.errors import ConfigError, StudyError
from synthjax.core.findings import BRAIN
from synthjax.data.images.dicom import read_stored
from synthjax.data.images.dicom_display import hounsfield
from synthjax.data.images.pixels import PixelsConfig
from synthjax.data.images.windowing import WINDOWS, apply_window
from synthjax.data.layouts.rsna_ich import HIGHEST, INTERCEPT, write_rsna
from synthjax.data.listing import Context
from synthjax.data.problems import Problems
from synthjax.data.schema import Record
from synthjax.data.sources import header_index
from synthjax.data.sources.rsna_ich import (
    RsnaIchConfig,
    digest,
    list_images,
)

COUNT = 40


def make_slices(count=COUNT, seed=0):
    """Slices of patients with three each, in an order that is not that of the ids."""
    rng = np.random.default_rng(seed)
    for number in rng.permutation(count):
        types = (rng.random(5) < 0.25).astype(np.float32)
        record = Record(
            id=f"ID_{number:09x}",
            pixels=None,
            label=np.array([*types, 1 - types.max()], np.float32),
            patient_id=f"ID_{number // 3:08x}",
            study_id=f"study {number // 3}",
            age=float(20 + number),
            sex=("F", "M", "")[number % 3],
        )
        units = rng.integers(INTERCEPT, HIGHEST, (9, 7), endpoint=True)
        yield record, units.astype(np.int16)


SLICES = list(make_slices())
TRUTH = {record.id: (record, units) for record, units in SLICES}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("written")
    assert write_rsna(root, SLICES) == COUNT
    return root


@pytest.fixture
def tree(written: Path, tmp_path: Path) -> Path:
    """A copy, to be spoilt."""
    return shutil.copytree(written, tmp_path / "rsna")


def context(tmp_path: Path, action="error", limit=0.0, window="brain"):
    return Context(
        resolution=8,
        channels=1,
        seed=0,
        workers=1,
        prepared=tmp_path / "out",
        pixels=PixelsConfig(window=window),
        problems=Problems(action, limit),
    )


def listed(root, tmp_path, **config):
    return list_images(RsnaIchConfig(path=str(root), **config), context(tmp_path))


def read_metadata(root):
    with open(root / "stage_2_train.csv", newline="") as file:
        return list(csv.reader(file))


def write_rows(root, rows, name="stage_2_train.csv"):
    with open(root / name, "w", newline="") as file:
        csv.writer(file).writerows(rows)


def test_labels_patients_and_studies_are_the_truth(tree: Path, tmp_path: Path):
    listing = listed(tree, tmp_path)
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
    listing = listed(tree, tmp_path)
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
    assert len(listed(tmp_path, tmp_path).metadata) == COUNT


def test_other_names_and_the_authors_third_column(tree: Path, tmp_path: Path):
    header, *rows = read_metadata(tree)
    (tree / "stage_2_train.csv").unlink()
    write_rows(
        tree,
        [[*header, "PatientID"], *([*row, "ID_of_another"] for row in rows)],
        "new_stage_1.csv",
    )
    (tree / "stage_2_train").rename(tree / "stage_1_train_images")
    listing = listed(
        tree, tmp_path, labels_csv="new_stage_1.csv", images="stage_1_train_images"
    )
    assert len(listing.metadata) == COUNT
    assert listing.metadata.patient_id[0] == SLICES[0][0].patient_id  # from the header


def test_a_shuffled_table_with_a_mark_and_repeats_is_the_same(
    tree: Path, tmp_path: Path
):
    plain = listed(tree, tmp_path)
    header, *rows = read_metadata(tree)
    np.random.default_rng(1).shuffle(rows)
    write_rows(tree, [header, *rows, [], *rows[:100], *rows[:7]])
    path = tree / "stage_2_train.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    listing = listed(tree, tmp_path)
    assert listing.facts["left out: same row"] == 107
    label = dict(zip(listing.metadata.id, listing.metadata.label, strict=True))
    for identity, truth in zip(plain.metadata.id, plain.metadata.label, strict=True):
        np.testing.assert_array_equal(label[identity], truth)


def test_headers_are_read_once_for_all_studies(tree: Path, tmp_path: Path, monkeypatch):
    index = tmp_path / "shared" / "headers.parquet"
    first = listed(tree, tmp_path, index=str(index))
    assert index.exists() and not (tmp_path / "out").exists()

    def read_row(root, file):
        raise AssertionError("read again")

    monkeypatch.setattr(header_index, "read_row", read_row)
    second = listed(tree, tmp_path, index=str(index))
    assert list(second.metadata.patient_id) == list(first.metadata.patient_id)


# Faults: each is planted in the tree and must be found, named, and left out.


def edit_row(number, change):
    def plant(root):
        rows = read_metadata(root)
        rows[number] = change(rows[number])
        write_rows(root, rows)

    return plant


def add_rows(*added):
    return lambda root: write_rows(root, [*read_metadata(root), *added])


def edit_file(change):
    def plant(root):
        path = root / "stage_2_train" / f"{SLICES[0][0].id}.dcm"
        change(path)

    return plant


def with_patient(path, patient):
    dataset = pydicom.dcmread(path)
    dataset.PatientID = patient
    dataset.save_as(path)


def link_out(root):
    path = root / "stage_2_train" / f"{FIRST}.dcm"
    path.rename(root.parent / "elsewhere.dcm")
    path.symlink_to(root.parent / "elsewhere.dcm")


def without_patient(path):
    dataset = pydicom.dcmread(path)
    del dataset.PatientID
    dataset.save_as(path)


FIRST = SLICES[0][0].id
OTHER = {"0": "1", "1": "0"}
FAULTS = {  # name: (plant, kind, message, slices left)
    "no file": (edit_file(Path.unlink), "file missing", f"{FIRST}.dcm does not", 39),
    "no rows": (
        edit_file(
            lambda path: path.with_name("ID_new.dcm").write_bytes(path.read_bytes())
        ),
        "row missing",
        "stage_2_train/ID_new.dcm: stage_2_train.csv has no rows",
        40,
    ),
    "no subtype": (
        lambda root: write_rows(
            root, [r for n, r in enumerate(read_metadata(root)) if n != 2]
        ),
        "rows incomplete",
        f"{FIRST} in stage_2_train.csv: it has no row for intraparenchymal",
        39,
    ),
    "unknown subtype": (
        add_rows([f"{FIRST}_epidurall", "0"]),
        "row malformed",
        "row 242 of .* does not end in one of epidural, ",
        40,
    ),
    "no id": (add_rows(["_any", "0"]), "row malformed", "row 242", 40),
    "too many cells": (
        add_rows([f"{FIRST}_any", "0", "1"]),
        "row malformed",
        "cells",
        40,
    ),
    "another label": (
        edit_row(3, lambda row: [row[0], "2"]),
        "label unknown",
        "row 4 of .*intraventricular is '2'; it must be 0 or 1",
        39,
    ),
    "a blank label": (edit_row(3, lambda row: [row[0], ""]), "label unknown", "''", 39),
    "a contradiction": (
        lambda root: add_rows([(row := read_metadata(root)[1])[0], OTHER[row[1]]])(
            root
        ),
        "rows contradict",
        f"row 242 of .*{FIRST}_epidural is . here",
        39,
    ),
    "any alone": (
        edit_row(6, lambda row: [row[0], OTHER[row[1]]]),
        "rows contradict",
        f"{FIRST} in stage_2_train.csv: its 'any' is",
        39,
    ),
    "no pixels": (
        edit_file(lambda path: path.write_bytes(path.read_bytes()[:-30])),
        "file unusable",
        f"stage_2_train/{FIRST}.dcm: has .* bytes of PixelData",
        39,
    ),
    "no dicom": (
        edit_file(lambda path: path.write_bytes(b"no")),
        "file unusable",
        "has no image",
        39,
    ),
    "no patient": (edit_file(without_patient), "patient missing", "no PatientID", 39),
    "a name": (
        edit_file(lambda path: with_patient(path, "Doe^a")),
        "patient named",
        f"stage_2_train/{FIRST}.dcm: its header's PatientID holds .*pseudonym",
        39,
    ),
    "a link out": (
        lambda root: link_out(root),
        "file outside",
        f"{FIRST} in stage_2_train.csv: .*leaves the folder",
        39,
    ),
    "two files": (
        edit_file(lambda path: shutil.copy(path, path.with_suffix(".DCM"))),
        "file name",
        f"{FIRST}.DCM and .*{FIRST}.dcm are of one slice",
        39,
    ),
}


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
    rows = read_metadata(tree)
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
    header, *rows = read_metadata(tree)
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
    listing = listed(tree, tmp_path)
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
    listing = listed(tree, tmp_path)
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
        listed("", tmp_path)
    with pytest.raises(StudyError, match=r"stage_1_train\.csv"):
        listed(tree, tmp_path, labels_csv="stage_1_train.csv")
    with pytest.raises(StudyError, match="stage_1_train is not a folder"):
        listed(tree, tmp_path, images="stage_1_train")
    (tree / "none").mkdir()
    with pytest.raises(StudyError, match=r"none has no \.dcm files"):
        listed(tree, tmp_path, images="none")
    write_rows(tree, [["ID", "Label"]])
    with pytest.raises(StudyError, match="no rows"):
        listed(tree, tmp_path)
    write_rows(tree, [["Id", "Label"]])
    with pytest.raises(StudyError, match="no column 'ID'"):
        listed(tree, tmp_path)


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
