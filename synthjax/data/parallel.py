"""Threads for work that releases the interpreter lock: reading, decoding, encoding."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def worker_count(workers: int) -> int:
    """`workers`, or the number of usable CPU cores where it is 0."""
    if workers > 0:
        return workers
    if hasattr(os, "sched_getaffinity"):  # Linux: the cores that this process may use
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int = 0
) -> Iterator[Result]:
    """`map(function, items)` in threads: same order, a few items ahead, no more.

    Args:
        function: called in worker threads; its exception surfaces at its own item.
        items: read in the calling thread, at most `4 * workers` ahead.
        workers: number of threads (0 = all cores).
    """
    count = worker_count(workers)
    if count == 1:
        yield from map(function, items)
        return
    pending: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(count) as pool:
        try:
            for item in items:
                pending.append(pool.submit(function, item))
                if len(pending) >= 4 * count:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
