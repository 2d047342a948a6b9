"""CheXpert comes in as it was downloaded, label by label, under every policy."""

import json
import pickle
import re
import shutil

import numpy as np
import pytest

from builders.chexpert import (
    HEADER,
    KEPT,
    ROWS,
    load,
    make_tree,
    stated,
    table_rows,
    vector,
    write_table,
)
from builders.images import save_grey
from builders.listings import make_context
from synthjax.core.errors import ConfigError, StudyError
from synthjax.core.findings import CHEST
from synthjax.data.problems import BadImageError, Problems
from synthjax.data.sources.chexpert import ChexpertConfig, digest, list_images

NAN = float("nan")


@pytest.fixture(params=["CheXpert-v1.0-small", "CheXpert-v1.0"])
def root(request, tmp_path):
    """A tree as it is unpacked."""
    return make_tree(tmp_path / request.param)


@pytest.fixture
def small(tmp_path):
    """A tree of the small version."""
    return make_tree(tmp_path / "CheXpert-v1.0-small")


@pytest.mark.parametrize("around", [False, True])
def test_the_papers_set_label_by_label(root, tmp_path, around):
    listing = load(root.parent if around else root, tmp_path)
    assert listing.labels == CHEST
    rows = listing.metadata
    assert list(rows.id) == list(rows.origin) == KEPT
    np.testing.assert_array_equal(
        rows.label,
        [
            vector(No_Finding=1, Support_Devices=1),
            vector(Cardiomegaly=1, Lung_Opacity=1, Fracture=1),
            vector(Edema=1),
        ],
    )
    assert list(rows.patient_id) == ["patient00001", "patient00002", "patient00002"]
    assert list(rows.study_id) == [
        "patient00001/study1",
        "patient00002/study1",
        "patient00002/study2",
    ]
    assert list(rows.sex) == ["F", "M", "M"]
    assert list(rows.age) == [68, 87, 88]
    assert list(rows.view) == ["AP", "PA", "AP"]
    facts = listing.facts
    assert facts["rows"] == 7
    assert facts["left out: lateral"] == 1
    assert facts["left out: third and later frontal views"] == 1
    assert facts["left out: all labels 0"] == 2
    assert facts["uncertain labels counted as 1"] == 3
    assert facts["blank labels"] == 14 * 5 - 9
    json.dumps(dict(facts), allow_nan=False)


def test_pixels_are_those_of_the_files(small, tmp_path):
    listing = load(small, tmp_path)
    read = pickle.loads(pickle.dumps(listing.read))
    for number, name in enumerate(listing.metadata.id):
        values = read(listing.metadata.record(number))
        assert (values.shape, values.dtype) == ((20, 24, 1), np.float32)
        assert abs(values * 255 - 10 * (list(ROWS).index(name) + 1)).max() <= 1
    (small / KEPT[1]).write_bytes((small / KEPT[1]).read_bytes()[:300])
    with pytest.raises(BadImageError, match=r"patient00002/study1/view1_frontal.jpg"):
        read(listing.metadata.record(1))


@pytest.mark.parametrize(
    ("changes", "second", "third", "count"),
    [
        (
            {"uncertainty": "zeros"},
            vector(Lung_Opacity=1),
            None,
            ("uncertain labels counted as 0", 3),
        ),
        (
            {"uncertainty": "ignore"},
            vector(Cardiomegaly=NAN, Lung_Opacity=1, Fracture=NAN),
            vector(Edema=NAN),
            ("uncertain labels unknown", 3),
        ),
        (
            {
                "uncertainty": "per-label",
                "uncertain_ones": ("Edema",),
                "uncertain_zeros": ("Fracture", "Pneumonia"),
            },
            vector(Cardiomegaly=NAN, Lung_Opacity=1, Fracture=0),
            vector(Edema=1),
            ("uncertain labels unknown", 1),
        ),
        (
            {"blanks": "unknown"},
            vector(NAN, Cardiomegaly=1, Lung_Opacity=1, Fracture=1),
            vector(NAN, Edema=1, Pneumonia=0),
            ("left out: all labels unknown", 1),
        ),
    ],
)
def test_each_policy(small, tmp_path, changes, second, third, count):
    listing = load(small, tmp_path, **changes)
    labels = dict(zip(listing.metadata.id, listing.metadata.label, strict=True))
    np.testing.assert_array_equal(labels[KEPT[1]], second)
    if third is None:
        assert KEPT[2] not in labels
    else:
        np.testing.assert_array_equal(labels[KEPT[2]], third)
    name, value = count
    assert listing.facts[name] == value


def test_views_and_empty_rows_by_choice(small, tmp_path):
    listing = load(small, tmp_path, views="frontal", drop_empty=False)
    assert list(listing.metadata.id) == [name for name in ROWS if "lateral" not in name]
    assert not listing.metadata.label[-2:].any()
    assert list(listing.metadata.sex[-2:]) == ["", "M"]
    assert listing.metadata.age[-2] == 0
    assert np.isnan(listing.metadata.age[-1])


