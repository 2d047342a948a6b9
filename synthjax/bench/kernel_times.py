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
from jax.stages import Compiled

from synthjax.bench.kernels import kernels
from synthjax.core.devices import Devices
from synthjax.core.errors import StudyError
from synthjax.core.table import format_table

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
    step: Compiled,
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
    known = {kernel.name: kernel for kernel in kernels(step.as_text() or "")}
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
    """Returns HLO instruction, begin and end in seconds of every kernel in a trace.

    A CPU's kernel may be done by other threads after its event is over: an event
    "end: NAME" that consumes what the first one produced says when.
    """
    intervals: list[tuple[str, float, float]] = []
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
                intervals.append((str(stats["hlo_op"]), begin * 1e-9, end * 1e-9))
    return intervals


def shared_seconds(
    intervals: Iterable[tuple[str, float, float]], lanes: int
) -> dict[str, float]:
    """Returns the seconds of each name; names that run at once share the lanes.

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
            share = (now - before) * min(1.0, lanes / running)
            for other, count in active.items():
                spent[other] += share * count
        active[name] += change
        if not active[name]:
            del active[name]
        before = now
    return dict(spent)


def per_kimg(
    times: Mapping[str, Sequence[KindTime]], every: Mapping[str, int], batch_size: int
) -> list[KindTime]:
    """Adds up the steps' times, each at its frequency, for a thousand real images.

    Args:
      times: name of a step -> its kinds, of one call.
      every: updates from one call of it to the next.
      batch_size: real images per update.
    """
    seconds: dict[str, float] = collections.defaultdict(float)
    flop: dict[str, float] = collections.defaultdict(float)
    for name, kinds in times.items():
        calls = 1000 / batch_size / every[name]
        for each in kinds:
            seconds[each.kind] += calls * each.seconds
            flop[each.kind] += calls * each.flop
    return [KindTime(kind, seconds[kind], flop[kind]) for kind in seconds]


def format_times(times: Iterable[KindTime], peak_flops: float) -> str:
    """Returns a table of each kind's time, its MFU, and the MFU gap that it leaves.

    Args:
      times: all of an update or of a kimg.
      peak_flops: matrix product on one device, FLOP per second.
    """
    ordered = sorted(times, key=lambda spent: spent.seconds, reverse=True)
    whole = sum(spent.seconds for spent in ordered)
    rows = []
    for spent in ordered:
        at_peak = spent.flop / peak_flops
        mfu = f"{100 * at_peak / spent.seconds:.0f}" if spent.flop else "-"
        gap = f"{100 * (spent.seconds - at_peak) / whole:.0f}"
        rows.append((spent.kind, f"{100 * spent.seconds / whole:.0f}", mfu, gap))
    return format_table(("kernels", "time %", "MFU %", "MFU gap"), rows, align="lr")
