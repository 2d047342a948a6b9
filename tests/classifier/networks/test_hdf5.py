"""An HDF5 file that is none of weights is refused before it takes memory."""

import os

import h5py
import numpy as np
import pytest

from synthjax.classifier.networks.pretrained import read_keras
from synthjax.core.errors import StudyError


def test_an_array_larger_than_its_file_is_refused(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:  # 8 GB in a few kilobytes
        options = {"chunks": (1 << 20,), "compression": "gzip"}
        file.create_dataset("a/b", shape=(2 * 10**9,), dtype="f4", **options)
    with pytest.raises(StudyError, match=r"x.h5 .*a/b takes 8000000000 bytes, more"):
        read_keras(path)


def test_what_is_no_number_is_refused(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["a/b"] = ["text", "texts"]
    with pytest.raises(StudyError, match=r"x.h5 .*a/b has the type object"):
        read_keras(path)
    (tmp_path / "numbers").write_bytes(bytes(16))
    with h5py.File(path, "w") as file:
        external = [(str(tmp_path / "numbers"), 0, 16)]
        file.create_dataset("a/b", shape=(4,), dtype="f4", external=external)
    with pytest.raises(StudyError, match=r"x.h5 .*a/b lies in another file"):
        read_keras(path)


@pytest.mark.parametrize("place", range(0, 2000, 97))
def test_damage_is_named(tmp_path, place):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["a/b"] = np.arange(8, dtype=np.float32)
    data = bytearray(path.read_bytes())
    data[place] ^= 0xFF
    path.write_bytes(data)
    try:
        read_keras(path)
    except StudyError as error:
        assert str(path) in str(error)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.h5")
    with pytest.raises(StudyError, match="it is a named pipe, not a file"):
        read_keras(tmp_path / "x.h5")
