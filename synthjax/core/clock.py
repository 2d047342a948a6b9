"""Time: training seconds, rate and remaining time; progress on a terminal or in a log."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

import tqdm

T = TypeVar("T")
_LINE_SECONDS = 10.0  # between progress lines when the output is no terminal


class Clock:
    """Counts working seconds towards a total, over restarts too.

    Args:
      total: the work in all, in any unit (images, steps).
      done: the work done before this process.
      seconds: the seconds it took.
      now: the time source, replaceable in tests.
    """

    def __init__(
        self,
        total: float,
        done: float = 0.0,
        seconds: float = 0.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.total = total
        self.done = done
        self._base = seconds
        self._start_done = done
        self._now = now
        self._start = now()
        self._paused = 0.0

    def tick(self, done: float) -> None:
        """Notes that `done` units of work are finished in all."""
        self.done = done

    @property
    def seconds(self) -> float:
        """Working seconds, earlier processes included, pauses left out."""
        return self._base + self._here()

    def _here(self) -> float:
        return self._now() - self._start - self._paused

    @property
    def rate(self) -> float:
        """Units per second in this process."""
        return (self.done - self._start_done) / max(self._here(), 1e-9)

    @property
    def eta(self) -> float:
        """Seconds until the total at this rate; infinite before the first tick."""
        rate = self.rate
        return max(self.total - self.done, 0.0) / rate if rate > 0 else float("inf")

    @contextlib.contextmanager
    def pause(self) -> Iterator[None]:
        """Leaves what happens inside out of the working time."""
        begin = self._now()
        try:
            yield
        finally:
            self._paused += self._now() - begin

    def state(self) -> dict[str, float]:
        """What a checkpoint keeps: `Clock(total, **state)` goes on from it."""
        return {"done": self.done, "seconds": self.seconds}


class progress(Generic[T]):
    """A progress bar on a terminal; otherwise a plain line every ten seconds.

    Use it around an iterable, or call `update` by hand and `close` at the end; `done`
    of `total` units were finished by an earlier process.
    """

    def __init__(
        self,
        iterable: Iterable[T] | None = None,
        *,
        total: int | None = None,
        done: int = 0,
        desc: str,
        unit: str = "it",
    ) -> None:
        if total is None and hasattr(iterable, "__len__"):
            total = len(iterable)  # type: ignore[arg-type]
        self._iterable = iterable
        self._terminal = _is_terminal()
        self._bar: Any = tqdm.tqdm(
            total=total,
            initial=done,
            desc=desc,
            unit=unit,
            disable=not self._terminal,
            dynamic_ncols=True,
        )
        self._desc, self._unit, self._total = desc, unit, total
        self._count = self._done_before = done
        self._begin = self._last = time.monotonic()

    def __iter__(self) -> Iterator[T]:
        if self._iterable is None:
            raise TypeError("progress() without an iterable is updated by hand")
        try:
            for item in self._iterable:
                yield item
                self.update(1)
        finally:
            self.close()

    def update(self, count: int = 1) -> None:
        """Counts `count` more units."""
        self._count += count
        self._bar.update(count)
        now = time.monotonic()
        if not self._terminal and now - self._last >= _LINE_SECONDS:
            self._last = now
            rate = (self._count - self._done_before) / (now - self._begin)
            left = (self._total - self._count) / rate if self._total else None
            of = f"/{self._total}" if self._total else ""
            eta = f", {duration(left)} left" if left is not None else ""
            say(f"{self._desc}: {self._count}{of} {self._unit}, {rate:.1f}/s{eta}")

    def close(self) -> None:
        """Ends the bar."""
        self._bar.close()


def duration(seconds: float) -> str:
    """Seconds as `1h02m`, `3m05s` or `8.2s`."""
    if seconds == float("inf"):
        return "?"
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if hours else f"{minutes}m{rest:02d}s"


def _is_terminal() -> bool:
    with contextlib.suppress(ValueError):  # closed
        return sys.stderr is not None and sys.stderr.isatty()
    return False


def say(message: str) -> None:
    """Prints one line on stderr without breaking a progress bar.

    Where nobody listens any more, a run goes on all the same, in silence.
    """
    if sys.stderr is None:  # print would turn to stdout
        return
    try:
        with tqdm.tqdm.external_write_mode(file=sys.stderr):
            print(message, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 (for good)
