"""The index of headers: true to the files, in processes, resumed, renewed."""

import fcntl
import hashlib
import math
import os
import threading
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from builders.dicom import ct
from synthjax.core.errors import StudyError
from synthjax.data.sources import header_index
from synthjax.data.sources.header_index import (
    SCHEMA,
    digest_uid,
    index_headers,
    read_row,
)

SMALL = {"part": 8, "batch": 3}  # files


def make_slice(number, **changes):
    """Return slice `number`; two of them are of each patient and exam."""
    about = {
        "id": f"ID_{number}",
        "patient_id": f"p{number // 2}",
        "study_id": f"s{number // 2}",
        "age": float(number),
        "sex": "FM"[number % 2],
    }
    return ct(np.zeros((4, 6), np.int16), of=about, **changes)


@pytest.fixture
def folder(tmp_path: Path):
    """Thirty slices of fifteen patients, and their names."""
    root = tmp_path / "images"
    root.mkdir()
    files = [f"{number:02d}.dcm" for number in range(30)]
    for number, file in enumerate(files):
        make_slice(number).save_as(root / file, enforce_file_format=True)
    return root, files


@pytest.fixture
def reads(monkeypatch):
    """The files that are read, in order; more than `stop` of them interrupt."""
    seen: list[str] = []

    def counted(root, file, read=read_row):
        if len(seen) == counted.stop:
            raise KeyboardInterrupt
        seen.append(file)
        return read(root, file)

    counted.stop = math.inf
    monkeypatch.setattr(header_index, "read_row", counted)
    counted.seen = seen
    return counted


def test_rows_are_what_the_files_say(folder, tmp_path: Path):
    root, files = folder
    table = index_headers(root, files, tmp_path / "index.parquet", 1)
    assert table.schema == SCHEMA
    for number, row in enumerate(table.to_pylist()):
        truth = make_slice(number)
        assert row == {
            "file": files[number],
            "patient_id": f"p{number // 2}",
            "study_id": digest_uid(truth.StudyInstanceUID),
            "rows": 4,
            "columns": 6,
            "bits_stored": 16,
            "photometric": "MONOCHROME2",
            "age": float(number),
            "odd_age": False,
            "sex": "FM"[number % 2],
            "odd_sex": False,
            "view": "",
            "burned_in": False,
            "doubtful": False,
            "error": "",
        }
    studies = table["study_id"].to_pylist()
    assert len(set(studies)) == 15 and studies[0] == studies[1]


def test_files_that_cannot_be_used_have_their_reason(tmp_path: Path):
    made = {
        "no pixels.dcm": (make_slice(0, PixelData=None), "no PixelData"),
        "cut.dcm": (make_slice(1, PixelData=bytes(40)), "40 bytes"),
        "frames.dcm": (make_slice(2, NumberOfFrames=3), "3 frames"),
        "no patient.dcm": (make_slice(3, PatientID=""), ""),
        "odd age.dcm": (make_slice(4, PatientAge="999Y", PatientSex="O"), ""),
        "odd sex.dcm": (make_slice(6, PatientAge="095Y", PatientSex="X"), ""),
        "months.dcm": (make_slice(5, PatientAge="006M", ViewPosition="AP"), ""),
    }
    for file, (dataset, _) in made.items():
        dataset.save_as(tmp_path / file, enforce_file_format=True)
    (tmp_path / "text.dcm").write_text("ID,Label\n" * 40)
    (tmp_path / "empty.dcm").touch()
    files = [*made, "text.dcm", "empty.dcm"]
    rows = index_headers(tmp_path, files, tmp_path / "index", 1).to_pylist()
    for row in rows:
        reason = made.get(row["file"], (None, "no image"))[1]
        assert reason in row["error"] and bool(row["error"]) == bool(reason)
        assert str(tmp_path) not in row["error"]
    rows = {row["file"]: row for row in rows}
    assert rows["cut.dcm"]["patient_id"] == "p0"  # its header is good
    assert rows["no patient.dcm"]["patient_id"] == ""
    assert math.isnan(rows["odd age.dcm"]["age"]) and rows["odd age.dcm"]["sex"] == ""
    odd = {name: (row["odd_age"], row["odd_sex"]) for name, row in rows.items()}
    assert odd.pop("odd age.dcm") == (True, False)  # "O" is other, which is unknown
    assert odd.pop("odd sex.dcm") == (False, True)
    assert set(odd.values()) == {(False, False)}
    assert rows["odd sex.dcm"]["age"] == 90 and rows["odd sex.dcm"]["sex"] == ""
    assert rows["months.dcm"]["age"] == 0.5 and rows["months.dcm"]["view"] == "AP"
    assert rows["text.dcm"]["rows"] == 0