def test_tables_are_pooled(small, tmp_path):
    valid = {
        "valid/patient64541/study1/view1_frontal.jpg": (
            *("Male", "73", "Frontal", "AP"),
            vector(0.0, Edema=1.0),
        )
    }
    save_grey(small / next(iter(valid)), 9)
    write_table(small / "valid.csv", table_rows(small.name, valid))
    listing = load(small, tmp_path, tables=("train.csv", "valid.csv"))
    assert list(listing.metadata.id) == [*KEPT, *valid]
    np.testing.assert_array_equal(listing.metadata.label[-1], vector(Edema=1))
    assert list(load(small, tmp_path, tables=("valid.csv",)).metadata.id) == [*valid]


def test_a_table_without_side_columns_and_with_others(small, tmp_path):
    rows = [
        [f"{small.name}/{name}", "17", *ROWS[name][4]]
        for name in KEPT  # as in test_labels.csv
    ]
    write_table(small / "test.csv", rows, ["Path", "Reader", *CHEST], "utf-8-sig")
    listing = load(small, tmp_path, tables=("test.csv",))
    assert list(listing.metadata.id) == KEPT
    assert listing.facts["columns not read"] == 1
    assert set(listing.metadata.sex) == set(listing.metadata.view) == {""}
    assert np.isnan(listing.metadata.age).all()


def test_a_renamed_folder_is_read(small, tmp_path):
    moved = small.rename(tmp_path / "chest images")
    assert list(load(moved, tmp_path).metadata.id) == KEPT


def test_equal_rows_are_one_and_others_contradict(small, tmp_path):
    rows = table_rows(small.name)
    write_table(small / "train.csv", [*rows, rows[0], rows[2]])
    listing = load(small, tmp_path)
    assert list(listing.metadata.id) == KEPT
    assert listing.facts["left out: same row"] == 2
    write_table(small / "train.csv", [*rows, [*rows[0][:-1], ""]])
    with pytest.raises(StudyError, match=r"row 9 of train.csv: .*row 2 of train.csv"):
        load(small, tmp_path)
    for table in ([*rows, [*rows[0][:-1], ""]], [[*rows[0][:-1], ""], *rows]):
        write_table(small / "train.csv", table)
        skipping = make_context(tmp_path, Problems("skip", 1.0))
        listing = list_images(ChexpertConfig(path=str(small)), skipping)
        assert list(listing.metadata.id) == KEPT[1:]
        assert skipping.problems.summary()["kinds"] == {"rows contradict": 1}


def test_odd_ages_and_sexes_are_unknown_and_old_ones_90(small, tmp_path):
    rows = table_rows(small.name)
    for row, sex, age in (
        (rows[0], "woman", "old"),
        (rows[2], "Male", "-3"),
        (rows[3], "Male", "97"),
    ):
        row[1:3] = sex, age
    write_table(small / "train.csv", rows)
    listing = load(small, tmp_path)
    assert list(listing.metadata.sex) == ["", "M", "M"]
    np.testing.assert_array_equal(
        listing.metadata.age, np.float32([np.nan, np.nan, 90])
    )
    assert listing.facts["odd ages, unknown"] == 2
    assert listing.facts["odd sexes, unknown"] == 1


def test_files_without_a_row_are_counted(small, tmp_path):
    assert load(small, tmp_path).facts["files without a row"] == 0  # laterals have one
    stray = "train/patient00009/study1/view1_frontal.jpg"
    save_grey(small / stray, 1, (24, 20))
    save_grey(
        small / "valid/patient00010/study1/view1_frontal.jpg", 1, (24, 20)
    )  # of another table
    facts = load(small, tmp_path).facts
    assert facts["files without a row"] == 1
    assert facts["files without a row, such as"] == [stray]


NAME = "train/patient00009/study1/view1_frontal.jpg"


