"""MIMIC-CXR-JPG comes in as it was downloaded."""

import json
import re

import numpy as np
import pytest

from builders.chexpert import vector
from builders.mimic import (
    ALPHABETICAL,
    IMAGES,
    KEPT,
    load,
    make,
    one_more,
    path_of,
    write_table,
)
from synthjax.core.errors import ConfigError, StudyError
from synthjax.core.findings import CHEST
from synthjax.data.problems import Problems
from synthjax.data.sources.mimic_cxr_jpg import MimicCxrJpgConfig, digest

NAN = float("nan")


@pytest.fixture
def root(tmp_path):
    """The set as it is unpacked."""
    make(tmp_path / "mimic-cxr-jpg")
    return tmp_path / "mimic-cxr-jpg"


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("around", [True, False])
def test_the_joined_set_label_by_label(tmp_path, packed, around):
    root = tmp_path / "physionet" / "2.1.0"
    make(root, packed)
    header = ["dicom_id", "study_id", "subject_id", "split"]
    rows = [
        [i, s, p, "train" if "1" in i[:2] else "test"]
        for i, (p, s, _) in IMAGES.items()
    ]
    write_table(root, "split", header, rows)
    listing = load(root.parent if around else root, tmp_path)
    assert listing.labels == CHEST
    rows = listing.metadata
    assert list(rows.id) == KEPT
    np.testing.assert_array_equal(
        rows.label, [vector(No_Finding=1), vector(Edema=1, Pneumonia=1)]
    )
    assert list(rows.patient_id) == ["p10000032"] * 2
    assert list(rows.study_id) == ["s50414267", "s53189527"]
    assert list(rows.view) == ["PA", "AP"]
    assert np.isnan(rows.age).all()
    assert rows.origin[0] == f"files/p10/p10000032/s50414267/{KEPT[0]}.jpg"
    values = listing.read(rows.record(1))
    assert abs(values * 255 - 42).max() <= 1
    facts = listing.facts
    assert facts["rows"] == 6
    assert facts["left out: other views"] == 2
    assert facts["left out: study without labels"] == 1
    assert facts["left out: all labels 0"] == 1
    assert facts["uncertain labels counted as 1"] == 1
    assert facts["own splits, not used"] == {"train": 1, "test": 5}
    json.dumps(dict(facts))


def test_choices(root, tmp_path):
    listing = load(root, tmp_path, views="all", uncertainty="ignore")
    labels = dict(zip(listing.metadata.id, listing.metadata.label, strict=True))
    images = list(IMAGES)
    assert list(labels) == [images[0], images[1], images[2], images[4]]
    np.testing.assert_array_equal(labels[images[1]], vector(No_Finding=1))
    np.testing.assert_array_equal(labels[images[2]], vector(Edema=NAN, Pneumonia=1))
    with pytest.raises(StudyError, match=r"negbio.csv.gz does not exist"):
        load(root, tmp_path, labeler="negbio")
    for changes, message in [
        ({"labeler": "me"}, "chexpert, negbio"),
        ({"views": "PA"}, "frontal, all"),
        ({"blanks": "x"}, "zeros, unknown"),
    ]:
        with pytest.raises(ConfigError, match=message):
            MimicCxrJpgConfig(**changes)


