"""ml_collections at the edge, frozen dataclass inside.

A config file builds a ConfigDict section from the dataclass that a stage reads, so
that every default lives in that dataclass. Each stage turns its section back once,
which checks names, types and ranges before anything is computed.

A config dataclass derives from `Config` and declares its fields by `field`, with their
meaning and range. What a field says of itself yields the checks, the reference page of
all keys, and whether a change of it makes a finished stage stale.
"""

import dataclasses
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, TypeVar

from ml_collections import ConfigDict, config_dict

from synthjax.core.clock import say
from synthjax.core.errors import ConfigError

T = TypeVar("T")
Names = Iterable[Any] | Callable[[], Iterable[Any]]
MAX_SEED = 2**31 - 1  # JAX's keys tell seeds below 2**32 apart, and two are added
_BOUNDS = {  # name of a bound -> (whether a value keeps it, how it is said)
    "ge": (lambda value, bound: value >= bound, "at least {}"),
    "gt": (lambda value, bound: value > bound, "more than {}"),
    "le": (lambda value, bound: value <= bound, "at most {}"),
    "lt": (lambda value, bound: value < bound, "less than {}"),
}


def field(
    default: Any,
    doc: str,
    *,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    one_of: Names | None = None,
    affects_result: bool = True,
    is_place: bool = False,
    renamed_from: str = "",
    formerly: tuple[Any, ...] = (),
) -> Any:
    """Declares a field of a config dataclass.

    Args:
      default: its value, or a dataclass whose defaults are a section of their own.
        None stands for a preset, of a field typed `X | None`.
      doc: what it means, with its unit, as a phrase for the reference page.
      ge: the least value; of a tuple, of each item.
      gt: what the value must exceed.
      le: the greatest value.
      lt: what the value must stay below.
      one_of: the values that are allowed, or a function that returns them, for names
        of a table that is declared later.
      affects_result: whether another value makes another result. A stage that is
        finished stays so when a field changes that does not.
      is_place: whether it names a file or folder of the user. What a study hands on
        says of it only whether it is another one (`core.public`).
      renamed_from: its name in the last release, still accepted, with a message.
      formerly: values that stood for None in the last release, still accepted.
    """
    metadata = {
        "doc": doc,
        "bounds": {
            name: bound
            for name, bound in (("ge", ge), ("gt", gt), ("le", le), ("lt", lt))
            if bound is not None
        },
        "one_of": one_of,
        "affects_result": affects_result,
        "is_place": is_place,
        "renamed_from": renamed_from,
        "formerly": formerly,
    }
    if isinstance(default, type):
        return dataclasses.field(default_factory=default, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class Config:
    """Base of a config dataclass: its fields are checked when it is made.

    Raises:
      ConfigError: a value is out of its declared range, or `check` refuses it.
    """

    # Keys of the last release that are gone -> what to do instead.
    REMOVED: ClassVar[Mapping[str, str]] = {}

    def __post_init__(self) -> None:
        for declared in dataclasses.fields(self):
            check_finite(declared.name, getattr(self, declared.name))
            check_range(declared, getattr(self, declared.name))
        self.check()

    def check(self) -> None:
        """Raises ConfigError for values that do not go together."""

    def unselected(self) -> tuple[str, ...]:
        """Returns the names of the sections that are not read, as of other models."""
        return ()

    @classmethod
    def upgraded(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Returns values of the last release under today's keys.

        For a key that became something else than another name; for that, a field has
        `renamed_from`.
        """
        return values


def check_finite(name: str, value: Any) -> None:
    """Raises ConfigError for a number, or one in a tuple, that is inf or nan."""
    for item in value if isinstance(value, tuple) else (value,):
        if isinstance(item, float) and not math.isfinite(item):
            raise ConfigError(f"{name}={value!r}: must be finite")


def check_range(declared: dataclasses.Field, value: Any) -> None:
    """Raises ConfigError unless the value is in the range that its field declares."""
    said = range_of(declared)
    if value is None or not said:
        return
    values = value if isinstance(value, tuple) else (value,)
    bounds = declared.metadata.get("bounds", {})
    names = allowed_values(declared)
    for item in values:
        kept = all(_BOUNDS[name][0](item, bound) for name, bound in bounds.items())
        if not kept or (names and item not in names):
            preset = ", or None for the preset" if declared.default is None else ""
            raise ConfigError(f"{declared.name}={value!r}: must be {said}{preset}")


def _say(bound: float) -> str:
    return str(bound) if isinstance(bound, int) else f"{bound:g}"


def range_of(declared: dataclasses.Field) -> str:
    """Says what values a field allows; empty if it declares no range."""
    bounds = declared.metadata.get("bounds", {})
    parts = [_BOUNDS[name][1].format(_say(b)) for name, b in bounds.items()]
    names = allowed_values(declared)
    if names:
        parts.append(f"one of {', '.join(str(name) for name in names if name != '')}")
    return " and ".join(parts)


def allowed_values(declared: dataclasses.Field) -> tuple[Any, ...]:
    """Returns the values that a field is restricted to; empty if it is not."""
    names = declared.metadata.get("one_of")
    return tuple(names() if callable(names) else names or ())


def section(source: Any) -> ConfigDict:
    """Returns the ConfigDict of a config dataclass (its defaults) or of an instance.

    A field that may be None keeps its type, so that a flag can set it.
    """
    instance = source() if isinstance(source, type) else source
    hints = typing.get_type_hints(type(instance))
    values: dict[str, Any] = {}
    for declared in dataclasses.fields(instance):
        value = getattr(instance, declared.name)
        kind = _unwrap_optional(hints[declared.name])
        if dataclasses.is_dataclass(value):
            value = section(value)
        elif kind is not hints[declared.name]:
            holder = config_dict.placeholder(typing.get_origin(kind) or kind)
            holder.set(value)
            value = holder
        values[declared.name] = value
    return ConfigDict(values)


def freeze(
    cls: type[T],
    values: Mapping[str, Any] | ConfigDict,
    where: str,
    *,
    saved: bool = False,
) -> T:
    """Converts a config section to its frozen dataclass.

    Keys and values of the last release are accepted, and it is said what they are now.

    Args:
      cls: a frozen dataclass, every field with a default.
      values: the section, as a ConfigDict or a plain mapping (from JSON).
      where: the section's name, such as "gan", used in messages.
      saved: whether the values were saved by a run, perhaps of another release: keys
        that are unknown are dropped then, and nothing is said.

    Raises:
      ConfigError: an unknown key, a value of the wrong type or out of range.
    """
    fields = {declared.name: declared for declared in dataclasses.fields(cls)}  # type: ignore[arg-type]
    hints = typing.get_type_hints(cls)
    arguments = {}
    for name, value in _with_new_names(cls, values, where, saved).items():
        if name not in fields:
            if saved:
                continue
            raise ConfigError(
                f"config.{where}.{name}: there is no such key; "
                f"config.{where} has {', '.join(sorted(fields))}"
            )
        formerly = fields[name].metadata.get("formerly", ())
        if any(value == old and type(value) is type(old) for old in formerly):
            if not saved:
                say(f"config.{where}.{name}={value!r}: the preset is None now")
            value = None
        arguments[name] = _convert(hints[name], value, f"{where}.{name}", saved)
    try:
        return cls(**arguments)
    except ConfigError as error:
        message = str(error)
        prefix = "" if message.startswith("config.") else f"config.{where}."
        raise ConfigError(prefix + message) from None


def _with_new_names(
    cls: type, values: Mapping[str, Any] | ConfigDict, where: str, saved: bool
) -> dict[str, Any]:
    """Returns the values under today's names.

    Raises:
      ConfigError: a key is gone, and the values were not saved by a run.
    """
    renamed = {
        declared.metadata["renamed_from"]: declared.name
        for declared in dataclasses.fields(cls)
        if declared.metadata.get("renamed_from")
    }
    removed = getattr(cls, "REMOVED", {})
    given = dict(values.items())
    result = cls.upgraded(dict(given)) if issubclass(cls, Config) else given
    for old in sorted(given.keys() - result.keys()):
        if not saved:
            say(f"config.{where}.{old} is read as the key that took its place")
    for old in [name for name in result if name in renamed]:
        new = renamed[old]
        if not saved:
            say(f"config.{where}.{old} is called config.{where}.{new} now")
        result[new] = result.pop(old)
    for old in [name for name in result if name in removed]:
        if not saved:
            raise ConfigError(f"config.{where}.{old} is gone: {removed[old]}")
    return result


def _unwrap_optional(kind: Any) -> Any:
    """Returns X for `X | None`, and any other type as it is."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        (inner,) = [part for part in typing.get_args(kind) if part is not type(None)]
        return inner
    return kind


def _convert(kind: Any, value: Any, where: str, saved: bool) -> Any:
    inner = _unwrap_optional(kind)
    if inner is not kind:
        return None if value is None else _convert(inner, value, where, saved)
    if dataclasses.is_dataclass(kind):
        return freeze(kind, value, where, saved=saved)  # type: ignore[arg-type]
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, (tuple, list)):
            raise ConfigError(f"config.{where}={value!r}: must be a tuple")
        item = typing.get_args(kind)[0]
        return tuple(_convert(item, part, where, saved) for part in value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ConfigError(
            f"config.{where}={value!r}: must be {kind.__name__}, "
            f"got {type(value).__name__}"
        )
    return value


def plain(config: Any) -> Any:
    """Returns a config dataclass or ConfigDict as JSON-ready dicts, lists, scalars."""
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        return {
            declared.name: plain(getattr(config, declared.name))
            for declared in dataclasses.fields(config)
        }
    if isinstance(config, (ConfigDict, Mapping)):
        return {key: plain(value) for key, value in config.items()}
    if isinstance(config, (tuple, list)):
        return [plain(value) for value in config]
    return config
