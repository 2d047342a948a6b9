"""The flags --config and --config.SECTION.KEY: what they accept beside absl's own.

A shipped config goes by its name, keys of the last release by theirs, and None asks for
a preset.
"""

import dataclasses
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from absl import flags
from ml_collections import config_flags

from synthjax.core.clock import say
from synthjax.core.config import Config
from synthjax.core.errors import ConfigError
from synthjax.sections import SECTIONS

from .command import parse

FOLDER = Path(__file__).parent.parent / "configs"  # the shipped ones
CONFIG = config_flags.DEFINE_config_file(
    "config",
    None,
    "The study: the name of a shipped config, such as phantom_chest, or a file. A config "
    "file is a Python program, which is run: use none that you would not run.",
    lock_config=True,
)
flags.mark_flag_as_required("config")
# Keys of the last release that were actions, and the flags that they are now.
_ACTIONS = {
    "config.gan.describe": "describe",
    "config.data.check": "check",
    "config.data.check_sample": "check_sample",
}


def parse_flags(arguments: list[str]) -> list[str]:
    """Parses as absl does, with one clear line for a key that the config does not have."""
    try:
        arguments = [_with_path(word) for word in _joined(arguments)]
        arguments = [_with_new_key(word) for word in arguments]
        presets = [word for word in arguments if _asks_for_preset(word)]
        # ml_collections looks for the keys of the config in sys.argv itself.
        sys.argv[:] = [word for word in arguments if word not in presets]
        _show_in_help()
        rest = parse(sys.argv)
        for word in presets:
            _clear(word)
        return rest
    except ConfigError as error:
        say(f"error: {error}")
    except (AttributeError, KeyError) as error:  # what a locked ConfigDict raises
        said = error.args[0]
        text = said.args[0] if isinstance(said, KeyError) else str(said)
        missing, _, hint = text.partition("\n")
        key = missing.strip("'\"")
        flag = next(
            (name for name in map(_name, arguments) if key in name.split(".")), None
        )
        if flag is None:
            raise  # not a flag's fault: one in the config file itself
        remedy = (
            _removed(flag) or f"there is no such key in the config. {hint}".rstrip()
        )
        say(f"error: --{flag}: {remedy}")
    sys.exit(2)


def shipped() -> list[str]:
    """Lists the names of the shipped configs."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")


def config_name() -> str:
    """Returns the name of the config file, without folder and ending."""
    file = config_flags.get_config_filename(flags.FLAGS["config"])
    return Path(file.partition(":")[0]).stem


def _show_in_help() -> None:
    """Makes --help list the flags of the launchers' own modules, not absl's."""
    for module, found in flags.FLAGS.flags_by_module_dict().items():
        if module.startswith(f"{__package__}.") or module == "__main__":
            for flag in found:
                flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)


def _name(word: str) -> str:
    return word.lstrip("-").partition("=")[0]


def _joined(arguments: list[str]) -> Iterator[str]:
    """Yields the arguments with `--config NAME` as one word, `--config=NAME`."""
    words = iter(arguments)
    for word in words:
        if word in ("--config", "-config"):
            word = f"--config={next(words, '')}"
        yield word


def _with_path(word: str) -> str:
    """Returns --config=NAME[:ARGUMENT] of a shipped config with its path."""
    if _name(word) != "config" or not word.startswith("-"):
        return word
    file, colon, argument = word.partition("=")[2].partition(":")
    if "/" in file or file.endswith(".py") or Path(file).exists():
        if not Path(file).is_file():
            raise ConfigError(
                f"--config={file}: there is no such file; the shipped configs are "
                f"{', '.join(shipped())}"
            )
        return word
    if file not in shipped():
        raise ConfigError(
            f"--config={file}: must be a file, or one of {', '.join(shipped())}"
        )
    return f"--config={FOLDER / file}.py{colon}{argument}"


def _with_new_key(word: str) -> str:
    """Returns a flag of the last release under its name of today, and says so."""
    name, equals, value = word.lstrip("-").partition("=")
    if not word.startswith("-") or not name.startswith("config."):
        return word
    if name in _ACTIONS:
        say(f"--{name} is the flag --{_ACTIONS[name]} now")
        return f"--{_ACTIONS[name]}{equals}{value}"
    _, section, *keys = name.split(".")
    kind: Any = SECTIONS.get(section)
    renamed = ["config", section]
    for key in keys:
        field = _field(kind, key)
        renamed.append(field.name if field else key)
        kind = typing.get_type_hints(kind).get(field.name) if field else None
    new = ".".join(renamed)
    if new != name:
        say(f"--{name} is called --{new} now")
    return f"--{new}{equals}{value}"


def _field(kind: Any, key: str) -> dataclasses.Field | None:
    """Finds the field of a config dataclass that is, or was, called `key`."""
    if not dataclasses.is_dataclass(kind):
        return None
    for field in dataclasses.fields(kind):
        if key in (field.name, field.metadata.get("renamed_from")):
            return field
    return None


def _removed(flag: str) -> str:
    """Says what to do instead of a key that is gone; empty if it never was one."""
    _, section, *keys = flag.split(".")
    kind: Any = SECTIONS.get(section)
    for key in keys[:-1]:
        field = _field(kind, key)
        kind = typing.get_type_hints(kind).get(field.name) if field else None
    if isinstance(kind, type) and issubclass(kind, Config) and keys:
        return kind.REMOVED.get(keys[-1], "")
    return ""


def _asks_for_preset(word: str) -> bool:
    name, _, value = word.partition("=")
    return name.startswith("--config.") and value == "None"


def _clear(word: str) -> None:
    """Sets a key of the parsed config to None."""
    name = _name(word)
    *path, key = name.split(".")[1:]
    config = CONFIG.value
    for part in path:
        config = config[part]
    try:
        config[key] = None
    except TypeError:
        raise ConfigError(f"--{name}=None: this key has no preset") from None
