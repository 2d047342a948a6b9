"""Folders as people have them: splits, masks, other suffixes, links; none in silence."""

import re

import numpy as np
import pytest
from PIL import Image

from builders.dicom import save_radiograph
from builders.folder import load, make_classes, write_table
from builders.images import save_grey
from synthjax.core.errors import ConfigError, StudyError
from synthjax.data.problems import Problems
from synthjax.data.sources.class_layout import split_word
from synthjax.data.sources.folder import FolderConfig, label_names


def classes(root, **changes):
    return FolderConfig(path=str(root), labels_csv="", **changes)


def grow(root, *files):
    """Save one image for each name; no two have the same value."""
    for number, file in enumerate(files):
        save_grey(root / file, number + 1)
    return root


TRIO = ("train", "val", "test")


@pytest.mark.parametrize(
    "names", [TRIO, ("Training", "valid", "Testing"), ("train_set", "DEV", "test-data")]
)
def test_splits_around_the_classes_are_splits(tmp_path, names):
    for name in names:
        grow(tmp_path, f"{name}/NORMAL/1.png", f"{name}/PNEUMONIA/2.png")
    (tmp_path / "__MACOSX" / "train").mkdir(parents=True)
    (tmp_path / "__MACOSX/train/._1.png").write_bytes(b"\0\5\x16\7")
    listing = load(classes(tmp_path), tmp_path)
    assert listing.labels == label_names(classes(tmp_path)) == ("NORMAL", "PNEUMONIA")
    found = {
        split: {listing.metadata.id[index].split("/")[0] for index in members}
        for split, members in listing.splits.items()
    }
    assert found == dict(
        zip(("train", "valid", "test"), ({n} for n in names), strict=True)
    )
    np.testing.assert_array_equal(listing.metadata.label.sum(0), [3, 3])


