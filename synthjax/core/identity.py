"""What of a config decides its result."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from synthjax.core.config import Config, plain
from synthjax.core.public import public_value


def identity(config: Config, prefix: str = "") -> dict[str, Any]:
    """Returns what of a config decides its result, JSON-ready, by dotted key.

    Sections that are not selected and fields that do not affect the result are left
    out. For files and folders their digests stand, as in what is recorded.
    """
    found: dict[str, Any] = {}
    for declared in _deciding(config):
        value, key = getattr(config, declared.name), f"{prefix}{declared.name}"
        if isinstance(value, Config):
            found |= identity(value, f"{key}.")
        else:
            found[key] = public_value(declared, value)
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
    for declared in _deciding(config):
        name = declared.name
        value, key = getattr(config, name), f"{prefix}{name}"
        if isinstance(value, Config):
            found |= non_default(value, getattr(usual, name), f"{key}.")
        elif value != getattr(usual, name):
            found[key] = plain(value)
    return found


def _deciding(config: Config) -> Iterator[dataclasses.Field]:
    """Yields the fields that are selected and affect the result."""
    left_out = config.unselected()
    for declared in dataclasses.fields(config):
        affects = declared.metadata.get("affects_result", True)
        if affects and declared.name not in left_out:
            yield declared
