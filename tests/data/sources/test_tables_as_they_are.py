"""Tables as people have them are read, or the one cause is said once."""

import gzip
import os
import unicodedata

import pytest

from builders.chexpert import make_tree
from builders.folder import load, write_table
from builders.images import save_grey
from synthjax.core.errors import StudyError
from synthjax.data.config import DataConfig, source_digest
from synthjax.data.problems import Problems
from synthjax.data.sources.chexpert import ChexpertConfig
from synthjax.data.sources.folder import FolderConfig
from synthjax.data.sources.spelling import find_spellings
from synthjax.data.sources.tables import CsvTable

PLAIN = "file,patient,cat,dog\na.png,p1,1,0\nb.png,p2,0,\n"


def config_of(root, **changes):
    return FolderConfig(path=str(root), **{"patient_column": "patient", **changes})


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "scans"
    save_grey(root / "a.png", 10)
    save_grey(root / "b.png", 200)
    return root


def read(root, tmp_path, content, problems=None, **changes):
    (root / "labels.csv").write_bytes(content)
    return load(config_of(root, **changes), tmp_path, problems)


def check(listing):
    assert listing.labels == ("cat", "dog")
    assert list(listing.metadata.id) == ["a.png", "b.png"]
    assert list(listing.metadata.patient_id) == ["p1", "p2"]
    assert str(listing.metadata.label.tolist()) == "[[1.0, 0.0], [0.0, nan]]"


def quoted(row):
    return ",".join(f'"{cell}"' for cell in row.split(","))


