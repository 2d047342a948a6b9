"""A folder of images comes in as it is, or one message says what to correct."""

import csv
import dataclasses
import json
import os
import pickle
import re

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from synthjax.core.errors import ConfigError, StudyError
from synthjax.data.builder import assign_splits
from synthjax.data.config import DataConfig
from synthjax.data.images.pixels import PixelsConfig
from synthjax.data.listing import Context
from synthjax.data.problems import BadImageError, Problems
from synthjax.data.sources.folder import FolderConfig, digest, list_images
from synthjax.data.sources.header_index import digest_uid

HEADER = ["file", "patient", "age", "sex", "view", "cat", "dog"]


def save(path, value=100, size=(20, 20), mode="L"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value).save(path)


def write_table(root, rows, header=HEADER, encoding="utf-8"):
    with open(root / "labels.csv", "w", newline="", encoding=encoding) as file:
        csv.writer(file).writerows([header, *rows])


ROWS = [
    ["a.png", "p1", "61.5", "female", "PA", "1", ""],
    ["deep/b.jpg", "p2", "", "M", "", "0", "1.0"],
]


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "scans"
    save(root / "a.png", 10)
    save(root / "deep" / "b.jpg", 200)
    write_table(root, ROWS)
    return root


def config_of(root, **changes):
    columns = {
        "patient_column": "patient",
        "age_column": "age",
        "sex_column": "sex",
        "view_column": "view",
    }
    return FolderConfig(path=str(root), **{**columns, **changes})


def load(config, tmp_path, problems=None, **pixels):
    problems = problems or Problems("error", 0.0)
    out, fitted = tmp_path / "out", PixelsConfig(**pixels)
    return list_images(config, Context(16, 1, 0, 1, out, fitted, problems))


def read(listing, number):
    """Pixels of 0 to 255, read as another process would."""
    call = pickle.loads(pickle.dumps(listing.read))
    return call(listing.metadata.record(number)) * 255


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_rows_become_records(root, tmp_path, encoding):
    write_table(root, ROWS, encoding=encoding)
    listing = load(config_of(root), tmp_path)
    assert listing.labels == ("cat", "dog")
    assert listing.has_patients
    first, second = listing.metadata.record(0), listing.metadata.record(1)
    assert (first.id, first.patient_id, first.age) == ("a.png", "p1", 61.5)
    assert (first.sex, first.view, first.origin) == ("F", "PA", "a.png")
    np.testing.assert_array_equal(first.label, [1, np.nan])
    np.testing.assert_allclose(read(listing, 0), np.full((20, 20, 1), 10))
    assert second.id == "deep/b.jpg"
    assert np.isnan(second.age)
    np.testing.assert_array_equal(second.label, [0, 1])
    assert abs(read(listing, 1) - 200).max() <= 1
    json.dumps(dict(listing.facts))


def test_label_columns_can_be_chosen_and_patients_left_out(root, tmp_path):
    config = FolderConfig(path=str(root), label_columns=("dog",))
    listing = load(config, tmp_path)
    assert listing.labels == ("dog",)
    assert not listing.has_patients
    assert list(listing.metadata.patient_id) == list(listing.metadata.id)


