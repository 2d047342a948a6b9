"""Whether the input path keeps up with the training step, as a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synthjax.bench.benchmark import benchmark, predict_seconds
from synthjax.bench.input import (
    ROUNDS,
    SECONDS,
    InputSpeed,
    measure_input,
    three_digits,
)
from synthjax.bench.variants import variant
from synthjax.core.errors import StudyError
from synthjax.core.table import format_table
from synthjax.data.images.pixels import RESOLUTIONS
from synthjax.gan.config import GanConfig
from synthjax.gan.presets import resolve

SIZES = (32, 128, 512, 1024)  # resolutions that are compared by default, pixels
STEP_SECONDS = 8.0  # steps whose few calls would take longer are not measured

_LEGEND = f"""\
Rates are images/s. Input: the best of {ROUNDS} times {SECONDS} s or more, on `images` images of
`KB/image` in files that the system has in memory. threads: read and decoded; resident:
gathered on the device, for splits of up to (fit) images; step: the whole training step
of the GAN, "<=" where it is too slow to measure: then the rate at a lower resolution,
whose layers it has as well. input/step is of all threads.
ample: 2 or more; enough: 1 or more; resident: the resident path alone keeps up; limits:
neither does; unknown: below the bound of a step that was not measured.
On a CPU step and threads share the cores: the input takes 1 / (1 + input/step)."""


@dataclass(frozen=True)
class StepSpeed:
    """Images per second that a training step consumes at one resolution."""

    rate: float
    measured: bool = True  # False: the true rate is at most this


def check_sizes(sizes: Sequence[int]) -> None:
    """Raises StudyError if a size comes twice or sets cannot have it."""
    for size in sizes:
        if size not in RESOLUTIONS:
            known = ", ".join(map(str, RESOLUTIONS))
            raise StudyError(f"the resolution {size} must be one of {known}")
    if len(set(sizes)) < len(sizes):
        raise StudyError(
            "the input is compared with one step at each resolution; choose one model, "
            "dtype and batch, and each resolution once"
        )


def compare_with_step(
    chosen: Sequence[tuple[GanConfig, int]],
    resolution: int,
    *,
    bits: int,
    step_seconds: float = STEP_SECONDS,
    seconds_each: float = 1.0,
    **images: Any,
) -> str:
    """Measures the input at every size, and the step as far as the time allows.

    Args:
      chosen: a gan section and a resolution in pixels to measure at, ascending.
      resolution: of the study, pixels; its batch is that of all.
      bits: of a pixel, 8 or 16.
      step_seconds: a step whose few calls would take longer gets a bound instead.
      seconds_each: at least this long per step.
      **images: `channels` and `devices`, as `benchmark` takes them.

    Returns:
      The table, with what its words mean.

    Raises:
      StudyError: a size comes twice, or is not a resolution that sets have.
    """
    sizes = [size for _, size in chosen]
    check_sizes(sizes)
    batches = [resolve(config, resolution).batch_size for config, _ in chosen]
    inputs = [
        measure_input(size, bits=bits, batch_size=batch, **images)
        for size, batch in zip(sizes, batches, strict=True)
    ]
    chosen = [
        (variant(config, batch_size=batch), size)
        for (config, size), batch in zip(chosen, batches, strict=True)
    ]
    steps: dict[int, StepSpeed] = {}
    speed, last = None, 0
    for config, size in chosen:
        if speed and predict_seconds(speed, last, size) > step_seconds:
            steps[size] = StepSpeed(1000 / speed.seconds_per_kimg, measured=False)
            continue
        speed = benchmark(config, resolution=size, seconds_each=seconds_each, **images)
        last, steps[size] = size, StepSpeed(1000 / speed.seconds_per_kimg)
    return format_inputs(inputs, steps)


def format_inputs(speeds: Sequence[InputSpeed], steps: Mapping[int, StepSpeed]) -> str:
    """Returns a table with a row for each resolution, and what its words mean.

    Args:
      speeds: of the input path, at one or more resolutions.
      steps: resolution -> what the training step consumes, where it is known.
    """
    headers = (
        *("px", "images", "KB/image", "1 thread", f"{speeds[0].threads} threads"),
        *("scaling", "resident", "(fit)", "step", "input/step", "input is"),
    )
    rows = [
        (
            str(speed.resolution),
            str(speed.images),
            three_digits(speed.stored_kb),
            *map(three_digits, (speed.single, speed.streaming)),
            f"{speed.scaling:.2f}",
            three_digits(speed.resident),
            str(speed.fitting),
            *_beside(speed, steps.get(speed.resolution)),
        )
        for speed in speeds
    ]
    return f"{format_table(headers, rows)}\n\n{_LEGEND}"


def _beside(speed: InputSpeed, step: StepSpeed | None) -> tuple[str, str, str]:
    """Returns the cells that compare the input with the step."""
    if step is None:
        return "-", "-", "-"
    at_most, at_least = ("", "") if step.measured else ("<= ", ">= ")
    return (
        at_most + three_digits(step.rate),
        at_least + three_digits(speed.streaming / step.rate),
        sufficiency(speed, step),
    )


def sufficiency(speed: InputSpeed, step: StepSpeed) -> str:
    """Says in one word whether the input keeps up with the training step."""
    if speed.streaming >= 2 * step.rate:
        return "ample"
    if speed.streaming >= step.rate:
        return "enough"
    if not step.measured:
        return "unknown"
    return "resident" if speed.resident >= step.rate else "limits"
