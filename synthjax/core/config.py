"""ml_collections at the edge, frozen dataclass inside.

A config file builds a ConfigDict section from the dataclass that a stage reads, so
that every default lives in that dataclass. Each stage turns its section back once,
which checks names, types and ranges before anything is computed.
"""

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from ml_collections import ConfigDict

from synthjax.core.errors import ConfigError

T = TypeVar("T")


def section(source: Any) -> ConfigDict:
    """The ConfigDict of a config dataclass (its defaults) or of an instance of one."""
    instance = source() if isinstance(source, type) else source
    values = {}
    for field in dataclasses.fields(instance):
        value = getattr(instance, field.name)
        values[field.name] = (
            section(value) if dataclasses.is_dataclass(value) else value
        )
    return ConfigDict(values)


def freeze(cls: type[T], values: Mapping[str, Any] | ConfigDict, where: str) -> T:
    """The frozen dataclass of a config section.

    Args:
      cls: a frozen dataclass, every field with a default.
      values: the section, as a ConfigDict or a plain mapping (from JSON).
      where: the section's name, such as "gan", used in messages.

    Raises:
      ConfigError: an unknown key, a value of the wrong type or out of range.
    """
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    types = typing.get_type_hints(cls)
    arguments = {}
    for name, value in values.items():
        if name not in fields:
            raise ConfigError(
                f"config.{where}.{name}: there is no such key; "
                f"config.{where} has {', '.join(sorted(fields))}"
            )
        arguments[name] = _convert(types[name], value, f"{where}.{name}")
    try:
        return cls(**arguments)
    except ConfigError as error:
        message = str(error)
        prefix = "" if message.startswith("config.") else f"config.{where}."
        raise ConfigError(prefix + message) from None


def _convert(kind: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(kind):
        return freeze(kind, value, where)  # type: ignore[arg-type]
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, (tuple, list)):
            raise ConfigError(f"config.{where}={value!r}: must be a tuple")
        item = typing.get_args(kind)[0]
        return tuple(_convert(item, part, where) for part in value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ConfigError(
            f"config.{where}={value!r}: must be {kind.__name__}, "
            f"got {type(value).__name__}"
        )
    return value


def plain(config: Any) -> Any:
    """A config dataclass or ConfigDict as JSON-ready dicts, lists and scalars."""
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        config = section(config)
    if isinstance(config, (ConfigDict, Mapping)):
        return {key: plain(value) for key, value in config.items()}
    if isinstance(config, (tuple, list)):
        return [plain(value) for value in config]
    return config
