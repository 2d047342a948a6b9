"""ChestX-ray14 comes in as it was downloaded, and as it is exported."""

import csv
import json
import re

import numpy as np
import pytest
from PIL import Image

from synthjax.core.errors import StudyError
from synthjax.core.findings import CHEST
from synthjax.data.images.pixels import PixelsConfig, unit
from synthjax.data.layouts.nih14 import write_nih14
from synthjax.data.listing import Context
from synthjax.data.problems import Problems
from synthjax.data.schema import Record
from synthjax.data.sources.nih14 import FINDINGS, Nih14Config, digest, list_images

HEADER_2017 = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,"
    "View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
)
HEADER_2020 = HEADER_2017.replace("Gender", "Sex").rstrip(",")

# name: findings, follow-up, patient, age, sex, view
ROWS = {
    "00000001_000.png": ("Cardiomegaly", "0", "1", "058Y", "M", "PA"),
    "00000001_001.png": ("Cardiomegaly|Emphysema", "1", "1", "59", "M", "PA"),
    "00000002_000.png": ("No Finding", "0", "2", "006M", "F", "AP"),
    "00000003_000.png": (
        "Hernia|Pleural_Thickening",
        "000",
        "00000003",
        "414",
        "F",
        "",
    ),
}


def write_table(root, rows, header=HEADER_2017, name="Data_Entry_2017.csv", bom=False):
    """Rows are cells up to the view; sizes and spacings follow, as in the set."""
    tail = ["2682", "2749", "0.143", "0.143", ""]
    tail = tail[: len(header.split(",")) - 7]
    with open(root / name, "w", newline="", encoding="utf-8") as file:
        file.write(("\ufeff" if bom else "") + header + "\n")
        csv.writer(file).writerows([*row, *tail] for row in rows)


def table_rows():
    return [[name, *cells] for name, cells in ROWS.items()]


def save(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (16, 16), value).save(path)


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "CXR8"
    for number, name in enumerate(ROWS):
        folder = ("images_001/images", "images_002/images", "images", ".")[number]
        save(root / folder / name, 50 + number)
    write_table(root, table_rows())
    return root


def load(root, tmp_path, problems=None, **changes):
    problems = problems or Problems("error", 0.0)
    context = Context(16, 1, 0, 1, tmp_path / "out", PixelsConfig(), problems)
    return list_images(Nih14Config(path=str(root), **changes), context)


@pytest.mark.parametrize("around", [False, True])
@pytest.mark.parametrize("version", ["2017", "2020"])
def test_the_set_label_by_label(root, tmp_path, version, around):
    if version == "2020":
        (root / "Data_Entry_2017.csv").unlink()
        name = "Data_Entry_2017_v2020.csv"
        write_table(root, table_rows(), HEADER_2020, name, bom=True)
    listing = load(root.parent if around else root, tmp_path)
    assert listing.labels == FINDINGS
    rows = listing.metadata
    assert list(rows.id) == list(ROWS)
    for label, (text, *_) in zip(rows.label, ROWS.values(), strict=True):
        assert list(label) == [float(name in text.split("|")) for name in FINDINGS]
    assert list(rows.patient_id) == ["1", "1", "2", "3"]
    assert list(rows.study_id) == ["1/0", "1/1", "2/0", "3/0"]
    np.testing.assert_array_equal(rows.age, np.float32([58, 59, 0.5, np.nan]))
    assert list(rows.sex) == ["M", "M", "F", "F"]
    assert list(rows.view) == ["PA", "PA", "AP", ""]
    assert list(rows.origin)[:2] == [
        "images_001/images/00000001_000.png",
        "images_002/images/00000001_001.png",
    ]
    for number in range(4):
        values = listing.read(rows.record(number))
        np.testing.assert_array_equal(np.rint(values * 255), 50 + number)
    assert listing.facts["odd ages, unknown"] == 1


def test_no_finding_can_be_a_label(root, tmp_path):
    listing = load(root, tmp_path, no_finding=True)
    assert listing.labels == (*FINDINGS, "No Finding")
    np.testing.assert_array_equal(listing.metadata.label[:, -1], [0, 0, 1, 0])


