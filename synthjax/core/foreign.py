"""The one place where decoders and parsers of others run on files of others.

They promise no list of exceptions and no end: whatever one raises, and what takes too
long, is the fault of the file that it was given, and is told by the file's name.
"""

import contextlib
import logging
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from synthjax.core.deadline import WAIT, noted
from synthjax.core.errors import StudyError

FILE_SECONDS = 20.0  # of computing that one file may take; the usual one takes 0.1
_TICK = 0.25  # seconds between two looks at the time
_LONGEST = 300  # characters of a reason


class _OutOfTime(BaseException):
    """No Exception, so that no decoder can take it for a fault of its own."""


def _study_error(path: Path | str, what: str) -> StudyError:
    return StudyError(f"{path} {what}")


@contextlib.contextmanager
def foreign(
    path: Path | str,
    what: str,
    remedy: str,
    *,
    seconds: float = FILE_SECONDS,
    error: Callable[[Path | str, str], StudyError] = _study_error,
) -> Iterator[None]:
    """Turns whatever is raised inside into one error that names this file.

    A StudyError passes. Warnings and log messages of the decoders are not shown. After
    `seconds` of computing the work inside is stopped, and the file is faulty too. The
    time is that of the process's processors, so that a slow disk or other processes do
    not count. A call that never comes back to Python is stopped in a worker process of
    `ordered_map`, by its end; the file is faulty for the worker that takes its place.
    It is not stopped in the process of the command, which does the work alone for few
    images or with one worker. Work outside of the main thread has no deadline.

    Args:
        what: what is then wrong with the file, a clause such as "cannot be read as PNG".
        remedy: a clause.
        error: makes the error of the path and a clause.
    """
    try:
        with (
            warnings.catch_warnings(),
            _quiet(),
            noted(str(path), seconds) as is_endless,
            _limited(seconds),
        ):
            if is_endless:
                raise _OutOfTime
            warnings.simplefilter("ignore")  # of odd metadata, which is not used
            yield
    except StudyError:
        raise
    except _OutOfTime:
        clause = f"{what} (it takes more than {seconds:g} s to decode); {remedy}."
        raise error(path, clause) from None
    except Exception as caught:  # SyntaxError, struct.error, MemoryError, ...
        raise error(path, f"{what} ({reason(caught)}); {remedy}.") from caught


def reason(error: Exception) -> str:
    """Returns an error in one line, without the path."""
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(text.split())[:_LONGEST] or type(error).__name__


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps pydicom from logging the traceback of each decoder that it tried."""
    logger = logging.getLogger("pydicom")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextlib.contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raises _OutOfTime inside once the work there has taken so long."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    begin, started = time.process_time(), time.monotonic()

    def look(signum: int, frame: FrameType | None) -> None:
        spent, passed = time.process_time() - begin, time.monotonic() - started
        if spent > seconds or passed > WAIT * seconds:
            raise _OutOfTime

    handler = signal.signal(signal.SIGALRM, look)
    timer = signal.setitimer(signal.ITIMER_REAL, _TICK, _TICK)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, *timer)
