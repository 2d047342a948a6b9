"""MIMIC-CXR-JPG comes in as it was downloaded, and as it is exported."""

import csv
import gzip
import json
import re

import numpy as np
import pytest
from PIL import Image

from synthjax.core.errors import ConfigError, StudyError
from synthjax.core.findings import CHEST
from synthjax.data.images.pixels import PixelsConfig, unit
from synthjax.data.layouts.mimic_cxr_jpg import write_mimic_cxr_jpg
from synthjax.data.listing import Context
from synthjax.data.problems import Problems
from synthjax.data.schema import Record
from synthjax.data.sources.mimic_cxr_jpg import (
    MimicCxrJpgConfig,
    digest,
    list_images,
)

ALPHABETICAL = tuple(sorted(CHEST))  # as in the set's table
METADATA = [
    "dicom_id",
    "subject_id",
    "study_id",
    "PerformedProcedureStepDescription",
    "ViewPosition",
    "Rows",
    "Columns",
    "StudyDate",
    "StudyTime",
    "ProcedureCodeSequence_CodeMeaning",
    "ViewCodeSequence_CodeMeaning",
    "PatientOrientationCodeSequence_CodeMeaning",
]
NAN = float("nan")

# dicom_id: subject, study, view
IMAGES = {
    "02aa804e-bde0afdd-112c0b34-7bc16630-4e384014": ("10000032", "50414267", "PA"),
    "174413ec-4ec4c1f7-34ea26b7-c5f994f8-79ef1962": ("10000032", "50414267", "LATERAL"),
    "2a2277a9-b0ded155-c0de8eb9-c124d10e-82c5caab": ("10000032", "53189527", "AP"),
    "68b5c4b1-227d0485-9cc38c3f-7b84ab51-4b472714": ("10000764", "57375967", "AP"),
    "8959e402-2175d68d-edba5a6c-baab51c3-9359f700": ("10000764", "57375968", ""),
    "f0000001-2175d68d-edba5a6c-baab51c3-9359f700": ("11000764", "57375969", "PA"),
}
STUDIES = {
    ("10000032", "50414267"): {"No Finding": "1.0"},
    ("10000032", "53189527"): {"Edema": "-1.0", "Fracture": "0.0", "Pneumonia": "1"},
    ("10000764", "57375967"): {"Edema": "0.0"},
    ("10000764", "57375968"): {"Edema": "1.0"},
}
KEPT = list(IMAGES)[:3:2]


def vector(fill=0.0, **labels):
    return [labels.get(name.replace(" ", "_"), fill) for name in CHEST]


def write_table(root, kind, header, rows, packed=True):
    name = root / f"mimic-cxr-2.0.0-{kind}.csv"
    opener = gzip.open if packed else open
    with opener(f"{name}.gz" if packed else name, "wt", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def metadata_rows():
    return [
        [i, p, s, "CHEST (PA AND LAT)", v, 3056, 2544, 21800506, 213014.5, "", "", ""]
        for i, (p, s, v) in IMAGES.items()
    ]


def study_rows():
    return [
        [*key, *(labels.get(name, "") for name in ALPHABETICAL)]
        for key, labels in STUDIES.items()
    ]


def path_of(root, image):
    subject, study, _ = IMAGES[image]
    return root / f"files/p{subject[:2]}/p{subject}/s{study}/{image}.jpg"


def make(root, packed=True):
    for number, image in enumerate(IMAGES):
        path = path_of(root, image)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (16, 20), 40 + number).save(path)
    write_table(root, "metadata", METADATA, metadata_rows(), packed)
    header = ["subject_id", "study_id", *ALPHABETICAL]
    write_table(root, "chexpert", header, study_rows(), packed)


@pytest.fixture
def root(tmp_path):
    make(tmp_path / "mimic-cxr-jpg")
    return tmp_path / "mimic-cxr-jpg"


def load(root, tmp_path, problems=None, **changes):
    problems = problems or Problems("error", 0.0)
    context = Context(16, 1, 0, 1, tmp_path / "out", PixelsConfig(), problems)
    return list_images(MimicCxrJpgConfig(path=str(root), **changes), context)


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


def one_more(kind, changes):
    """The table's header and rows with a last row that differs from a good one."""
    rows = metadata_rows() if kind == "metadata" else study_rows()
    header = (
        METADATA if kind == "metadata" else ["subject_id", "study_id", *ALPHABETICAL]
    )
    good = list(rows[2 if kind == "metadata" else 3])
    row = [changes.get(name, c) for name, c in zip(header, good, strict=True)]
    return header, [*rows, row[: changes.get("cells", len(row))]]


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


def make_records():
    rng = np.random.default_rng(2)
    for number in range(8):
        label = np.random.default_rng(number // 2).choice([0, 1, NAN], 14)
        label[number // 2] = 1
        smooth = np.add.outer(np.arange(32), np.arange(24)) * 3.0 + number
        yield Record(
            id=f"image {number}",
            pixels=(smooth + rng.normal(0, 3, smooth.shape)).astype(np.uint8)[
                ..., None
            ],
            label=label.astype(np.float32),
            patient_id=f"p{number // 4}",
            study_id=f"s{number // 2}",
            view=("PA", "AP")[number % 2],
        )


def test_an_export_is_read_back_the_same(tmp_path):
    records = list(make_records())
    assert write_mimic_cxr_jpg(tmp_path / "phantom", iter(records)) == 8
    listing = load(tmp_path / "phantom", tmp_path, blanks="unknown")
    assert len(listing.metadata) == 8
    for number, record in enumerate(records):
        back = listing.metadata.record(number)
        np.testing.assert_array_equal(back.label, record.label)
        assert back.patient_id == f"p{10000001 + number // 4}"
        assert back.study_id == f"s{50000001 + number // 2}"
        assert back.view == record.view
        error = np.abs(listing.read(back) - unit(record.pixels))
        assert error.max() <= 16 / 255
        assert error.mean() <= 2 / 255
    write_mimic_cxr_jpg(tmp_path / "again", iter(records))
    for path in (tmp_path / "phantom").rglob("*.*"):
        again = tmp_path / "again" / path.relative_to(tmp_path / "phantom")
        assert again.read_bytes() == path.read_bytes()
        if path.suffix == ".gz":
            assert path.read_bytes()[4:8] == bytes(4)  # no time in the header
    with gzip.open(tmp_path / "phantom/mimic-cxr-2.0.0-metadata.csv.gz", "rt") as file:
        assert file.readline().strip().split(",") == METADATA
    assert listing.facts["own splits, not used"] == {"train": 8}


def test_an_export_refuses_a_study_of_two_minds(tmp_path):
    records = list(make_records())
    records[1].label[:] = 0
    with pytest.raises(StudyError, match=r"'image 1' has other labels.*'s0'"):
        write_mimic_cxr_jpg(tmp_path / "phantom", records)
    assert not list((tmp_path / "phantom").glob("*.gz"))
