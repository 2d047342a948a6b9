"""The safetensors reader: every type, and damaged files named."""

import json
import struct

import ml_dtypes
import numpy as np
import pytest

from synthjax.core.errors import StudyError
from synthjax.core.safetensors import read_safetensors

ARRAYS = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "half": np.array([1.5, -2.0], ml_dtypes.bfloat16),
    "scalar": np.array(7, np.int64),
    "empty": np.zeros((0, 4), np.float16),
}
NAMES = {"float32": "F32", "bfloat16": "BF16", "int64": "I64", "float16": "F16"}


def file(**changes) -> bytes:
    """A file of ARRAYS as the format's description has it; `a` may be changed."""
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, array in ARRAYS.items():
        header[name] = {
            "dtype": NAMES[array.dtype.name],
            "shape": array.shape,
            "data_offsets": [len(data), len(data) + array.nbytes],
        }
        data += array.tobytes()
    header["a"] |= changes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def test_arrays_come_back(tmp_path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(file())
    found = read_safetensors(path)
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def placed(*places, size=16):
    """A file whose arrays of four bytes lie at these places."""
    header = {
        str(n): {"dtype": "U8", "shape": [4], "data_offsets": [at, at + 4]}
        for n, at in enumerate(places)
    }
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(size)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "header is longer"),
        (placed(0, 0, 4, 8), "overlap or leave gaps"),
        (placed(0, 4, 12, size=16), "overlap or leave gaps"),
        (placed(0, 2, 4, 12), "overlap or leave gaps"),
        (struct.pack("<Q", 20_001) + b"{" + 20_000 * b"[", "no whole safetensors"),
        (file()[:-1], "lies outside"),
        (file() + b"0", "do not fill"),
        (file(shape=[2, 4]), "has 24 bytes and the shape"),
        (file(data_offsets=[4, 1]), "lies outside"),
        (file(dtype="C64"), "the type C64"),
        (struct.pack("<Q", 4) + b"{{{{", "no whole safetensors file"),
        (struct.pack("<Q", 2) + b"[]", "no whole safetensors file"),
        (b"\x80\x04\x95" + bytes(40), "header is longer"),  # a pickle
    ],
)
def test_damage_is_named(tmp_path, data, message) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(data)
    with pytest.raises(StudyError, match=message):
        read_safetensors(path)
    with pytest.raises(StudyError, match=r"other\.safetensors cannot be read"):
        read_safetensors(tmp_path / "other.safetensors")
