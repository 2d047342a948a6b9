"""What a checkpoint held when it was saved: shapes, types and digests of its content.

The record is an item of the checkpoint itself, so both appear together or not at all. It
is taken of the arrays, not of the files: a flipped bit anywhere is noticed by the value
that it changes, before that value is used.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from synthjax.core.files import DamagedError


def make_digest(arrays: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the record of a checkpoint, JSON-ready.

    Args:
      arrays: item -> its tree of host arrays.
      values: item -> its JSON value.
    """
    record = {
        "arrays": {item: _describe(tree) for item, tree in arrays.items()},
        "values": {item: _digest_value(value) for item, value in values.items()},
    }
    return record | {"record": _digest_value(record)}


def check_record(record: Any) -> dict[str, Any]:
    """Returns a record that is what it was when it was made.

    Raises:
      DamagedError: it is another.
    """
    content = {name: record.get(name) for name in ("arrays", "values")}
    if record.get("record") != _digest_value(content):
        raise DamagedError("its own digest differs")
    return record


def check_arrays(record: dict[str, Any], item: str, tree: Any) -> None:
    """Checks a tree, or some uppermost entries of it, as it was read.

    Raises:
      DamagedError: an array is not the one that was saved; the message names it.
    """
    saved = record["arrays"][item]
    for name, found in _describe(tree).items():
        if found != saved.get(name):
            raise DamagedError(f"{item}/{name} is not what was saved")


def check_value(record: dict[str, Any], item: str, value: Any) -> None:
    """Checks a JSON value as it was read.

    Raises:
      DamagedError: it is not the one that was saved.
    """
    if record["values"][item] != _digest_value(value):
        raise DamagedError(f"{item} is not what was saved")


def shapes(record: dict[str, Any], item: str) -> dict[str, tuple[int, ...]]:
    """Returns the shape of each array of an item by its path."""
    return {
        name: tuple(shape) for name, (shape, _, _) in record["arrays"][item].items()
    }


def first_difference(saved: dict[str, tuple[int, ...]], like: Any) -> str | None:
    """Says in which array a tree differs from what was saved; None if in none.

    Args:
      saved: the shape of each array by its path.
      like: a tree of arrays or shapes.
    """
    wanted = {name: tuple(leaf.shape) for name, leaf in by_path(like).items()}
    for name in sorted(saved.keys() | wanted.keys()):
        there, here = saved.get(name), wanted.get(name)
        if there != here:
            return f"{name} has shape {_say(there)} there and {_say(here)}"
    return None


def _say(shape: tuple[int, ...] | None) -> str:
    return "no such parameter" if shape is None else str(shape)


def by_path(tree: Any) -> dict[str, Any]:
    """Returns the leaves of a tree by their paths, such as `params/a/weight`."""
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {_path(path): leaf for path, leaf in leaves}


def _path(path: Any) -> str:
    keys = (getattr(p, "key", getattr(p, "idx", getattr(p, "name", p))) for p in path)
    return "/".join(str(key) for key in keys)


def _describe(tree: Any) -> dict[str, list[Any]]:
    return {name: _describe_array(leaf) for name, leaf in by_path(tree).items()}


def _describe_array(leaf: Any) -> list[Any]:
    array = np.ascontiguousarray(leaf)
    digest = hashlib.sha256(
        array.view(np.uint8).data if array.ndim else array.tobytes()
    )
    return [list(np.shape(leaf)), str(array.dtype), digest.hexdigest()]


def _digest_value(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
