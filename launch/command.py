"""What every command does around its work: logging, signals, one line for an error."""

import errno
import math
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from absl import app, flags, logging

from synthjax.core import signals
from synthjax.core.clock import say
from synthjax.core.errors import StudyError

from .process import interrupts, nobody_reads_output, silence_output

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NOT_ALLOWED = (errno.EROFS, errno.EACCES, errno.EPERM)


def parse(arguments: list[str]) -> list[str]:
    """Parses the flags, with one line and the code 2 for what is wrong with them."""
    try:
        rest = flags.FLAGS(arguments)
        for name in flags.FLAGS:
            value = flags.FLAGS[name].value
            if isinstance(value, float) and not math.isfinite(value):
                raise flags.Error(f"--{name}={value}: must be a finite number")
        return rest
    except flags.Error as error:
        say(f"error: {_one_line(str(error))}; --help lists the flags")
        sys.exit(2)


def _one_line(message: str) -> str:
    """Returns what a config file says is wrong, without where it says so."""
    last = message.strip().rpartition("\n")[2].strip()
    kind, colon, said = last.partition(": ")
    return said if colon and kind == "ValueError" else message


def command(
    work: Callable[[], int | None],
    *,
    place: Callable[[], Path],
    interrupted: str,
    parse_flags: Callable[[list[str]], list[str]] = parse,
    explains_os_errors: bool = False,
) -> None:
    """Parses the flags, does the work and exits with its code.

    What a user can mend is one line and the code 2; what is our own fault keeps its
    traceback.

    Args:
      work: returns the exit code, None for 0.
      place: where the command writes, for messages.
      interrupted: what is said after Ctrl-C.
      parse_flags: in place of `parse`.
      explains_os_errors: whether any error of the system about a file is the user's to
        mend, as for a command that only copies files.
    """

    def main(arguments: list[str]) -> None:
        signals.install()
        # Orbax and TFDS log each file that they touch, and Orbax what it also raises.
        logging.set_verbosity(logging.FATAL)
        sys.unraisablehook = _ignore_late_writers
        interrupts.message = interrupted
        try:
            interrupts.working = True
            if len(arguments) > 1:
                raise StudyError(_not_a_flag(arguments[1]))
            code = work() or 0
            sys.stdout.flush()
        except KeyboardInterrupt:
            interrupts.say()
            code = 130
        except BrokenPipeError:
            if not nobody_reads_output():
                raise
            silence_output()
            code = 128 + signal.SIGPIPE
        except Exception as error:
            message = _explain(error, place(), explains_os_errors)
            if message is None:
                raise
            say(f"error: {message}")
            code = 2
        sys.exit(code)

    app.run(main, flags_parser=parse_flags)


def _not_a_flag(word: str) -> str:
    meant = (
        f"; did you mean --{word}?" if word.startswith("config.") else "; see --help"
    )
    return f"{word!r} is not a flag{meant}"


def _ignore_late_writers(unraisable: Any) -> None:
    """Does as the usual hook, but for what can only be an echo of a failed checkpoint.

    When one array of it cannot be written, Orbax raises and closes its event loop; the
    threads that still write the other arrays then find the loop closed, each of them.
    """
    if str(unraisable.exc_value) != "Event loop is closed":
        sys.__unraisablehook__(unraisable)


def _explain(error: Exception, place: Path, any_of_system: bool) -> str | None:
    """Returns a message with a remedy, for what a user can mend; else None.

    Where the disk is full it ends the process at once.
    """
    if any(map(_says_no_room, _chain(error))):
        say(
            f"error: the disk under {place} is full, or a quota is used up. "
            "Free some space and run the same command again: it goes on from the "
            "last complete checkpoint"
        )
        os._exit(2)  # threads that are still saving can only fail, with noise
    if isinstance(error, StudyError):
        return str(error)
    for cause in _chain(error):
        if getattr(cause, "errno", None) in _NOT_ALLOWED:
            name = getattr(cause, "filename", None)
            if name is None and _is_writable(place):
                return f"{cause}: it is not {place}, which can be written"
            return f"{name or place} cannot be written or read; check its permissions"
    if any_of_system and isinstance(error, OSError) and error.strerror:
        return f"{error.filename or place}: {error.strerror}"
    return None


def _is_writable(place: Path) -> bool:
    """Whether a folder, or the nearest one above it that is there, can be written."""
    there = next(p for p in (place, *place.absolute().parents) if p.exists())
    return os.access(there, os.W_OK)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yields an error and what caused it."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _says_no_room(error: BaseException) -> bool:
    """Whether it is the system's word, or one passed on as text, that space is out."""
    if getattr(error, "errno", None) in _NO_ROOM:
        return True
    return any(os.strerror(number) in str(error) for number in _NO_ROOM)
