"""Where the time of an update goes: its kernels as they ran, by what they do."""

import collections
import itertools
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax

from synthjax.bench.kernels import kernels
from synthjax.core.devices import Devices
from synthjax.core.errors import StudyError

OTHER = "other kernels"  # everything that multiplies no matrices
BETWEEN = "between kernels"  # launches, waiting for another device or thread
_PRODUCTS = ("convolution", "matrix product")  # what a kind with FLOP ends in


@dataclass(frozen=True)
class KindTime:
    """All kernels of one kind: one call of a step, or a kimg of all steps."""

    kind: str  # as in bench/kernels.py; OTHER, BETWEEN
    seconds: float  # summed over this process's devices
    flop: float  # of products, likewise


def trace_step(
    step: Any,
    state: Any,
    batch: Any,
    rows: Any,
    devices: Devices,
) -> tuple[Any, list[KindTime]]:
    """Runs a compiled step once under the profiler.

    Args:
      step: compiled, and run before: a first call would be traced with what it sets up.
      state: donated to it.
      batch, rows: its other arguments.
      devices: what it runs on.

    Returns:
      The next state, and the kinds with their times, which add up to the call's
      seconds times the devices of this process.

    Raises:
      StudyError: the profiler saw none of the step's kernels.
    """
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            begin = time.monotonic()
            state = jax.block_until_ready(step(state, batch, rows))
            elapsed = time.monotonic() - begin
        intervals = _intervals(Path(folder))
    known = {kernel.name: kernel for kernel in kernels(step.as_text())}
    spent = shared_seconds((i for i in intervals if i[0] in known), devices.local_count)
    if not spent:
        raise StudyError(
            "the profiler saw no kernel of the step: on this platform, leave out "
            "--profile"
        )
    seconds: dict[str, float] = collections.defaultdict(float)
    flop: dict[str, float] = collections.defaultdict(float)
    for name, kernel in known.items():
        kind = kernel.kind if kernel.kind.endswith(_PRODUCTS) else OTHER
        seconds[kind] += spent.get(name, 0.0)
        flop[kind] += kernel.flop * kernel.calls * devices.local_count
    whole = elapsed * devices.local_count
    seconds[BETWEEN] = whole - sum(seconds.values())
    return state, [KindTime(kind, seconds[kind], flop[kind]) for kind in seconds]


def _intervals(folder: Path) -> list[tuple[str, float, float]]:
    """HLO instruction, begin and end in seconds of every kernel in a trace.

    A CPU's kernel may be done by other threads after its event is over: an event
    "end: NAME" that consumes what the first one produced says when.
    """
    found: list[tuple[str, float, float]] = []
    for path in folder.rglob("*.xplane.pb"):
        planes = jax.profiler.ProfileData.from_file(str(path)).planes
        lines = itertools.chain.from_iterable(plane.lines for plane in planes)
        events = [
            (event.name, dict(event.stats), event.start_ns, event.end_ns)
            for event in itertools.chain.from_iterable(line.events for line in lines)
        ]
        ended = {
            stats["_c"]: begin
            for name, stats, begin, _ in events
            if name.startswith("end: ") and "_c" in stats
        }
        for _, stats, begin, end in events:
            if "hlo_op" in stats:
                end = ended.get(stats.get("_p"), end)
                found.append((str(stats["hlo_op"]), begin * 1e-9, end * 1e-9))
    return found


def shared_seconds(
    intervals: Iterable[tuple[str, float, float]], lanes: int
) -> dict[str, float]:
    """Seconds of each name, where names that run at once share the lanes.

    Args:
      intervals: name, begin, end, in seconds; of all devices.
      lanes: devices: at most so many seconds are given out per second, and to a name
        at most one.
    """
    marks = sorted(
        itertools.chain.from_iterable(
            ((begin, 1, name), (end, -1, name)) for name, begin, end in intervals
        )
    )
    spent: dict[str, float] = collections.defaultdict(float)
    active: collections.Counter[str] = collections.Counter()
    before = 0.0
    for now, change, name in marks:
        if running := active.total():
            each = (now - before) * min(1.0, lanes / running)
            for other, count in active.items():
                spent[other] += each * count
        active[name] += change
        if not active[name]:
            del active[name]
        before = now
    return dict(spent)


def per_kimg(
    times: Mapping[str, Sequence[KindTime]], every: Mapping[str, int], batch_size: int
) -> list[KindTime]:
    """The steps' times together, each at its frequency, for a thousand real images.

    Args:
      times: name of a step -> its kinds, of one call.
      every: updates from one call of it to the next.
      batch_size: real images per update.
    """
    seconds: dict[str, float] = collections.defaultdict(float)
    flop: dict[str, float] = collections.defaultdict(float)
    for name, kinds in times.items():
        calls = 1000 / batch_size / every[name]
        for one in kinds:
            seconds[one.kind] += calls * one.seconds
            flop[one.kind] += calls * one.flop
    return [KindTime(kind, seconds[kind], flop[kind]) for kind in seconds]


def format_times(times: Iterable[KindTime], peak_flops: float) -> str:
    """A table: each kind's time, its share of the peak, and the points it costs.

    Args:
      times: all of an update or of a kimg.
      peak_flops: matrix product on one device, FLOP per second.
    """
    ordered = sorted(times, key=lambda one: one.seconds, reverse=True)
    whole = sum(one.seconds for one in ordered)
    rows = [("kernels", "time %", "peak %", "points lost")]
    for one in ordered:
        at_peak = one.flop / peak_flops
        reached = f"{100 * at_peak / one.seconds:.0f}" if one.flop else "-"
        lost = 100 * (one.seconds - at_peak) / whole
        share = f"{100 * one.seconds / whole:.0f}"
        rows.append((one.kind, share, reached, f"{lost:.0f}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join((first.ljust(widths[0]), *map(str.rjust, others, widths[1:])))
        for first, *others in rows
    )
