"""Threads and processes: results in order, a few items ahead, no more."""

import itertools
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from typing import TypeVar

from synthjax.core.clock import say
from synthjax.core.deadline import Deadlines, say_ended
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

    Where a decoder hangs on a file, the worker process that it runs in is stopped and the
    file counts as faulty (see `foreign`); new workers go on at the first unfinished item.

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
    elif processes:
        yield from _map_in_processes(function, iter(items), count, describe)
    else:
        with ThreadPoolExecutor(count) as pool:
            yield from _map_in_pool(function, iter(items), pool, count, deque())


def _map_in_pool(
    function: Callable[[Item], Result],
    items: Iterator[Item],
    pool: Executor,
    count: int,
    taken: deque[Item],
) -> Generator[Result, None, None]:
    """Yields results in order; `taken` holds the items begun whose result was not."""
    pending = deque(pool.submit(function, item) for item in taken)
    try:
        for item in items:
            taken.append(item)
            pending.append(pool.submit(function, item))
            if len(pending) >= 4 * count:
                yield pending.popleft().result()
                taken.popleft()
        while pending:
            yield pending.popleft().result()
            taken.popleft()
    finally:
        for future in pending:
            future.cancel()


def _map_in_processes(
    function: Callable[[Item], Result],
    items: Iterator[Item],
    count: int,
    describe: Callable[[Item], str],
) -> Generator[Result, None, None]:
    """Begins again with other workers when some were ended, each at another file."""
    taken: deque[Item] = deque()
    endless: frozenset[str] = frozenset()
    while True:
        try:
            deadlines = Deadlines(count, endless)
            executor = _start_processes(count, function, deadlines)
        except OSError as error:  # as where /dev/shm cannot be written
            say(f"no worker processes can be started ({error}); this one works alone")
            yield from map(function, itertools.chain(taken, items))
            return
        with deadlines.kept() as ended, executor as pool:
            try:
                yield from _map_in_pool(function, items, pool, count, taken)
                return
            except BrokenProcessPool:
                if ended <= endless:
                    place = describe(taken[0]) if taken else "the first item"
                    raise _killed(place, count) from None
        say_ended(ended)
        endless |= ended


def _killed(place: str, count: int) -> StudyError:
    return StudyError(
        "a worker process was killed, most often for want of memory, or by a file: it "
        f"was at {place} or one of the next. Run the same command with fewer workers "
        f"(now {count}), such as --config.data.workers=1; it goes on where it stopped."
    )


def _start_processes(
    count: int, function: Callable[..., object], deadlines: Deadlines
) -> Executor:
    """Starts worker processes, spawned: the parent may hold JAX's threads, so no fork.

    They do not import the program that was launched, for that means all of the study,
    JAX included: seconds and memory that they have no use for.
    """
    pool = ProcessPoolExecutor(
        count, get_context("spawn"), initializer=_begin, initargs=(deadlines,)
    )
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


def _begin(deadlines: Deadlines) -> None:
    """Makes this process a worker."""
    deadlines.join()
    _follow_parent()


def _follow_parent() -> None:
    """Lets a worker stop when its parent does, killed or not, and only then."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent acts
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