def test_what_is_left_out_is_counted(root, tmp_path):
    save(root / "images_001/images/00000009_000.png", 1)
    save(root / "images_001/images/._00000009_000.png", 1)
    write_table(root, [*table_rows(), table_rows()[0]])
    (root / "test_list.txt").write_text("00000001_000.png\n00000002_000.png\n")
    facts = load(root, tmp_path).facts
    assert facts["rows"] == 5
    assert facts["left out: same row"] == 1
    assert facts["files without a row"] == 1
    place = "images_001/images/00000009_000.png"
    assert facts["files without a row, such as"] == [place]
    assert facts["own splits, not used"] == {"test_list.txt": 2}
    json.dumps(dict(facts))


GOOD = ["00000004_000.png", "Mass", "0", "4", "40", "M", "PA"]


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({0: "00000005_000.png"}, "patient contradicts", "patient of .* is '4'"),
        ({0: "gone.png"}, "file missing", "'gone.png' does not exist"),
        ({0: "../secret.png"}, "file outside", "leaves the folder"),
        ({0: "/etc/secret.png"}, "file outside", "leaves the folder"),
        ({0: "link.png"}, "file outside", "leaves the folder"),
        ({0: ""}, "file outside", "leaves the folder"),
        ({1: "Mass|Flu"}, "label unknown", "'Mass|Flu'.*not of the 14"),
        ({1: ""}, "label unknown", "not of the 14"),
        ({1: "No Finding|Mass"}, "label unknown", "No Finding alone"),
        ({3: ""}, "patient missing", "has no patient"),
        ({6: "PA,AP,x"}, "", ""),
    ],
)
def test_a_faulty_row_is_named_or_skipped(root, tmp_path, changes, kind, message):
    save(root / "images/00000004_000.png", 7)
    save(tmp_path / "secret.png", 7)
    (root / "images/link.png").symlink_to(tmp_path / "secret.png")
    row = [changes.get(place, cell) for place, cell in enumerate(GOOD)]
    write_table(root, [*table_rows(), row])
    if not kind:  # quoted commas are no fault
        assert load(root, tmp_path).metadata.view[-1] == "PA,AP,x"
        return
    with pytest.raises(StudyError) as caught:
        load(root, tmp_path)
    assert "row 6 of Data_Entry_2017.csv: " in str(caught.value)
    assert re.search(message, str(caught.value))
    problems = Problems("skip", 0.5)
    assert list(load(root, tmp_path, problems).metadata.id) == list(ROWS)
    assert problems.summary()["kinds"] == {kind: 1}


def test_one_name_in_two_places(root, tmp_path):
    one, two = root / "images_001/images/00000001_000.png", root / "images"
    (two / one.name).symlink_to(one)
    assert len(load(root, tmp_path).metadata) == 4
    (two / one.name).unlink()
    save(two / one.name, 9)
    with pytest.raises(StudyError, match=r"00000001_000.png twice: .*keep one"):
        load(root, tmp_path)


def test_what_is_wrong_with_a_folder_or_table_is_said(root, tmp_path):
    with pytest.raises(StudyError, match=r"--config.data.nih14.path"):
        load("", tmp_path)
    with pytest.raises(StudyError, match=r"holds Data_Entry_2017.csv or"):
        load(root / "images", tmp_path)
    write_table(root, [row[:-1] for row in table_rows()])
    with pytest.raises(StudyError, match=r"row 2 of .*as many cells"):
        load(root, tmp_path)
    write_table(root, [], HEADER_2017.replace("View Position", "View"))
    with pytest.raises(StudyError, match=r"no column 'View Position'"):
        load(root, tmp_path)
    write_table(root, [])
    with pytest.raises(StudyError, match=r"no row that can be used"):
        load(root, tmp_path)
    (root / "Data_Entry_2017.csv").write_bytes(b"")
    with pytest.raises(StudyError, match=r"Data_Entry_2017.csv is empty"):
        load(root, tmp_path)


def test_digest_follows_the_table(root):
    config = Nih14Config(path=str(root))
    first = digest(config)
    assert first and digest(config) == first
    write_table(root, table_rows()[1:])
    assert digest(config) not in (first, None)
    (root / "Data_Entry_2017.csv").unlink()
    assert digest(config) is None


