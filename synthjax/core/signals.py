"""SIGTERM and SIGHUP, as of a scheduler or a lost terminal: save, then leave."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Protocol, runtime_checkable

EXIT_CODE = 128 + signal.SIGTERM


class Preempted(SystemExit):
    """The process was asked to stop, and what it had done is saved (exit code 143)."""

    def __init__(self) -> None:
        super().__init__(EXIT_CODE)


@runtime_checkable
class StopSignal(Protocol):
    """What a loop looks at to know whether it is to stop."""

    @property
    def requested(self) -> bool:
        """Whether a signal to stop arrived while the loop was running."""
        ...


class Request:
    """Whether a signal to stop arrived while a loop was running."""

    def __init__(self) -> None:
        self.requested = False


_deferring: list[Request] = []


def install() -> None:
    """Makes both signals raise `Preempted`, or be noted where a loop defers them."""
    if threading.current_thread() is not threading.main_thread():
        return
    signal.signal(signal.SIGTERM, _handle)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as under nohup
        signal.signal(signal.SIGHUP, _handle)


def _handle(signum: int, frame: FrameType | None) -> None:
    if _deferring:
        _deferring[-1].requested = True
    else:
        raise Preempted


@contextlib.contextmanager
def deferred() -> Iterator[Request]:
    """Inside, a signal only sets `.requested`; the loop saves and raises `Preempted`."""
    install()
    request = Request()
    _deferring.append(request)
    try:
        yield request
    finally:
        _deferring.remove(request)