@pytest.mark.parametrize(
    ("path", "changes", "kind", "message"),
    [
        (NAME, {}, "file missing", "patient00009.*does not exist"),
        (f"../{NAME}", {}, "file name", "not of the form"),
        (f"x/../{NAME}", {}, "file name", "not of the form"),
        (f"/etc/{NAME}", {}, "file name", "not of the form"),
        ("", {}, "file name", "not of the form"),
        ("x/train/patient9/study1/scan.jpg", {}, "file name", "not of the form"),
        ("x/train/patient8/study1/view1_frontal.jpg", {}, "file outside", "leaves"),
        ("x/train/patient7/study1/view1_frontal.jpg", {}, "file outside", "leaves"),
        ("x/train/patient6/study1/view1_frontal.jpg", {}, "file missing", "not exist"),
        (f"x/{KEPT[0]}", {19: None}, "row malformed", "cells"),
        (
            f"x/{NAME}",
            {7: "2"},
            "label unknown",
            "'Cardiomegaly'.*'2'.*1, 0, -1 or blank",
        ),
        (f"x/{NAME}", {7: "nan"}, "label unknown", "'Cardiomegaly'.*'nan'"),
    ],
)
def test_a_faulty_row_is_named_or_skipped(
    small, tmp_path, path, changes, kind, message
):
    save_grey(tmp_path / "secret.jpg", 3, (24, 20))
    save_grey(tmp_path / "elsewhere" / "view1_frontal.jpg", 3, (24, 20))
    for patient in (6, 7, 8):
        (small / f"train/patient{patient}").mkdir()
    (small / "train/patient8/study1").symlink_to(tmp_path / "elsewhere")
    (small / "train/patient7/study1").mkdir()
    link = small / "train/patient7/study1/view1_frontal.jpg"
    link.symlink_to(tmp_path / "secret.jpg")
    (small / "train/patient6/study1").mkdir()
    (small / "train/patient6/study1/view1_frontal.jpg").symlink_to("view1_frontal.jpg")
    row = [path, "Male", "40", "Frontal", "AP", *stated(Edema="1.0")]
    row = [changes.get(place, cell) for place, cell in enumerate([*row, "extra"])]
    row = row if 19 in changes else row[:-1]
    write_table(small / "train.csv", [*table_rows(small.name), row])
    with pytest.raises(StudyError) as caught:
        load(small, tmp_path)
    assert "row 9 of train.csv: " in str(caught.value)
    assert re.search(message, str(caught.value))
    skipping = make_context(tmp_path, Problems("skip", 1.0))
    listing = list_images(ChexpertConfig(path=str(small)), skipping)
    assert list(listing.metadata.id) == KEPT
    assert skipping.problems.summary()["kinds"] == {kind: 1}


def test_links_inside_the_folder_are_followed(small, tmp_path):
    (small / KEPT[0]).rename(small / "kept.jpg")
    (small / KEPT[0]).symlink_to(small / "kept.jpg")
    (small / "train/patient00002").rename(small / "second")
    (small / "train/patient00002").symlink_to(small / "second")
    assert list(load(small, tmp_path).metadata.id) == KEPT


def test_what_is_wrong_with_a_folder_is_said(small, tmp_path):
    with pytest.raises(StudyError, match=r"config.data.chexpert.path"):
        load("", tmp_path)
    with pytest.raises(StudyError, match=r"nowhere is not a folder"):
        load(tmp_path / "nowhere", tmp_path)
    with pytest.raises(StudyError, match=r"holds train.csv or df_chexpert_plus"):
        load(small / "train", tmp_path)
    with pytest.raises(StudyError, match=r"valid.csv does not exist.*download"):
        load(small, tmp_path, tables=("train.csv", "valid.csv"))
    shutil.copytree(small, tmp_path / "CheXpert-v1.0")
    with pytest.raises(StudyError, match=r"several such sets.*CheXpert-v1.0-small"):
        load(tmp_path, tmp_path)
    shutil.rmtree(small / "train")
    with pytest.raises(StudyError, match=r"none of the 3 images.*unpacked.*row 2 of"):
        load(small, tmp_path, problems=Problems("skip", 1.0))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"train.csv is empty"),
        (b"\xef\xbb\xbf", r"train.csv is empty"),
        (b"Path,Sex\n", r"train.csv has no column 'No Finding'"),
        (b"Path,Edema,Edema\n", r"'Edema'.*twice"),
        (b"Path\xff\n", r"train.csv is not UTF-8"),
        (",".join(HEADER).encode() + b"\n", r"no image of .* is left of 0 rows"),
    ],
)
def test_a_faulty_table_is_named(small, tmp_path, content, message):
    (small / "train.csv").write_bytes(content)
    with pytest.raises(StudyError, match=message):
        load(small, tmp_path)


def test_config_is_checked():
    for changes, message in [
        ({"uncertainty": "twos"}, "ones, zeros, ignore, per-label"),
        ({"uncertainty": "per-label"}, "needs labels"),
        ({"uncertain_ones": ("Edema",)}, "are for uncertainty=per-label"),
        (
            {"uncertainty": "per-label", "uncertain_ones": ("Flu",)},
            "'Flu'.*not a label",
        ),
        (
            {
                "uncertainty": "per-label",
                "uncertain_ones": ("Edema",),
                "uncertain_zeros": ("Edema",),
            },
            "'Edema' comes twice",
        ),
        ({"blanks": "ones"}, "zeros, unknown"),
        ({"views": "all"}, "first_two, frontal"),
        ({"tables": ()}, "one or more"),
        ({"tables": ("../train.csv",)}, "names like train.csv"),
        ({"plus_labels": "text"}, "impression, findings, report"),
    ]:
        with pytest.raises(ConfigError, match=message):
            ChexpertConfig(**changes)


def test_digest_follows_the_tables(small):
    config = ChexpertConfig(path=str(small))
    first = digest(config)
    assert first and digest(config) == first
    assert digest(ChexpertConfig(path=str(small.parent))) == first
    write_table(small / "train.csv", table_rows(small.name)[1:])
    assert digest(config) not in (first, None)
    (small / "train.csv").unlink()
    assert digest(config) is None