def test_an_export_is_read_back_bit_for_bit(tmp_path):
    rng = np.random.default_rng(1)
    records = [
        Record(
            id=f"image {number}",
            pixels=rng.integers(0, 256, (20, 24, 1), np.uint8),
            label=rng.choice([0, 1, np.nan], 14).astype(np.float32),
            patient_id=f"p{number % 3}",
            age=(np.nan, 61, 7)[number % 3],
            sex=("F", "M", "")[number % 3],
            view=("PA", "AP")[number % 2],
        )
        for number in range(9)
    ]
    assert write_nih14(tmp_path / "phantom", iter(records)) == 9
    header = (tmp_path / "phantom/Data_Entry_2017.csv").read_text().splitlines()[0]
    assert header == HEADER_2017
    listing = load(tmp_path / "phantom", tmp_path)
    assert len(listing.metadata) == 9
    for number, record in enumerate(records):
        back = listing.metadata.record(number)
        np.testing.assert_array_equal(listing.read(back), unit(record.pixels))
        truth = dict(zip(CHEST, record.label == 1, strict=True))
        truth["Effusion"] = truth["Pleural Effusion"]
        expected = [float(truth.get(name, False)) for name in FINDINGS]
        np.testing.assert_array_equal(back.label, expected)
        assert back.patient_id == str(number % 3 + 1)
        np.testing.assert_equal(back.age, record.age)
        assert (back.sex, back.view) == (record.sex, record.view)


def test_an_export_of_the_nihs_own_labels_loses_none(root, tmp_path):
    listing = load(root, tmp_path, no_finding=True)
    records = []
    for number in range(4):
        record = listing.metadata.record(number)
        values = listing.read(record)
        record.pixels = np.rint(values * 255).astype(np.uint8)
        records.append(record)
    write_nih14(tmp_path / "again", records, listing.labels)
    again = load(tmp_path / "again", tmp_path, no_finding=True)
    np.testing.assert_array_equal(again.metadata.label, listing.metadata.label)


def test_a_stray_quote_costs_its_own_row(tmp_path):
    """In a cell that is not read; two of them would hide the rows between them."""
    root = tmp_path / "CXR8"
    rows = []
    for number in range(1, 31):
        name = f"{number:08d}_000.png"
        save(root / "images" / name, number)
        rows.append([name, "Mass", "0", str(number), "40", "M", "PA"])
    write_table(root, rows)
    whole = (root / "Data_Entry_2017.csv").read_text().splitlines()
    for stray in ((10,), (10, 15)):
        lines = [f'{line}"' if n in stray else line for n, line in enumerate(whole)]
        (root / "Data_Entry_2017.csv").write_text("\n".join(lines) + "\n")
        with pytest.raises(StudyError, match=r"row 11 of .*a quote that does not end"):
            load(root, tmp_path)
        problems = Problems("skip", 0.5)
        listing = load(root, tmp_path, problems)
        assert len(listing.metadata) == 30 - len(stray)
        assert problems.summary()["kinds"] == {"row malformed": len(stray)}


def test_contradicting_rows_cost_the_image_in_any_order(root, tmp_path):
    first = table_rows()[0]
    others = [[first[0], "Mass", *first[2:]], [first[0], "Flu", *first[2:]], first]
    for rows in (others, others[::-1]):
        write_table(root, [*rows[:2], *table_rows()[1:], *rows[2:]])
        with pytest.raises(StudyError, match=r"also in row|not of the 14"):
            load(root, tmp_path)
        problems = Problems("skip", 0.5)
        assert list(load(root, tmp_path, problems).metadata.id) == list(ROWS)[1:]
        assert problems.summary()["count"] == 1  # image, whatever the rows


def test_an_odd_sex_is_unknown(root, tmp_path):
    rows = table_rows()
    rows[0][5] = "X"
    write_table(root, rows)
    listing = load(root, tmp_path)
    assert listing.metadata.sex[0] == ""
    assert listing.facts["odd sexes, unknown"] == 1
