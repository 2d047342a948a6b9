"""Threads and processes: results in order, a few items ahead, no more."""

import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context, parent_process
from typing import TypeVar

from synthjax.core.clock import say
from synthjax.core.errors import StudyError

INLINE = 256  # images: less work than starting a process

Item = TypeVar("Item")
Result = TypeVar("Result")


def worker_count(workers: int) -> int:
    """Returns `workers`, or the number of usable CPU cores where it is 0."""
    if workers > 0:
        return workers
    if hasattr(os, "sched_getaffinity"):  # Linux: the cores that this process may use
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processes_for(items: int, workers: int, inline: int = INLINE) -> int:
    """Returns how many processes to use; 1 where starting them would take longer.

    Args:
        items: images to read or render.
        workers: at most, 0 = all cores.
        inline: up to so many items one process, this one, does the work.
    """
    return worker_count(workers) if items > inline else 1


def ordered_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int = 0,
    *,
    processes: bool = False,
    describe: Callable[[Item], str] = repr,
) -> Generator[Result, None, None]:
    """Does `map(function, items)` in threads or processes: same order, bounded memory.

    Args:
        function: called in the workers; its exception surfaces at its own item.
        items: read in the calling thread, at most `4 * workers` ahead.
        workers: number of threads or processes (0 = all cores); 1 is the caller's own.
        processes: for work that holds the interpreter lock; function, items and
            results then must pickle, and items be of modules, not of the program that
            was launched.
        describe: names an item, for the error.

    Raises:
        StudyError: a worker process was killed; it names the first unfinished item.
    """
    count = worker_count(workers)
    if count == 1:
        yield from map(function, items)
        return
    pending: deque[tuple[Item, Future[Result]]] = deque()
    start = partial(_start_processes, function=function)
    try:
        executor = (start if processes else ThreadPoolExecutor)(count)
    except OSError as error:  # as where /dev/shm cannot be written
        say(f"no worker processes can be started ({error}); this one works alone")
        yield from map(function, items)
        return
    with executor as pool:
        try:
            for item in items:
                pending.append((item, pool.submit(function, item)))
                if len(pending) >= 4 * count:
                    yield pending[0][1].result()
                    pending.popleft()
            while pending:
                yield pending[0][1].result()
                pending.popleft()
        except BrokenProcessPool:
            place = describe(pending[0][0]) if pending else "the first item"
            raise StudyError(
                "a worker process was killed, most often for want of memory, or by a "
                f"file: it was at {place} or one of the next. Run the "
                f"same command with fewer workers (now {count}), such as "
                "--config.data.workers=1; it goes on where it stopped."
            ) from None
        finally:
            for _, future in pending:
                future.cancel()


def _start_processes(count: int, function: Callable[..., object]) -> Executor:
    """Starts worker processes, spawned: the parent may hold JAX's threads, so no fork.

    They do not import the program that was launched, for that means all of the study,
    JAX included: seconds and memory that they have no use for.
    """
    pool = ProcessPoolExecutor(count, get_context("spawn"), initializer=_follow_parent)
    main = sys.modules["__main__"]
    saved = {name: vars(main).get(name) for name in ("__spec__", "__file__")}
    try:
        if function.__module__ != "__main__":
            vars(main).update(dict.fromkeys(saved))
        for _ in range(count):  # each starts one, for none is idle yet
            pool.submit(os.getpid)
    finally:
        vars(main).update(saved)
    return pool


def _follow_parent() -> None:
    """Lets a worker stop when its parent does, killed or not, and only then."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent acts
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
