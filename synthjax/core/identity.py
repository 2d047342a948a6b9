"""What of a config decides its result."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from synthjax.core.config import Config, plain


def identity(config: Config, prefix: str = "") -> dict[str, Any]:
    """Returns what of a config decides its result, JSON-ready, by dotted key.

    Sections that are not selected and fields that do not affect the result are left
    out.
    """
    found: dict[str, Any] = {}
    for name, value in _deciding(config):
        key = f"{prefix}{name}"
        if isinstance(value, Config):
            found |= identity(value, f"{key}.")
        else:
            found[key] = plain(value)
    return found


def non_default(
    config: Config, usual: Config | None = None, prefix: str = ""
) -> dict[str, Any]:
    """Returns the part of `identity` that is not at its default.

    A field that a later release adds is at its default in what an earlier one made, so
    it changes nothing here.
    """
    usual = usual or type(config)()
    found: dict[str, Any] = {}
    for name, value in _deciding(config):
        key = f"{prefix}{name}"
        if isinstance(value, Config):
            found |= non_default(value, getattr(usual, name), f"{key}.")
        elif value != getattr(usual, name):
            found[key] = plain(value)
    return found


def _deciding(config: Config) -> Iterator[tuple[str, Any]]:
    """Yields the fields that are selected and affect the result."""
    left_out = config.unselected()
    for declared in dataclasses.fields(config):
        affects = declared.metadata.get("affects_result", True)
        if affects and declared.name not in left_out:
            yield declared.name, getattr(config, declared.name)
