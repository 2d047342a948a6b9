"""Many batches of work: here while it is quick, in processes where it would take long."""

import itertools
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from synthjax.core.clock import progress
from synthjax.data.parallel import ordered_map, worker_count

Batch = TypeVar("Batch")
Result = TypeVar("Result")
INLINE_SECONDS = 20.0  # of work that are not worth the start of processes


def run_batches(
    function: Callable[[Batch], list[Result]],
    batches: Iterable[Batch],
    *,
    total: int,
    desc: str,
    unit: str,
    workers: int,
    inline_seconds: float = INLINE_SECONDS,
) -> list[Result]:
    """Return the results of all batches, in order, with a progress bar.

    Args:
        function: returns a result for each item of a batch; must pickle, as must the
            batches.
        total: items in all.
        desc: what the bar says.
        unit: what the bar counts.
        workers: processes (0 = all cores), if the first batch tells that all of them
            would take long.
        inline_seconds: up to this much remaining work is done here.
    """
    results: list[Result] = []
    remaining = iter(batches)
    bar: progress = progress(total=total, desc=desc, unit=unit)
    begin = time.perf_counter()
    try:
        for batch in itertools.islice(remaining, 1):
            results += function(batch)
            bar.update(len(results))
        seconds = (time.perf_counter() - begin) / max(len(results), 1)
        quick = seconds * (total - len(results)) < inline_seconds
        count = 1 if quick else worker_count(workers)
        rest = ordered_map(function, remaining, count, processes=True)
        try:
            for part in rest:
                results += part
                bar.update(len(part))
        finally:
            rest.close()
    finally:
        bar.close()
    return results
