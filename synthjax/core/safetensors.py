"""Reads the safetensors format: a header in JSON, then raw numbers. No code is run.

The format: 8 bytes, little-endian, the length of the header; the header, a JSON object
of name -> {dtype, shape, data_offsets} and perhaps `__metadata__`; the numbers, row by
row, little-endian, without gaps.
"""

import json
import math
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from synthjax.core.errors import StudyError
from synthjax.core.files import open_regular
from synthjax.core.foreign import foreign

_DTYPES: dict[str, Any] = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": ml_dtypes.bfloat16,
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U8": "u1",
    "BOOL": "?",
}
_LONGEST_HEADER = 100_000_000  # bytes, the limit of the format's own reader


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a file by name, in the types that they are stored in.

    Raises:
      StudyError: there is no such file, or it is no whole safetensors file.
    """
    try:
        with open_regular(path) as file:
            data = file.read()
    except OSError as error:
        raise StudyError(f"{path} cannot be read: {error.strerror}") from error
    with foreign(path, "is no whole safetensors file", "get it again"):
        length = int.from_bytes(data[:8], "little")
        if len(data) < 8 or length > min(len(data) - 8, _LONGEST_HEADER):
            raise ValueError("its header is longer than the file")
        header = json.loads(data[8 : 8 + length])
        header.pop("__metadata__", None)
        numbers = memoryview(data)[8 + length :]
        arrays = {name: _array(name, entry, numbers) for name, entry in header.items()}
        _check_places(header, len(numbers))
        return arrays


def _check_places(header: dict[str, Any], size: int) -> None:
    """Raises ValueError unless the arrays lie one behind the other and fill the file."""
    end = 0
    for begin, after in sorted(tuple(e["data_offsets"]) for e in header.values()):
        if begin != end:
            raise ValueError("its arrays overlap or leave gaps")
        end = after
    if end != size:
        raise ValueError("its arrays do not fill it")


def _array(name: str, entry: dict[str, Any], numbers: memoryview) -> np.ndarray:
    if entry["dtype"] not in _DTYPES:
        raise ValueError(
            f"{name} has the type {entry['dtype']}, which is not read here"
        )
    dtype, shape = np.dtype(_DTYPES[entry["dtype"]]), tuple(entry["shape"])
    begin, end = entry["data_offsets"]
    if not 0 <= begin <= end <= len(numbers):
        raise ValueError(f"{name} lies outside of it")
    if end - begin != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{name} has {end - begin} bytes and the shape {shape}")
    return np.frombuffer(numbers[begin:end], dtype).reshape(shape)
