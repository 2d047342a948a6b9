"""Flags to study: what every launcher does before and around its stage."""

import contextlib
import dataclasses
import errno
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from absl import app, flags, logging
from ml_collections import config_flags

from synthjax.classifier.arms import check_volumes
from synthjax.core import signals
from synthjax.core.clock import say
from synthjax.core.compile import use_compilation_cache
from synthjax.core.devices import Devices, make_devices
from synthjax.core.errors import StudyError
from synthjax.core.study import Study
from synthjax.sections import freeze_all

_CONFIG = config_flags.DEFINE_config_file(
    "config", None, "The study, such as configs/phantom_chest.py.", lock_config=True
)
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Where the study is written; by default runs/<name of the config>."
)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
flags.mark_flag_as_required("config")


@dataclasses.dataclass(frozen=True)
class Launch:
    """What a stage is launched with."""

    study: Study
    sections: dict[str, Any]  # every config section as its frozen dataclass
    seed: int
    devices: Devices

    def inputs(self, *stages: str) -> dict[str, Path]:
        """The directories of stages, by stage name."""
        return {stage: self.study.path(stage) for stage in stages}


def launch(run: Callable[[Launch], None], *, alone: bool = True) -> None:
    """Parses the flags, checks the whole config, takes the workdir, calls `run`.

    Args:
      run: what the command does.
      alone: whether no other command may be at work in the workdir; False for one that
        only looks, which a training run need not wait for.
    """
    app.run(lambda argv: sys.exit(_main(run, alone)), flags_parser=_parse_flags)


def _parse_flags(arguments: list[str]) -> list[str]:
    """absl's parsing, with one clear line for a key that the config does not have."""
    try:
        return app.parse_flags_with_usage(arguments)
    except (AttributeError, KeyError) as error:  # what a locked ConfigDict raises
        told = error.args[0]
        text = told.args[0] if isinstance(told, KeyError) else str(told)
        missing, _, hint = text.partition("\n")
        key = missing.strip("'\"")
        named = (argument.lstrip("-").partition("=")[0] for argument in arguments)
        flag = next((name for name in named if key in name.split(".")), None)
        if flag is None:
            raise  # not a flag's fault: one in the config file itself
        say(f"error: --{flag}: there is no such key in the config. {hint}".rstrip())
        sys.exit(2)


def _main(run: Callable[[Launch], None], alone: bool) -> int:
    signals.install()
    # Orbax and TFDS log each file they touch, and Orbax what it also raises.
    logging.set_verbosity(logging.FATAL)
    sys.unraisablehook = _ignore_late_writers
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    use_compilation_cache(cache / "synthjax" / "xla")
    try:
        config = _CONFIG.value
        sections = freeze_all(config)
        devices = make_devices(sections["devices"])
        devices.check_batch(sections["gan"].batch_size, "gan.batch_size")
        devices.check_batch(sections["classifier"].batch_size, "classifier.batch_size")
        if not sections["synth"].folder.path:  # before hours of training, not after
            copies = sections["synth"].copies_per_row
            where = "config.synth.copies_per_row"
            check_volumes(sections["classifier"].arms, copies, where)
        study = Study(
            _workdir(),
            config,
            absent=("gan",) if sections["synth"].folder.path else (),
            is_main=devices.is_main,
            barrier=devices.barrier,
        )
        with study.locked() if alone else contextlib.nullcontext():
            run(Launch(study, sections, config.seed, devices))
    except KeyboardInterrupt:
        say("interrupted; the same command goes on where it stopped")
        return 130
    except Exception as error:
        if any(map(_says_no_room, _chain(error))):
            say(
                f"error: the disk under {_workdir()} is full, or a quota is used up. "
                "Free some space and run the same command again: it goes on from the "
                "last complete checkpoint"
            )
            os._exit(2)  # threads that are still saving can only fail, with noise
        message = _explain(error)
        if message is None:
            raise
        say(f"error: {message}")
        return 2
    return 0


def _ignore_late_writers(unraisable: Any) -> None:
    """The usual hook, but for what can only be an echo of a failed checkpoint.

    When one array of it cannot be written, Orbax raises and closes its event loop; the
    threads that still write the other arrays then find the loop closed, each of them.
    """
    if str(unraisable.exc_value) != "Event loop is closed":
        sys.__unraisablehook__(unraisable)


def _workdir() -> Path:
    if _WORKDIR.value:
        return Path(_WORKDIR.value)
    file = config_flags.get_config_filename(flags.FLAGS["config"])
    return Path("runs") / Path(file.partition(":")[0]).stem


def _explain(error: BaseException) -> str | None:
    """A message with a remedy, for what a user can mend; None for our own faults."""
    if isinstance(error, StudyError):
        return str(error)
    for cause in _chain(error):
        number = getattr(cause, "errno", None)
        if number in (errno.EROFS, errno.EACCES, errno.EPERM):
            name = getattr(cause, "filename", None) or _workdir()
            return f"{name} cannot be written or read; check its permissions"
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what caused it."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _says_no_room(error: BaseException) -> bool:
    """Whether it is the system's word, or one passed on as text, that space is out."""
    if getattr(error, "errno", None) in _NO_ROOM:
        return True
    return any(os.strerror(number) in str(error) for number in _NO_ROOM)
