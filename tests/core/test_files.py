"""Small files of state: written whole, and named where they are damaged."""

import io
import json
import os

import numpy as np
import pytest

from synthjax.core.files import (
    DamagedError,
    is_temporary,
    read_arrays,
    read_json,
    read_json_if_whole,
    read_json_lines,
    remove_temporary,
    write_atomic,
    write_json,
)

SPOILT = {
    "empty": lambda content: b"",
    "half": lambda content: content[: len(content) // 2],
    "zeros": lambda content: bytes(len(content)),
    "noise": lambda content: b"\xff\xfe\x80" + os.urandom(len(content)),
    "a zero tail": lambda content: content[:-8] + bytes(8),
    "nested too deep": lambda content: b"[" * 100_000,
    "a list": lambda content: b"[1, 2]",
    "null": lambda content: b"null",
}


@pytest.fixture(params=SPOILT)
def spoil(request):
    return SPOILT[request.param]


def test_spoilt_json_is_named(tmp_path, spoil, capsys):
    path = tmp_path / "note.json"
    write_json(path, {"name": "x", "status": "done"})
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DamagedError, match=r"note\.json cannot be read.*: do this"):
        read_json(path, keys=("name",), remedy="do this")
    assert read_json_if_whole(path, keys=("name",)) is None
    assert "note.json cannot be read" in capsys.readouterr().err


def test_spoilt_arrays_are_named(tmp_path, spoil):
    path, buffer = tmp_path / "arrays.npz", io.BytesIO()
    np.savez(buffer, id=np.array(["a"]), logit=np.zeros((1, 2)))
    path.write_bytes(spoil(buffer.getvalue()))
    with pytest.raises(DamagedError, match=r"arrays\.npz cannot be read"):
        read_arrays(path, lambda arrays: arrays["logit"], remedy="run it again")


def test_lines_are_read_up_to_the_damage(tmp_path):
    path = tmp_path / "metrics.jsonl"
    whole = [{"kimg": 0.1}, {"kimg": 0.2}]
    content = "".join(json.dumps(line) + "\n" for line in whole).encode()
    for tail in (
        b"",
        b'{"kimg": 0.',
        b"\xff\xfe\n{}",
        bytes(40),
        b"3\n{}",
        b"[" * 9999,
    ):
        path.write_bytes(content + tail)
        assert read_json_lines(path) == whole


def test_what_is_missing_is_no_damage(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "none.json")
    assert read_json_if_whole(tmp_path / "none.json") is None


def test_a_link_in_the_place_of_a_temporary_file_is_not_followed(tmp_path, monkeypatch):
    monkeypatch.setattr("secrets.token_hex", lambda size: "00" * size)
    victim = tmp_path / "victim"
    victim.write_text("kept")
    (tmp_path / f".state.json.{'00' * 8}.tmp").symlink_to(victim)
    with pytest.raises(FileExistsError):
        write_atomic(tmp_path / "state.json", b"new")
    assert victim.read_text() == "kept"


def test_what_killed_writers_left_is_removed(tmp_path):
    left = tmp_path / "a" / ".stage.json.4711.tmp"
    left.parent.mkdir()
    left.write_text("{")
    theirs = [tmp_path / "a" / name for name in ("notes.tmp", ".hidden", "x.json")]
    for path in theirs:
        path.write_text("")
    (tmp_path / "checkpoints" / "5.orbax-checkpoint-tmp" / "ema").mkdir(parents=True)
    remove_temporary(tmp_path)
    assert is_temporary(left.name) and not left.exists()
    assert all(path.exists() for path in theirs)
    assert not list((tmp_path / "checkpoints").iterdir())
