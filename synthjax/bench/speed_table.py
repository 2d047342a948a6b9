"""The table of what a benchmark has measured."""

from collections.abc import Mapping, Sequence

from synthjax.bench.benchmark import Speed
from synthjax.bench.kernel_times import format_times
from synthjax.core.table import format_table

_LEGEND = """\
s/kimg: of all updates at their true frequency; D, G, R1, path and augment are its
parts, input comes beside them (files to device, all threads; "-": not measured).
peak: GiB that one device, or this process on a CPU, held at most; estimate: what the
compiled steps said of it before they ran. MFU %: FLOP utilisation, of the measured
matrix product of the dtype. GFLOP: per image, counted in the compiled steps."""

_TRACE_LEGEND = """\
Kernels: one call of each step was traced, and counts at its true frequency. time %: of
what the devices spent; MFU %: of the matrix product's FLOP/s, reached in that time;
MFU gap: what the kind takes of 100 % MFU, in percent. On a CPU a backward-input
convolution of stride 1 is among the forward ones, being the same kernel, and one of
stride 2 may be an upsampling of the generator."""

_HEADERS = (
    *("model", "px", "dtype", "batch", "s/kimg", "images/s", "D", "G", "R1", "path"),
    *("augment", "input", "estimate", "peak", "compile s", "GFLOP", "MFU %"),
)
_PARTS = ("discriminator", "generator", "R1", "path length", "augmentation")


def format_speeds(speeds: Sequence[Speed], inputs: Mapping[int, float]) -> str:
    """Returns a row for each measurement, then the kernels of those that were traced.

    Args:
      speeds: what was measured.
      inputs: resolution -> images per second of the input path, where it is known.
    """
    rows = [_row(speed, inputs.get(speed.resolution)) for speed in speeds]
    peaks = {speed.dtype: speed.peak_flops for speed in speeds}
    products = ", ".join(f"{v / 1e9:.0f} GFLOP/s {k}" for k, v in peaks.items())
    lines = [format_table(_HEADERS, rows), "", _LEGEND, f"Matrix product: {products}."]
    traced = [speed for speed in speeds if speed.kinds]
    for speed in traced:
        which = f"{speed.model}, {speed.resolution} px, {speed.dtype}"
        lines += ["", f"{which}, batch {speed.batch_size}:"]
        lines += [format_times(speed.kinds, speed.peak_flops / speed.device_count)]
    return "\n".join(lines + (["", _TRACE_LEGEND] if traced else []))


def _row(speed: Speed, input_rate: float | None) -> tuple[str, ...]:
    return (
        speed.model,
        str(speed.resolution),
        speed.dtype,
        str(speed.batch_size),
        f"{speed.seconds_per_kimg:.2f}",
        f"{1000 / speed.seconds_per_kimg:.1f}",
        *(_seconds(speed.parts.get(name)) for name in _PARTS),
        _seconds(1000 / input_rate if input_rate else None),
        f"{speed.memory_estimate / 2**30:.2f}",
        f"{speed.memory_peak / 2**30:.2f}",
        f"{speed.compile_seconds:.0f}",
        f"{speed.flop_per_image / 1e9:.2f}",
        f"{100 * speed.mfu:.0f}",
    )


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
