"""The reference page of all config keys, from what their fields declare."""

import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from synthjax.core.config import range_of
from synthjax.core.table import format_table

_HEADERS = ("key", "type", "default", "range", "meaning")


def reference(sections: Mapping[str, type], introduction: str) -> str:
    """Returns a Markdown page with a table of every section and subsection.

    Args:
      sections: the config dataclass of each section, by name.
      introduction: what stands above the tables, Markdown.
    """
    parts = [introduction.strip()]
    for name, cls in sections.items():
        for path, part in _subsections(f"config.{name}", cls):
            level = "#" * min(2 + path.count(".") - 1, 4)
            summary = (part.__doc__ or "").strip().partition("\n")[0]
            rows = list(_rows(part))
            table = format_table(_HEADERS, rows, align="l", markdown=True)
            parts.append(f"{level} {path}\n\n{summary}\n\n{table}")
    return "\n\n".join(parts) + "\n"


def _subsections(path: str, cls: Any) -> Iterator[tuple[str, Any]]:
    """Yields a section and, after it, the sections inside it."""
    yield path, cls
    for declared, kind in _fields(cls):
        if dataclasses.is_dataclass(kind):
            yield from _subsections(f"{path}.{declared.name}", kind)


def _rows(cls: type) -> Iterator[tuple[str, ...]]:
    for declared, kind in _fields(cls):
        if dataclasses.is_dataclass(kind):
            continue
        meaning = declared.metadata.get("doc", "")
        if not declared.metadata.get("affects_result", True):
            meaning += " (does not change the result)"
        yield (
            f"`{declared.name}`",
            _type_name(kind),
            "preset" if declared.default is None else f"`{declared.default!r}`",
            range_of(declared),
            meaning,
        )


def _fields(cls: Any) -> Iterator[tuple[dataclasses.Field, Any]]:
    hints = typing.get_type_hints(cls)
    for declared in dataclasses.fields(cls):
        yield declared, hints[declared.name]


def _type_name(kind: Any) -> str:
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        kinds = [part for part in typing.get_args(kind) if part is not type(None)]
        return " or ".join(map(_type_name, kinds))
    if typing.get_origin(kind) is tuple:
        return f"tuple of {_type_name(typing.get_args(kind)[0])}"
    return kind.__name__