def test_patients_have_folders_in_splits_too(tmp_path):
    for name in TRIO:
        grow(tmp_path, f"{name}/cat/{name}1/1.png", f"{name}/dog/{name}2/1.png")
    listing = load(classes(tmp_path, patient_folders=True), tmp_path)
    assert set(listing.metadata.patient_id) == {n + k for n in TRIO for k in "12"}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (("train/a/1.png", "test/b/1.png"), "valid is not among them"),
        (("train/1.png", "val/1.png", "test/1.png"), "look like splits.*3 images"),
        (("train/a/1.png", "test/a/1.png", "cat/1.png"), r"beside others \(cat\)"),
        (("images/a/1.png", "masks/a/1.png"), r"folder masks \(1\)"),
        (("images/1.png", "labels/1.png"), r"hardly classes \(images, labels\)"),
        (
            [f"{h}/{c}/1.png" for h in ("north", "south") for c in ("ill", "well")],
            "north, south .* same names: ill .2 images., well .2 images.",
        ),
        (
            ["p1/ill/1.png", "p2/well/1.png", "p3/ill/1.png", "p4/well/1.png"],
            "p1, p2, p3, p4 .* same names: ill .2 images., well",
        ),
        (
            ["north/ill/1.png", "south/ill/1.png", "south/well/1.png", "w/well/1.png"],
            "north, south, w .* same names",
        ),
        (("a/1.png", "a/1_mask.png", "b/1.png"), "names such as 1_mask.png"),
        (("a/1 (2).png", "a/1 (2)_mask_1.png", "b/1.png"), "names such as 1 .2._mask"),
        (("a/x/1.png", "a/x/Heatmaps/1.png", "b/1.png"), r"folder Heatmaps \(1\)"),
        (("Normal/1.png", "normal/2.png"), "Normal and normal .* case alone"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(tmp_path, files, message):
    grow(tmp_path, *files)
    with pytest.raises(StudyError, match=message):
        load(classes(tmp_path), tmp_path)


def test_masks_are_left_out_or_read_as_the_user_says(tmp_path):
    for name in ("COVID", "Normal"):
        grow(tmp_path, f"{name}/images/1.png", f"{name}/masks/1.png")
    with pytest.raises(StudyError, match=r"among its 4 images: folder masks \(2\)"):
        load(classes(tmp_path), tmp_path)
    left = load(classes(tmp_path, leave_out=("masks",)), tmp_path)
    assert list(left.metadata.id) == ["COVID/images/1.png", "Normal/images/1.png"]
    assert left.facts["files and folders left out, as leave_out says"] == 2
    assert len(load(classes(tmp_path, read_all=True), tmp_path).metadata) == 4
    with pytest.raises(ConfigError, match="read_all"):
        FolderConfig(path=str(tmp_path), read_all=True)


def test_files_that_a_table_does_not_name_can_be_left_out(tmp_path):
    grow(tmp_path, "1.png", "2.png", "masks/1.png", "1_mask.png")
    write_table(tmp_path, [["1.png", 1], ["2.png", 0]], ["file", "cat"])
    with pytest.raises(StudyError, match="no row of labels.csv names it"):
        load(FolderConfig(path=str(tmp_path)), tmp_path)
    leave_out = ("masks/", "*_mask.png")
    config = FolderConfig(path=str(tmp_path), leave_out=leave_out)
    assert len(load(config, tmp_path).metadata) == 2


@pytest.mark.parametrize(
    "name", ["1.jfif", "1.jpe", "1.JPG", "1", "1.dcm.1.bak", "1.x"]
)
def test_an_image_is_known_by_its_content(tmp_path, name):
    grow(tmp_path, "b/1.png")
    (tmp_path / "a").mkdir()
    Image.new("L", (8, 8), 9).save(tmp_path / "a" / name, "JPEG")
    listing = load(classes(tmp_path), tmp_path)
    assert list(listing.metadata.id) == [f"a/{name}", "b/1.png"]
    save_radiograph(tmp_path / "a" / name, 10)
    assert len(load(classes(tmp_path), tmp_path).metadata) == 2


@pytest.mark.parametrize("form", ["BMP", "GIF", "WEBP", "PPM", "JPEG2000"])
def test_a_kind_that_is_not_read_is_a_problem_of_its_file(tmp_path, form):
    grow(tmp_path, "b/1.png")
    (tmp_path / "a").mkdir()
    Image.new("RGB", (64, 64), (9, 9, 9)).save(tmp_path / "a" / "scan", form)
    listing = load(classes(tmp_path), tmp_path)
    assert listing.labels == ("a", "b")
    with pytest.raises(StudyError, match=r"a/scan is a .* image, which is not read"):
        listing.read(listing.metadata.record(0))


def test_a_folder_without_images_is_noticed(tmp_path):
    root = make_classes(tmp_path / "set")
    (root / "cow").mkdir()
    (root / "cow" / "1.doc").write_text("no image")
    problems = Problems("error", 0.0)
    assert load(classes(root), tmp_path, problems).labels == ("cat", "dog")
    (notice,) = problems.notices
    assert notice.places == ("cow: 1 files, none of them an image",)


@pytest.mark.parametrize("whole", [False, True])
def test_a_link_out_of_the_folder_is_called_one(tmp_path, whole):
    grow(tmp_path / "archive", "1.png", "2.png")
    archive = re.escape(str((tmp_path / "archive").resolve()))
    root = tmp_path / "set"
    root.mkdir()
    if whole:
        (root / "img").symlink_to(tmp_path / "archive")
        message = rf"'img/1.png' is in 'img', which is a link .*leads to '{archive}'"
    else:
        (root / "img").mkdir()
        for name in ("1.png", "2.png"):
            (root / "img" / name).symlink_to(tmp_path / "archive" / name)
        message = rf"'img/1.png' is a link .*\(it leads to '{archive}/1.png'\); copy"
    rows = [["img/1.png", 1], ["img/2.png", 0]]
    write_table(root, rows, ["file", "cat"])
    with pytest.raises(StudyError, match=message) as told:
        load(FolderConfig(path=str(root)), tmp_path)
    assert "give a path inside" not in str(told.value)


def test_words_for_splits():
    assert split_word("Train-Set") == "train"
    assert split_word("validation_images") == "valid"
    assert not any(map(split_word, ("trained", "testis", "cat", "protest", "")))
