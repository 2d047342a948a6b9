"""A folder for each class: the names of folders are labels, and of patients."""

import os

import numpy as np
import pytest
from PIL import Image

from builders.dicom import save_radiograph
from builders.folder import load, make_classes
from builders.images import save_grey
from builders.listings import read_grey_levels
from synthjax.core.errors import StudyError
from synthjax.data.sources.folder import FolderConfig, digest


@pytest.fixture
def classes(tmp_path):
    """Folders of two classes, in which patients have folders."""
    return make_classes(tmp_path / "classes")


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
    assert abs(read_grey_levels(listing, 3) - 80).max() <= 1
    first = digest(config)
    save_grey(classes / "dog/anna/8.png")
    assert digest(config) not in (first, None)


def test_what_is_wrong_with_class_folders_is_said(classes, tmp_path):
    config = FolderConfig(path=str(classes), labels_csv="", patient_folders=True)
    save_grey(classes / "cat" / "loose.png")
    with pytest.raises(StudyError, match=r"cat/loose.png: it is not in a folder of a"):
        load(config, tmp_path)
    (classes / "cat/loose.png").unlink()
    save_grey(classes / "stray.png")
    with pytest.raises(StudyError, match=r"stray.png: it is not in a class folder"):
        load(config, tmp_path)
    (classes / "stray.png").rename(classes / "dog/anna/link.png")
    save_grey(tmp_path / "secret.png")
    (classes / "dog/anna/link.png").unlink()
    (classes / "dog/anna/link.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(StudyError, match=r"link.png: .*leaves the folder"):
        load(config, tmp_path)
    (tmp_path / "empty" / "cat").mkdir(parents=True)
    empty = FolderConfig(path=str(tmp_path / "empty"), labels_csv="")
    with pytest.raises(StudyError, match=r"0 folder\(s\) with images.*two or more"):
        load(empty, tmp_path)


def test_no_file_of_a_class_is_passed_by_unseen(classes, tmp_path):
    """Archives name DICOM files IM0001 or by their UID, without a suffix."""
    config = FolderConfig(path=str(classes), labels_csv="")
    save_radiograph(classes / "cat/anna/IM0001", 10)
    save_radiograph(classes / "cat/anna/1.2.840.7", 10)
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