FORMS = {
    "semicolons": PLAIN.replace(",", ";").encode(),
    "decimal commas": PLAIN.replace(",", ";").replace("1;0", "1,0;0,0").encode(),
    "tabs": PLAIN.replace(",", "\t").encode(),
    "bars": PLAIN.replace(",", "|").encode(),
    "sep": b"sep=;\r\n" + PLAIN.replace(",", ";").replace("\n", "\r\n").encode(),
    "sep tab": b'"sep=\t"\n' + PLAIN.replace(",", "\t").encode(),
    "utf-16": PLAIN.encode("utf-16"),
    "utf-16 tabs": PLAIN.replace(",", "\t").encode("utf-16"),
    "utf-16 without mark": PLAIN.encode("utf-16-le"),
    "utf-16 big": PLAIN.encode("utf-16-be"),
    "mark": PLAIN.encode("utf-8-sig"),
    "old Mac": PLAIN.replace("\n", "\r").encode(),
    "rows of commas": (PLAIN + ",,,\n,,,\n").encode(),
    "blank lines": ("\n\n" + PLAIN.replace("\n", "\n\n")).encode(),
    "quotes": "\n".join(map(quoted, PLAIN.split())).encode(),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_table_in_another_form_is_the_same(root, tmp_path, name):
    check(read(root, tmp_path, FORMS[name]))


def test_windows_letters_are_read(tmp_path):
    root = tmp_path / "scans"
    save_grey(root / "Müller.png", 1)
    save_grey(root / "b.png", 2)
    problems = Problems("error", 0.0)
    content = "file,patient,Ödem\nMüller.png,p1,1\nb.png,p2,0\n".encode("cp1252")
    listing = read(root, tmp_path, content, problems)
    assert listing.labels == ("Ödem",)
    assert problems.notices[0].places == (
        "labels.csv is not UTF-8, and is read as Windows-1252.",
    )
    mixed = content + "b.png,pä,0\n".encode()
    with pytest.raises(StudyError, match="is not UTF-8"):
        read(root, tmp_path, mixed)


REPORT = '"heart normal, no effusion,\nno mass, 2 views,\n\nsigned: ""X"""'


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_text_with_line_breaks_is_read(root, tmp_path, end):
    rows = f"file,patient,report,cat,dog\na.png,p1,{REPORT},1,0\nb.png,p2,{REPORT},0,\n"
    labels = {"label_columns": ("cat", "dog")}
    check(read(root, tmp_path, rows.replace("\n", end).encode(), **labels))
    header = rows.replace("report", '"report\nof the day"')
    check(read(root, tmp_path, header.encode(), **labels))


def test_a_stray_quote_swallows_no_row(root, tmp_path):
    rows = [f"{n}.png,p{n},fine,{n % 2},0" for n in range(9)]
    for n in range(9):
        save_grey(root / f"{n}.png", n)
    rows[2] = rows[2].replace("fine", '"fine')
    rows[6] = rows[6].replace("fine", 'fine"')
    text = "\n".join(["file,patient,report,cat,dog", *rows]) + "\n"
    problems = Problems("skip", 1.0)
    labels = {"label_columns": ("cat", "dog")}
    found = read(root, tmp_path, text.encode(), problems, **labels)
    assert {"0.png", "3.png", "4.png", "5.png", "8.png"} <= set(found.metadata.id)
    assert problems.summary()["kinds"]["row malformed"] == 1


NFD = unicodedata.normalize("NFD", "Müller")
SPELLINGS = {  # what the table says: the file
    "img\\a.png": "img/a.png",
    ".\\img\\a.png": "img/a.png",
    "IMG/A.PNG": "img/a.png",
    "0001": "0001.png",
    "./img/a.png": "img/a.png",
    "Müller.png": NFD + ".png",
    NFD: "Müller.png",
    "C:\\data\\img\\a.png": "img/a.png",
    "set/img/a.png": "img/a.png",
    "a": "img/deep/a.png",
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_name_that_is_spelled_otherwise_is_read(tmp_path, name):
    file = SPELLINGS[name]
    root = tmp_path / "scans"
    save_grey(root / file, 1)
    write_table(root, [[name, 1]], ["file", "cat"])
    problems = Problems("error", 0.0)
    listing = load(FolderConfig(path=str(root)), tmp_path, problems)
    assert list(listing.metadata.id) == [file]
    assert len(problems.notices) == (name[:2] != "./")


def test_a_name_of_two_files_is_of_none():
    assert find_spellings(["A"], ["a.png", "a.jpg"]) == {}
    assert find_spellings(["A", "b"], ["a.png"]) == {"A": "a.png"}
    assert find_spellings(["x/a", "b"], ["a.png", "b2.png"]) == {}
    files = ["images/1.png", "images/2.png", "masks/1.png"]
    both = {"1": "images/1.png", "2": "images/2.png"}
    assert find_spellings(["1", "2"], files) == both


@pytest.mark.parametrize("kind", ["folder", "chexpert"])
@pytest.mark.parametrize("what", ["fifo", "/dev/zero", "link out"])
def test_a_table_that_is_no_file_is_refused_at_once(tmp_path, kind, what):
    if kind == "folder":
        root, name = tmp_path / "scans", "labels.csv"
        save_grey(root / "a.png")
        section = FolderConfig(path=str(root))
    else:
        root, name = make_tree(tmp_path / "CheXpert-v1.0"), "train.csv"
        section = ChexpertConfig(path=str(root))
        (root / name).unlink()
    if what == "fifo":
        os.mkfifo(root / name)
    elif what == "link out":
        (tmp_path / "secret").write_text("a secret,b\n1,2\n")
        (root / name).symlink_to(tmp_path / "secret")
    else:
        (root / name).symlink_to(what)
    assert source_digest(DataConfig(source=kind, **{kind: section})) is None
    message = {"fifo": "a named pipe", "/dev/zero": "device|link", "link out": "a link"}
    with pytest.raises(StudyError, match=message[what]) as told:
        CsvTable(root / name, required=("file",))
    assert "secret,b" not in str(told.value)


@pytest.mark.slow
def test_tables_that_no_hospital_has_are_refused(tmp_path):
    wide = tmp_path / "wide.csv"
    wide.write_text(",".join(map(str, range(100_000))) + "\n")
    with pytest.raises(StudyError, match="wide.csv has 100000 columns"):
        CsvTable(wide, required=())
    packed = tmp_path / "t.csv.gz"
    packed.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 20_000_000, 9))
    with pytest.raises(StudyError, match=r"t.csv.gz unpacks to more than 200 times"):
        CsvTable(packed, required=())
