"""A folder of images comes in as it is, or one message says what to correct."""

import json
import os
import re

import numpy as np
import pytest
from PIL import Image

from builders.dicom import save_radiograph
from builders.folder import HEADER, ROWS, config_of, load, make_folder, write_table
from builders.images import save_grey
from builders.listings import read_grey_levels
from synthjax.core.errors import ConfigError, StudyError
from synthjax.data.problems import BadImageError, Problems
from synthjax.data.sources.folder import FolderConfig, digest


@pytest.fixture
def root(tmp_path):
    """Two images with their table."""
    return make_folder(tmp_path / "scans")


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
    np.testing.assert_allclose(read_grey_levels(listing, 0), np.full((20, 20, 1), 10))
    assert second.id == "deep/b.jpg"
    assert np.isnan(second.age)
    np.testing.assert_array_equal(second.label, [0, 1])
    assert abs(read_grey_levels(listing, 1) - 200).max() <= 1
    json.dumps(dict(listing.facts))


def test_label_columns_can_be_chosen_and_patients_left_out(root, tmp_path):
    config = FolderConfig(path=str(root), label_columns=("dog",))
    listing = load(config, tmp_path)
    assert listing.labels == ("dog",)
    assert not listing.has_patients
    assert list(listing.metadata.patient_id) == list(listing.metadata.id)


def test_every_format_is_read(root, tmp_path):
    save_grey(root / "c.tif", 30)
    save_grey(root / "d.PNG", (40, 40, 40), mode="RGB")
    save_grey(root / "e.jpeg", 50)
    save_radiograph(root / "f.dcm", 60)
    deep = np.full((20, 20), 70 * 16, np.uint16)
    Image.fromarray(deep).save(root / "g.tiff")
    names = ["c.tif", "d.PNG", "e.jpeg", "f.dcm", "g.tiff"]
    rows = [[name, "p", "", "", "", "1", "0"] for name in names]
    write_table(root, [*ROWS, *rows])
    listing = load(config_of(root), tmp_path, white=4095)
    shapes = []
    for number, name in enumerate(names, start=2):
        values = read_grey_levels(listing, number)
        shapes.append(values.shape[2])
        assert abs(values - 10 * (number + 1)).max() <= 1.01, name
    assert shapes == [1, 3, 1, 1, 1]
    with pytest.raises(BadImageError, match=r"g.tiff has 16 bits.*white"):
        read_grey_levels(load(config_of(root), tmp_path), 6)


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
    save_grey(tmp_path / "secret.png")
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
        read_grey_levels(listing, 2)


def test_no_image_is_opened_while_listing(root, tmp_path):
    (root / "deep/b.jpg").write_bytes(b"")
    assert len(load(config_of(root), tmp_path).metadata) == 2


def test_an_image_without_a_row_is_named(root, tmp_path):
    save_grey(root / "deep" / "c.JPG")
    save_grey(root / "deep" / "._b.jpg")
    save_grey(root / ".cache" / "b.jpg")
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


def test_digest_follows_the_table_and_the_images(root):
    first = digest(config_of(root))
    assert first and digest(config_of(root)) == first
    save_grey(root / "a.png", 10, size=(30, 20))
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