@pytest.mark.slow
def test_processes_give_the_same_table(folder, tmp_path: Path):
    root, files = folder
    alone = index_headers(root, files, tmp_path / "alone.parquet", 1, **SMALL)
    target = tmp_path / "together.parquet"
    together = index_headers(root, files, target, 2, inline=0, **SMALL)
    assert together.equals(alone)
    assert pq.read_table(tmp_path / "together.parquet").equals(alone)
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".parts"] == []


@pytest.mark.slow
@pytest.mark.parametrize("stop", [0, 5, 8, 13, 29])
def test_an_interrupted_index_loses_no_finished_part(
    folder, tmp_path: Path, reads, stop
):
    root, files = folder
    target = tmp_path / "index.parquet"
    reads.stop = stop
    with pytest.raises(KeyboardInterrupt):
        index_headers(root, files, target, 1, **SMALL)
    assert not target.exists()
    finished = stop // 8 * 8  # whole parts
    reads.stop = math.inf
    before = len(reads.seen)
    table = index_headers(root, files, target, 1, **SMALL)
    assert reads.seen[before:] == files[finished:]
    assert table.equals(index_headers(root, files, tmp_path / "fresh.parquet", 1))


def test_a_finished_index_is_read_not_made(folder, tmp_path: Path, reads):
    root, files = folder
    target = tmp_path / "window=brain" / "index.parquet"  # not a partition's name
    first = index_headers(root, files, target, 1)
    assert first.schema == SCHEMA
    reads.stop = len(reads.seen)
    assert index_headers(root, files, target, 1).equals(first)


@pytest.mark.slow
def test_what_has_changed_is_read_anew(folder, tmp_path: Path, reads):
    root, files = folder
    target = tmp_path / "index.parquet"
    index_headers(root, files, target, 1)
    make_slice(3, PatientID="another one").save_as(
        root / files[3], enforce_file_format=True
    )
    table = index_headers(root, files, target, 1)
    assert table["patient_id"][3].as_py() == "another one"
    fewer = index_headers(root, files[:-1], target, 1)
    assert fewer.num_rows == 29
    target.write_bytes(b"no parquet")
    assert index_headers(root, files, target, 1).equals(table)
    assert len(reads.seen) == 30 + 30 + 29 + 30


def test_a_patient_who_is_rewritten_is_read_anew(folder, tmp_path: Path):
    """As long as before, so the size does not tell."""
    root, files = folder
    target = tmp_path / "index.parquet"
    index_headers(root, files, target, 1)
    size = (root / files[3]).stat().st_size
    made = make_slice(3, PatientID="q9")
    made.save_as(root / files[3], enforce_file_format=True)
    assert (root / files[3]).stat().st_size == size
    assert index_headers(root, files, target, 1)["patient_id"][3].as_py() == "q9"


def test_no_uid_is_kept(folder, tmp_path: Path):
    root, files = folder
    target = tmp_path / "index.parquet"
    index_headers(root, files, target, 1)
    uid = str(make_slice(0).StudyInstanceUID)
    assert uid not in str(pq.read_table(target).to_pydict())
    assert digest_uid(uid) == hashlib.sha256(uid.encode()).hexdigest()[:16]
    assert digest_uid("") == ""


@pytest.mark.slow
def test_one_of_two_studies_makes_the_index(folder, tmp_path: Path, reads, capsys):
    """The other waits, and reads no header."""
    root, files = folder
    target = tmp_path / "index.parquet"
    parts = tmp_path / "index.parquet.parts"
    parts.mkdir()
    lock = os.open(parts, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)  # another study is at it
    tables = []
    threads = [
        threading.Thread(
            target=lambda: tables.append(index_headers(root, files, target, 1))
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    threads[0].join(0.3)
    assert not reads.seen and not tables
    os.close(lock)  # and has been killed
    for thread in threads:
        thread.join()
    assert reads.seen == files
    assert len(tables) == 3 and tables[0].equals(tables[1])
    assert tables[0].equals(tables[2])
    assert capsys.readouterr().err.count("waiting for it") >= 3
    assert not parts.exists()


def test_a_file_that_goes_meanwhile_is_named(folder, tmp_path: Path):
    root, files = folder
    with pytest.raises(StudyError, match=r"gone\.dcm cannot be opened"):
        index_headers(root, [*files, "gone.dcm"], tmp_path / "index.parquet", 1)


def test_an_index_that_cannot_be_kept_is_named(folder, tmp_path: Path):
    root, files = folder
    (tmp_path / "file").touch()
    with pytest.raises(StudyError, match=r"file/index\.parquet cannot be written"):
        index_headers(root, files, tmp_path / "file" / "index.parquet", 1)


def test_no_files_are_an_empty_table(tmp_path: Path):
    table = index_headers(tmp_path, [], tmp_path / "index.parquet", 1)
    assert table.num_rows == 0 and table.schema == SCHEMA