def save_dicom(path, value, **tags):
    """A grey file of one value, in the least that DICOM asks for."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    data = Dataset()
    data.file_meta = meta
    data.SOPClassUID, data.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1", "1.2.3"
    data.Rows, data.Columns, data.SamplesPerPixel = 20, 20, 1
    data.BitsAllocated, data.BitsStored, data.HighBit = 8, 8, 7
    data.PixelRepresentation, data.PhotometricInterpretation = 0, "MONOCHROME2"
    data.WindowCenter, data.WindowWidth = 127.5, 256
    data.PixelData = bytes([value]) * 400
    for keyword, text in tags.items():
        setattr(data, keyword, text)
    path.parent.mkdir(parents=True, exist_ok=True)
    pydicom.dcmwrite(path, data, enforce_file_format=True)


def test_every_format_is_read(root, tmp_path):
    save(root / "c.tif", 30)
    save(root / "d.PNG", (40, 40, 40), mode="RGB")
    save(root / "e.jpeg", 50)
    save_dicom(root / "f.dcm", 60)
    deep = np.full((20, 20), 70 * 16, np.uint16)
    Image.fromarray(deep).save(root / "g.tiff")
    names = ["c.tif", "d.PNG", "e.jpeg", "f.dcm", "g.tiff"]
    rows = [[name, "p", "", "", "", "1", "0"] for name in names]
    write_table(root, [*ROWS, *rows])
    listing = load(config_of(root), tmp_path, white=4095)
    shapes = []
    for number, name in enumerate(names, start=2):
        values = read(listing, number)
        shapes.append(values.shape[2])
        assert abs(values - 10 * (number + 1)).max() <= 1.01, name
    assert shapes == [1, 3, 1, 1, 1]
    with pytest.raises(BadImageError, match=r"g.tiff has 16 bits.*white"):
        read(load(config_of(root), tmp_path), 6)


def problem(root, tmp_path, row, **changes):
    write_table(root, [["a.png", "p1", "", "", "", "1", "0"], row])
    with pytest.raises(StudyError) as caught:
        load(config_of(root, **changes), tmp_path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (["gone.png", "p", "", "", "", "1", "0"], "'gone.png' does not exist"),
        (["deep", "p", "", "", "", "1", "0"], "'deep' does not exist"),
        (["a.png", "p", "", "", "", "1", "0"], "also in row 2 of labels.csv"),
        (["./a.png", "p", "", "", "", "1", "0"], "also in row 2 of labels.csv"),
        (["deep/b.jpg", "p", "", "", "", "yes", "0"], "label 'cat'.*'yes'.*0, 1 or"),
        (["deep/b.jpg", "p", "", "", "", "-1", "0"], "label 'cat'.*'-1'.*blank"),
        (["../secret.png", "p", "", "", "", "1", "0"], "leaves the folder"),
        (["deep/../a.png", "p", "", "", "", "1", "0"], "leaves the folder"),
        (["/etc/passwd", "p", "", "", "", "1", "0"], "leaves the folder"),
        (["link.png", "p", "", "", "", "1", "0"], "leaves the folder"),
        (["linked/secret.png", "p", "", "", "", "1", "0"], "leaves the folder"),
        (["", "p", "", "", "", "1", "0"], "leaves the folder"),
        (["deep/b.jpg", "", "", "", "", "1", "0"], "no patient"),
        (["deep/b.jpg", "p", "", "", "", "1"], "cells as the header"),
        (["deep/b.jpg", "p", "", "", "", "1", "0", "0"], "cells as the header"),
    ],
)
def test_a_faulty_row_is_named(root, tmp_path, row, message):
    save(tmp_path / "secret.png")
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    (root / "linked").symlink_to(tmp_path)
    found = problem(root, tmp_path, row)
    assert "row 3 of labels.csv: " in found
    assert re.search(message, found)


def test_at_most_ten_problems_are_listed(root, tmp_path):
    rows = [[f"gone{number}.png", "p", "", "", "", "1", "0"] for number in range(14)]
    write_table(root, [*ROWS, *rows])
    with pytest.raises(StudyError) as caught:
        load(config_of(root), tmp_path)
    assert "14 problem(s)" in str(caught.value)
    assert str(caught.value).count("does not exist") == 10
    assert "and 4 more" in str(caught.value)


def test_missing_table_column_rows_and_labels(root, tmp_path):
    def says(message, **changes):
        with pytest.raises(StudyError, match=message):
            load(FolderConfig(path=str(root), **changes), tmp_path)

    (root / "labels.csv").unlink()
    says(r"labels\.csv does not exist.*one folder per class")
    (root / "labels.csv").touch()
    says(r"labels\.csv is empty")
    write_table(root, [])
    says("no rows")
    write_table(root, [["a.png", "1"]], header=["image", "cat"])
    says(r"no column 'file'.*'image'")
    says("no column 'cow'", file_column="image", label_columns=("cow",))
    write_table(root, [["a.png"]], header=["file"])
    says("no label column")
    write_table(root, [["a.png", "1", "1"]], header=["file", "cat", "cat"])
    says(r"'cat'.*twice")
    (root / "labels.csv").write_bytes(b"file,cat\n\xff\xfe,1\n")
    says("UTF-8")
    with pytest.raises(StudyError, match=r"config.data.folder.path"):
        load(FolderConfig(), tmp_path)
    with pytest.raises(StudyError, match=r"gone is not a folder"):
        load(FolderConfig(path=str(tmp_path / "gone")), tmp_path)


@pytest.mark.parametrize("fault", ["truncated", "text"])
def test_an_unreadable_image_is_named(root, tmp_path, fault):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    Image.fromarray(noise).save(root / "bad.png")
    whole = (root / "bad.png").read_bytes()
    (root / "bad.png").write_bytes(whole[:900] if fault == "truncated" else b"hello")
    write_table(root, [*ROWS, ["bad.png", "q", "", "", "", "1", "0"]])
    listing = load(config_of(root), tmp_path)
    with pytest.raises(
        BadImageError,
        match=r"bad.png (is not a|cannot be read as) .*; replace the file",
    ):
        read(listing, 2)


def test_no_image_is_opened_while_listing(root, tmp_path):
    (root / "deep/b.jpg").write_bytes(b"")
    assert len(load(config_of(root), tmp_path).metadata) == 2


def test_an_image_without_a_row_is_named(root, tmp_path):
    save(root / "deep" / "c.JPG")
    save(root / "deep" / "._b.jpg")
    save(root / ".cache" / "b.jpg")
    (root / "notes.txt").touch()
    with pytest.raises(StudyError, match=r"deep/c.JPG: no row of labels.csv names it"):
        load(config_of(root), tmp_path)
    problems = Problems("skip", 0.5)
    listing = load(config_of(root), tmp_path, problems)
    assert len(listing.metadata) == 2
    facts = listing.facts
    assert facts["hidden files and folders, ignored"] == 2
    assert facts["files other than images, ignored"] == 1
    assert facts["files other than images, ignored, such as"] == ["notes.txt"]
    assert problems.summary()["kinds"] == {"row missing": 1}


def test_problems_are_skipped_up_to_a_limit(root, tmp_path):
    rows = [["gone.png", "p", "", "", "", "1", "0"], ["a.png", "", "", "", "", "", ""]]
    write_table(root, [*ROWS, *rows])
    problems = Problems("skip", 0.5)
    assert list(load(config_of(root), tmp_path, problems).metadata.id) == [
        "deep/b.jpg",
    ]
    assert problems.summary()["kinds"] == {"file missing": 1, "patient missing": 1}
    with pytest.raises(StudyError, match=r"skip_limit=0.4 allows 1 of 4.*\n  row 4 of"):
        load(config_of(root), tmp_path, Problems("skip", 0.4))


def test_links_inside_the_folder_are_followed(root, tmp_path):
    (root / "link.png").symlink_to(root / "deep" / "b.jpg")
    write_table(root, [ROWS[0], ["link.png", *ROWS[1][1:]]])
    with pytest.raises(StudyError, match=r"deep/b.jpg: no row"):
        load(config_of(root), tmp_path)
    write_table(root, [*ROWS, ["link.png", *ROWS[1][1:]]])
    listing = load(config_of(root), tmp_path)
    assert list(listing.metadata.id) == ["a.png", "deep/b.jpg"]
    assert listing.facts["left out: same row"] == 1
    write_table(root, [*ROWS, ["link.png", *ROWS[1][1:-1], "0"]])
    with pytest.raises(StudyError, match=r"row 4 of .*also in row 3"):
        load(config_of(root), tmp_path)


@pytest.fixture
def classes(tmp_path):
    """Folders of two classes, in which patients have folders."""
    root = tmp_path / "classes"
    for number, name in enumerate(
        ["cat/anna/1.png", "cat/bert/1.png", "cat/bert/2.png", "dog/anna/7.jpg"]
    ):
        save(root / name, 20 * (number + 1))
    return root


@pytest.mark.parametrize("patients", [True, False])
def test_class_folders_are_labels(classes, tmp_path, patients):
    config = FolderConfig(path=str(classes), labels_csv="", patient_folders=patients)
    listing = load(config, tmp_path)
    assert listing.labels == ("cat", "dog")
    assert listing.has_patients == patients
    rows = listing.metadata
    assert list(rows.id) == [
        "cat/anna/1.png",
        "cat/bert/1.png",
        "cat/bert/2.png",
        "dog/anna/7.jpg",
    ]
    np.testing.assert_array_equal(rows.label, [[1, 0], [1, 0], [1, 0], [0, 1]])
    owners = ["anna", "bert", "bert", "anna"] if patients else list(rows.id)
    assert list(rows.patient_id) == owners
    assert abs(read(listing, 3) - 80).max() <= 1
    first = digest(config)
    save(classes / "dog/anna/8.png")
    assert digest(config) not in (first, None)


def test_what_is_wrong_with_class_folders_is_said(classes, tmp_path):
    config = FolderConfig(path=str(classes), labels_csv="", patient_folders=True)
    save(classes / "cat" / "loose.png")
    with pytest.raises(StudyError, match=r"cat/loose.png: it is not in a folder of a"):
        load(config, tmp_path)
    (classes / "cat/loose.png").unlink()
    save(classes / "stray.png")
    with pytest.raises(StudyError, match=r"stray.png: it is not in a class folder"):
        load(config, tmp_path)
    (classes / "stray.png").rename(classes / "dog/anna/link.png")
    save(tmp_path / "secret.png")
    (classes / "dog/anna/link.png").unlink()
    (classes / "dog/anna/link.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(StudyError, match=r"link.png: .*leaves the folder"):
        load(config, tmp_path)
    (tmp_path / "empty" / "cat").mkdir(parents=True)
    empty = FolderConfig(path=str(tmp_path / "empty"), labels_csv="")
    with pytest.raises(StudyError, match=r"0 folder\(s\) with images.*two or more"):
        load(empty, tmp_path)


def test_patients_from_dicom_headers(tmp_path):
    root = tmp_path / "classes"
    tags = {"PatientSex": "F", "PatientAge": "061Y", "ViewPosition": "PA"}
    save_dicom(root / "cat/1.dcm", 10, PatientID="p7", StudyInstanceUID="1.2", **tags)
    save_dicom(root / "dog/2", 20, PatientID="p9")
    (root / "dog/2").rename(root / "dog/2.dcm")
    config = FolderConfig(path=str(root), labels_csv="", patient_from_dicom=True)
    listing = load(config, tmp_path)
    assert listing.has_patients
    rows = listing.metadata
    assert list(rows.patient_id) == ["p7", "p9"]
    assert list(rows.study_id) == [digest_uid("1.2"), ""]
    assert list(rows.sex) == ["F", ""]
    assert list(rows.view) == ["PA", ""]
    np.testing.assert_array_equal(rows.age, np.float32([61, np.nan]))
    save_dicom(root / "dog/3.dcm", 20)
    save(root / "dog/4.png")
    with pytest.raises(StudyError, match=r"2 problem(.|\n)*3.dcm: .*no PatientID"):
        load(config, tmp_path)
    problems = Problems("skip", 0.5)
    assert list(load(config, tmp_path, problems).metadata.patient_id) == ["p7", "p9"]
    kinds = {"patient missing": 1, "file unusable": 1}
    assert problems.summary()["kinds"] == kinds


def test_a_tables_own_columns_go_before_the_header(tmp_path):
    root = tmp_path / "scans"
    tags = {"PatientSex": "F", "PatientAge": "061Y", "ViewPosition": "PA"}
    save_dicom(root / "1.dcm", 10, PatientID="p7", **tags)
    save_dicom(root / "2.dcm", 10, PatientID="p8", **tags)
    rows = [["1.dcm", "12", "", "1"], ["2.dcm", "", "M", "1"]]
    write_table(root, rows, ["file", "age", "sex", "cat"])
    listing = load(
        FolderConfig(
            path=str(root), age_column="age", sex_column="sex", patient_from_dicom=True
        ),
        tmp_path,
    )
    assert list(listing.metadata.patient_id) == ["p7", "p8"]
    assert list(listing.metadata.age) == [12, 61]
    assert list(listing.metadata.sex) == ["F", "M"]


def test_digest_follows_the_table_and_the_images(root):
    first = digest(config_of(root))
    assert first and digest(config_of(root)) == first
    save(root / "a.png", 10, size=(30, 20))
    second = digest(config_of(root))
    write_table(root, [ROWS[0], [*ROWS[1][:-1], "0"]])
    assert len({first, second, digest(config_of(root))}) == 3
    third = digest(config_of(root))
    (root / "a.png").unlink()
    fourth = digest(config_of(root))
    write_table(root, [ROWS[0], [*ROWS[1][:-1], "1"]])  # one file is still missing
    assert len({third, fourth, digest(config_of(root)), None}) == 4
    (root / "labels.csv").write_bytes(b"file,cat\na\0.png,1\n")
    assert digest(config_of(root)) is not None
    (root / "labels.csv").unlink()
    assert digest(config_of(root)) is None
    assert digest(FolderConfig()) is None


def test_config_is_checked():
    for changes, message in [
        ({"patient_folders": True}, "patient_folders=True is for class folders"),
        ({"labels_csv": "", "label_columns": ("cat",)}, "no label_columns"),
        ({"labels_csv": "", "patient_column": "p"}, "no patient_column"),
        ({"patient_column": "p", "patient_from_dicom": True}, "choose one"),
    ]:
        with pytest.raises(ConfigError, match=message):
            FolderConfig(**changes)


def test_a_name_that_is_no_text_is_a_problem(tmp_path):
    """Linux lets a file be called any bytes; the built set holds text."""
    for name in (b"a/1.png", b"b/2.png", b"b/caf\xe9.png"):
        path = os.path.join(os.fsencode(tmp_path), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Image.new("L", (16, 16), 100).save(os.fsdecode(path))
    config = FolderConfig(path=str(tmp_path), labels_csv="")
    with pytest.raises(StudyError, match=r"caf\\udce9\.png.*not UTF-8; rename") as told:
        load(config, tmp_path)
    str(told.value).encode()
    (tmp_path / "labels.csv").write_text("file,cat\na/1.png,1\nb/2.png,0\n")
    with pytest.raises(StudyError, match=r"caf\\udce9\.png.*names it") as told:
        load(FolderConfig(path=str(tmp_path)), tmp_path)
    str(told.value).encode()


def test_digest_follows_a_rewrite_of_equal_size(root):
    first = digest(config_of(root))
    whole = (root / "a.png").read_bytes()
    (root / "a.png").write_bytes(bytes(len(whole)))
    os.utime(root / "a.png", ns=(0, 0))
    assert digest(config_of(root)) not in (first, None)


def test_equal_rows_are_one_and_others_cost_the_image(root, tmp_path):
    write_table(root, [*ROWS, ROWS[0]])
    listing = load(config_of(root), tmp_path)
    assert list(listing.metadata.id) == ["a.png", "deep/b.jpg"]
    assert listing.facts["left out: same row"] == 1
    other = [*ROWS[0][:-1], "1"]
    for rows in ([*ROWS, other], [other, *ROWS]):
        write_table(root, rows)
        problems = Problems("skip", 0.5)
        assert list(load(config_of(root), tmp_path, problems).metadata.id) == [
            "deep/b.jpg"
        ]
        assert problems.summary()["kinds"] == {"rows contradict": 1}


def test_odd_ages_and_sexes_are_unknown(root, tmp_path):
    for number, (age, sex) in enumerate([("old", "F"), ("-1", "x"), ("131", "M")]):
        write_table(root, [ROWS[0], ["deep/b.jpg", "p", age, sex, "", "1", "0"]])
        listing = load(config_of(root), tmp_path)
        assert np.isnan(listing.metadata.age[1])
        assert listing.facts["odd ages, unknown"] == 1
        assert listing.facts["odd sexes, unknown"] == (number == 1)


def test_a_comma_too_many_makes_no_label(root, tmp_path):
    write_table(root, [[*row, ""] for row in ROWS], [*HEADER, ""])
    with pytest.raises(StudyError, match=r"labels.csv has a column without a name"):
        load(config_of(root), tmp_path)
    listing = load(config_of(root, label_columns=("cat",)), tmp_path)
    assert listing.labels == ("cat",)


def test_no_file_of_a_class_is_passed_by_unseen(classes, tmp_path):
    """Archives name DICOM files IM0001 or by their UID, without a suffix."""
    config = FolderConfig(path=str(classes), labels_csv="")
    save_dicom(classes / "cat/anna/IM0001", 10)
    save_dicom(classes / "cat/anna/1.2.840.7", 10)
    (classes / "cat/anna/README").write_text("no image")
    (classes / "cat/anna/x.bmp").write_bytes(b"BM")
    (classes / "cat/.hidden").mkdir()
    os.mkfifo(classes / "cat/pipe")
    (classes / "cat/loop").symlink_to("loop")
    listing = load(config, tmp_path)
    assert list(listing.metadata.id)[:3] == [
        "cat/anna/1.2.840.7",
        "cat/anna/1.png",
        "cat/anna/IM0001",
    ]
    assert listing.facts["files other than images, ignored"] == 4
    assert listing.facts["files other than images, ignored, such as"] == [
        "cat/loop",
        "cat/pipe",
        "cat/anna/README",
        "cat/anna/x.bmp",
    ]
    assert listing.facts["hidden files and folders, ignored"] == 1
    (tmp_path / "cows").mkdir()
    (classes / "cow").symlink_to(tmp_path / "cows")
    with pytest.raises(StudyError, match=r"cow: it is a link to a folder.*move"):
        load(config, tmp_path)


def test_a_folder_that_cannot_be_looked_at_is_named(classes, tmp_path, monkeypatch):
    def refuse(path, scandir=os.scandir):
        if str(path).endswith("bert"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    config = FolderConfig(path=str(classes), labels_csv="")
    with pytest.raises(StudyError, match=r"cat/bert cannot be listed \(Permission"):
        load(config, tmp_path)
    assert digest(config) is None


SPLIT_HEADER = ["file", "patient", "split", "cat"]


def test_the_table_may_say_who_is_in_which_split(root, tmp_path):
    save(root / "c.png", 30)
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
    save(root / "c.png", 30)
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
