"""A deadline that no decoder escapes, where the work is done in worker processes.

What does not come back from C cannot be stopped from Python. So a worker notes the file
that it is at in memory that it shares with its parent, and the parent ends a worker
that is far past its time. The workers that take its place know the file, and refuse it.
"""

import contextlib
import ctypes
import os
import signal
import threading
import time
from collections.abc import Iterator
from multiprocessing import get_context

from synthjax.core.clock import say

WAIT = 20.0  # times as long may pass by the clock: storage may be slow
_MERCY = 1.5  # times the deadline: first the worker itself stops what it can
_EVERY = 0.5  # seconds between two looks at the workers


class _Note(ctypes.Structure):
    """At which file a worker is, and since when; of no file while `seconds` is 0."""

    _fields_ = (
        ("pid", ctypes.c_int),
        ("seconds", ctypes.c_double),  # that the file may take
        ("computed", ctypes.c_double),  # by the worker when it began, in seconds
        ("began", ctypes.c_double),  # by the clock
        ("path", ctypes.c_char * 4096),
    )


_note: _Note | None = None  # of this process, if it is such a worker
_endless: frozenset[str] = frozenset()  # files at which others were ended


class Deadlines:
    """The notes of the workers of one pool.

    Args:
      workers: how many there are.
      endless: files that are refused, because other workers were ended there.
    """

    def __init__(self, workers: int, endless: frozenset[str] = frozenset()) -> None:
        context = get_context("spawn")
        self.endless = endless
        self._taken = context.Value("i", 0)
        self._notes = context.RawArray(_Note, workers)

    def join(self) -> None:
        """Registers this process as a worker, so that its parent checks its note."""
        global _note, _endless
        with self._taken.get_lock():
            _note = self._notes[self._taken.value]
            self._taken.value += 1
        _note.pid, _endless = os.getpid(), self.endless

    @contextlib.contextmanager
    def kept(self) -> Iterator[set[str]]:
        """Ends workers that do not keep a deadline; yields the files they were at."""
        ended: set[str] = set()
        over = threading.Event()

        def look() -> None:
            while not over.wait(_EVERY):
                for note in self._notes:
                    if note.seconds and _is_late(note):
                        ended.add(os.fsdecode(note.path))
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(note.pid, signal.SIGKILL)

        watch = threading.Thread(target=look, daemon=True)
        watch.start()
        try:
            yield ended
        finally:
            over.set()
            watch.join()


def _is_late(note: _Note) -> bool:
    if time.monotonic() - note.began > _MERCY * WAIT * note.seconds:
        return True
    try:  # the kernel's number of the clock of that process's computing
        computed = time.clock_gettime((~note.pid << 3) | 2)
    except OSError:  # it has ended, or the system has no such clock
        return False
    return computed - note.computed > _MERCY * note.seconds


@contextlib.contextmanager
def noted(path: str, seconds: float) -> Iterator[bool]:
    """Notes that this worker is at a file; yields whether it is known to never end.

    Outside of a worker's main thread, and inside of another `noted`, it does nothing.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if _note is None or _note.seconds or not is_main:
        yield False
        return
    _note.path = os.fsencode(path)[:4095]
    _note.computed, _note.began = time.process_time(), time.monotonic()
    _note.seconds = seconds  # last, for now the rest holds
    try:
        yield path in _endless
    finally:
        _note.seconds = 0


def say_ended(ended: set[str]) -> None:
    """Says at which files workers were ended."""
    for path in sorted(ended):
        say(f"{path}: its decoder does not come back; its process was ended")
