"""ChestX-ray14 comes in as it was downloaded."""

import json
import re

import numpy as np
import pytest

from builders.images import save_grey
from builders.nih import (
    HEADER_2017,
    HEADER_2020,
    ROWS,
    load,
    make_tree,
    table_rows,
    write_table,
)
from synthjax.core.errors import StudyError
from synthjax.data.problems import Problems
from synthjax.data.sources.nih14 import FINDINGS, Nih14Config, digest


@pytest.fixture
def root(tmp_path):
    """The set as it is unpacked."""
    return make_tree(tmp_path / "CXR8")


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
    save_grey(root / "images_001/images/00000009_000.png", 1, (16, 16))
    save_grey(root / "images_001/images/._00000009_000.png", 1, (16, 16))
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
    save_grey(root / "images/00000004_000.png", 7, (16, 16))
    save_grey(tmp_path / "secret.png", 7, (16, 16))
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
    save_grey(two / one.name, 9, (16, 16))
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


def test_a_stray_quote_costs_its_own_row(tmp_path):
    """In a cell that is not read; two of them would hide the rows between them."""
    root = tmp_path / "CXR8"
    rows = []
    for number in range(1, 31):
        name = f"{number:08d}_000.png"
        save_grey(root / "images" / name, number, (16, 16))
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