@pytest.mark.parametrize(
    ("table", "changes", "kind", "message"),
    [
        ("metadata", {"dicom_id": "gone"}, "file missing", "gone.jpg' does not exist"),
        ("metadata", {"dicom_id": "../../x"}, "file outside", "leaves the folder"),
        ("metadata", {"dicom_id": "link"}, "file outside", "leaves the folder"),
        ("metadata", {"dicom_id": ""}, "id malformed", "an id and two numbers"),
        ("metadata", {"subject_id": "../1"}, "id malformed", "an id and two numbers"),
        ("metadata", {"study_id": "50414267"}, "rows contradict", "also in row 4"),
        ("metadata", {"cells": 5}, "row malformed", "cells"),
        ("chexpert", {"cells": 5}, "row malformed", "cells"),
        (
            "chexpert",
            {"study_id": "1", "Edema": "3"},
            "label unknown",
            "'Edema' is '3'",
        ),
        ("chexpert", {"Edema": "0.0"}, "rows contradict", "57375968.*twice"),
    ],
)
def test_a_faulty_row_is_named_or_skipped(
    root, tmp_path, table, changes, kind, message
):
    (tmp_path / "secret.jpg").write_bytes(path_of(root, KEPT[0]).read_bytes())
    path_of(root, KEPT[1]).with_name("link.jpg").symlink_to(tmp_path / "secret.jpg")
    header, rows = one_more(table, changes)
    write_table(root, table, header, rows)
    with pytest.raises(StudyError) as caught:
        load(root, tmp_path)
    assert f"row {len(rows) + 1} of mimic-cxr-2.0.0-{table}.csv.gz" in str(caught.value)
    assert re.search(message, str(caught.value))
    problems = Problems("skip", 0.5)
    kept, cost = KEPT, 1
    if table == "metadata" and kind == "rows contradict":
        kept = KEPT[:1]  # neither row is better than the other
    if table == "chexpert" and kind != "row malformed":
        cost = 0  # these studies have no image that would be used
    assert list(load(root, tmp_path, problems).metadata.id) == kept
    assert [(problem.kind, problem.images) for problem in problems.found] == [
        (kind, cost)
    ]


@pytest.mark.parametrize("views", ["frontal", "all"])
@pytest.mark.parametrize("edema", ["9", "1.0"])
def test_a_faulty_study_costs_its_images(root, tmp_path, views, edema):
    """One row of labels is that of several images, which all are lost."""
    header, rows = one_more("chexpert", {})
    bad = ["10000032", "50414267", *("" for _ in ALPHABETICAL)]
    bad[header.index("Edema")] = edema
    for table in ([*rows, bad], [bad, *rows], [bad, *rows, bad]):
        write_table(root, "chexpert", header, table)
        problems = Problems("skip", 0.5)
        listing = load(root, tmp_path, problems, views=views)
        assert KEPT[0] not in listing.metadata.id
        assert problems.summary()["count"] == {"frontal": 1, "all": 2}[views]
    with pytest.raises(StudyError, match=r"They cost 2 images.*allows 1 of 6"):
        load(root, tmp_path, Problems("skip", 0.2), views="all")


def test_files_without_a_row_are_counted(root, tmp_path):
    assert load(root, tmp_path).facts["files without a row"] == 0
    stray = path_of(root, KEPT[0]).with_name("stray.jpg")
    stray.write_bytes(path_of(root, KEPT[0]).read_bytes())
    facts = load(root, tmp_path).facts
    assert facts["files without a row"] == 1
    names = facts["files without a row, such as"]
    assert names == [stray.relative_to(root).as_posix()]


def test_equal_rows_are_one(root, tmp_path):
    for table in ("metadata", "chexpert"):
        header, rows = one_more(table, {})
        write_table(root, table, header, rows)
    listing = load(root, tmp_path)
    assert list(listing.metadata.id) == KEPT
    assert listing.facts["left out: same row"] == 1


def test_what_is_wrong_with_a_folder_or_table_is_said(root, tmp_path):
    with pytest.raises(StudyError, match=r"--config.data.mimic_cxr_jpg.path"):
        load("", tmp_path)
    with pytest.raises(StudyError, match=r"holds mimic-cxr-\*-metadata.csv.gz"):
        load(root / "files", tmp_path)
    path = root / "mimic-cxr-2.0.0-chexpert.csv.gz"
    whole = path.read_bytes()
    for content in (b"", whole[:60], b"subject_id,study_id\n"):
        path.write_bytes(content)
        with pytest.raises(StudyError, match=r"mimic-cxr-2.0.0-chexpert.csv.gz"):
            load(root, tmp_path)
    path.unlink()
    with pytest.raises(StudyError, match=r"chexpert.csv.gz does not exist"):
        load(root, tmp_path)
    assert digest(MimicCxrJpgConfig(path=str(root))) is None


def test_digest_follows_both_tables(root):
    config = MimicCxrJpgConfig(path=str(root))
    digests = {digest(config)}
    for table in ("metadata", "chexpert"):
        header, rows = one_more(table, {})
        write_table(root, table, header, rows)
        digests.add(digest(config))
    assert len(digests) == 3 and None not in digests
