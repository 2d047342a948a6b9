"""Frozen dataclasses as JSON: written, read back, and described by a JSON schema.

A dataclass is declared by `json_object`, each of its fields by `key`, with its meaning
and range. A number that is not finite is null in JSON: it stands for what is not
defined.
"""

import dataclasses
import enum
import inspect
import math
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from synthjax.statistics.interval import number

T = TypeVar("T")
_BOUNDS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
}
# Of statistics.interval.Interval, whose fields are not declared by `key`.
_INTERVAL = {"value": "the estimate", "low": "lower end", "high": "upper end"}


class Absent(enum.Enum):
    """The type of `ABSENT`."""

    ABSENT = enum.auto()


ABSENT = Absent.ABSENT  # the value of an optional key that is not written


def key(
    doc: str,
    *,
    default: Any = dataclasses.MISSING,
    inline: bool = False,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    one_of: tuple[str, ...] = (),
) -> Any:
    """Declare a key of a JSON object, as a field of a dataclass.

    Args:
        doc: what it means, with its unit, as a phrase.
        default: `ABSENT` for a key that may be missing.
        inline: whether the keys of this dataclass stand in the object itself.
        ge: the least value of a number, or of each number of a list.
        gt: what it must exceed.
        le: the greatest value.
        lt: what it must stay below.
        one_of: the strings that are allowed.
    """
    given = (("ge", ge), ("gt", gt), ("le", le), ("lt", lt))
    metadata = {
        "doc": doc,
        "inline": inline,
        "bounds": {_BOUNDS[name]: bound for name, bound in given if bound is not None},
        "one_of": one_of,
    }
    return dataclasses.field(default=default, metadata=metadata)


@typing.dataclass_transform(
    kw_only_default=True, frozen_default=True, field_specifiers=(key,)
)
def json_object(cls: type[T]) -> type[T]:
    """Make a class, whose fields are declared by `key`, a frozen dataclass."""
    return dataclasses.dataclass(frozen=True, kw_only=True)(cls)


def to_json(value: Any) -> Any:
    """Return a value, with all dataclasses in it, as dicts, lists and scalars."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        tree: dict[str, Any] = {}
        for declared in dataclasses.fields(value):
            part = getattr(value, declared.name)
            if declared.metadata.get("inline"):
                tree |= to_json(part)
            elif part is not ABSENT:
                tree[declared.name] = to_json(part)
        return tree
    if isinstance(value, Mapping):
        return {name: to_json(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(part) for part in value]
    return number(value) if isinstance(value, float) else value


def from_json(cls: type[T], tree: Any) -> T:
    """Return the dataclass that `to_json` gave the tree of.

    Raises:
        ValueError: a key is missing, or nothing declares it.
    """
    found, left = _read_keys(cls, dict(tree))
    if left:
        raise ValueError(f"{cls.__name__} has no key {', '.join(left)}")
    return found


def _read_keys(cls: type[T], tree: dict[str, Any]) -> tuple[T, dict[str, Any]]:
    """Return the dataclass and the keys of the tree that it leaves."""
    arguments = {}
    for declared, kind in _declared(cls):
        if declared.metadata.get("inline"):
            arguments[declared.name], tree = _read_keys(kind, tree)
        elif declared.name in tree:
            arguments[declared.name] = _read(kind, tree.pop(declared.name))
        elif declared.default is not ABSENT:
            raise ValueError(f"{cls.__name__} needs the key {declared.name}")
    return cls(**arguments), tree


def _read(kind: Any, value: Any) -> Any:
    inner, nullable = _unwrap(kind)
    if value is None:
        return None if nullable else math.nan
    if dataclasses.is_dataclass(inner):
        return from_json(inner, value)  # type: ignore[arg-type]
    if typing.get_origin(inner) is tuple:
        return tuple(_read(typing.get_args(inner)[0], part) for part in value)
    if typing.get_origin(inner) is Mapping:
        return {name: _read(typing.get_args(inner)[1], v) for name, v in value.items()}
    return value


def json_schema(cls: type, **head: str) -> dict[str, Any]:
    """Return the JSON schema of a dataclass; `head` is what it says first of itself."""
    definitions: dict[str, Any] = {}
    body = _object_schema(cls, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **head,
        **{name: part for name, part in body.items() if name not in head},
        "$defs": dict(sorted(definitions.items())),
    }


def _object_schema(cls: type, definitions: dict[str, Any]) -> dict[str, Any]:
    """Describe a dataclass, and put those that its keys hold into the definitions."""
    properties: dict[str, Any] = {}
    required = []
    for declared, kind in _keys(cls):
        doc = declared.metadata.get("doc") or _INTERVAL[declared.name]
        described = _value_schema(kind, declared.metadata, definitions)
        properties[declared.name] = {"description": doc, **described}
        if declared.default is not ABSENT:
            required.append(declared.name)
    return {
        "description": (inspect.getdoc(cls) or "").splitlines()[0],
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": False,
    }


def _value_schema(
    kind: Any, metadata: Mapping[str, Any], definitions: dict[str, Any]
) -> dict[str, Any]:
    inner, nullable = _unwrap(kind)
    if dataclasses.is_dataclass(inner):
        name = inner.__name__  # type: ignore[union-attr]
        if name not in definitions:
            definitions[name] = {}  # holds the place while its own keys are described
            definitions[name] = _object_schema(inner, definitions)  # type: ignore[arg-type]
        reference = {"$ref": f"#/$defs/{name}"}
        return {"anyOf": [reference, {"type": "null"}]} if nullable else reference
    if typing.get_origin(inner) is tuple:
        item = _value_schema(typing.get_args(inner)[0], metadata, definitions)
        return {"type": "array", "items": item}
    if typing.get_origin(inner) is Mapping:
        item = _value_schema(typing.get_args(inner)[1], metadata, definitions)
        return {"type": "object", "additionalProperties": item}
    if inner is int:
        schema: dict[str, Any] = {"type": "integer", "minimum": 0}  # all are counts
    elif inner is float:
        schema = {"type": ["number", "null"]}
    else:
        schema = {"type": {str: "string", bool: "boolean"}[inner]}
    if nullable:
        schema["type"] = [schema["type"], "null"]
    if metadata.get("one_of"):
        schema["enum"] = list(metadata["one_of"])
    return schema | metadata.get("bounds", {})


def _keys(cls: type) -> Iterator[tuple[dataclasses.Field, Any]]:
    """Yield the fields whose names are keys of the object, inline ones in their place."""
    for declared, kind in _declared(cls):
        if declared.metadata.get("inline"):
            yield from _keys(kind)
        else:
            yield declared, kind


def _declared(cls: type) -> Iterator[tuple[dataclasses.Field, Any]]:
    hints = typing.get_type_hints(cls)
    for declared in dataclasses.fields(cls):  # type: ignore[arg-type]
        yield declared, hints[declared.name]


def _unwrap(kind: Any) -> tuple[Any, bool]:
    """Return X for `X | None | Absent` and the like, and whether None is allowed."""
    if typing.get_origin(kind) not in (typing.Union, types.UnionType):
        return kind, False
    parts = typing.get_args(kind)
    (inner,) = [part for part in parts if part not in (types.NoneType, Absent)]
    return inner, types.NoneType in parts
