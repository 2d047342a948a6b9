"""How fast an update is on this machine, and how near to what the machine can do."""

import dataclasses
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax.stages import Compiled

from synthjax.bench.kernel_times import KindTime, per_kimg, trace_step
from synthjax.bench.kernels import kernels
from synthjax.bench.plan import FINDINGS, Plan
from synthjax.core.clock import say
from synthjax.core.compile import compile_ahead
from synthjax.core.devices import Devices
from synthjax.core.memory import device_peak_bytes, reset_peak, resident_bytes
from synthjax.gan.config import GanConfig, ResolvedConfig, check_batch
from synthjax.gan.presets import resolve

SECONDS = 8.0  # at least this long per step
DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}
_PEAK_SIZE = 2048  # side of the matrices whose product gives the machine's peak
_NETWORKS = ("discriminator", "generator")  # the steps that augmentation is part of


@dataclass(frozen=True)
class Speed:
    """The result of a benchmark; per real image shown to the discriminator."""

    model: str
    resolution: int  # px
    dtype: str  # of the blocks
    batch_size: int  # images per update, over all devices
    device_count: int
    seconds_per_kimg: float  # every update at its true frequency
    seconds: dict[str, float]  # of one call of each step
    parts: dict[str, float]  # seconds per kimg of each step, and of the augmentation
    flop_per_image: float  # counted in the compiled steps; 0 if unknown
    peak_flops: float  # matrix product of the dtype on all devices, FLOP per second
    mfu: float  # FLOP utilisation: achieved FLOP per second over that peak
    compile_seconds: float
    memory_estimate: int  # what was expected of `memory_peak` before the steps ran
    memory_peak: int  # bytes held at most, on one device or by the process on a CPU
    kinds: tuple[KindTime, ...] = ()  # of kernels, per kimg, if they were traced


def benchmark(
    config: GanConfig,
    *,
    resolution: int,
    channels: int,
    labels: int = FINDINGS,
    devices: Devices,
    seconds_each: float = SECONDS,
    trace: bool = False,
) -> Speed:
    """Times the steps of a config on random images.

    Prints what memory they need before they run.

    Args:
      config: the gan section; the presets fill in what it leaves open.
      resolution: of the images, pixels.
      channels: of the images.
      labels: findings per image.
      devices: what to run on.
      seconds_each: at least this long per step; the default gives a steady median.
      trace: run each step once more under the profiler, for `Speed.kinds`.

    Raises:
      StudyError: a batch that does not divide, a platform that cannot be traced.
    """
    config = resolve(config, resolution)
    check_batch(config, config.batch_size, device_count=devices.count)
    shape = {"resolution": resolution, "channels": channels, "labels": labels}
    plan = Plan(config, **shape, devices=devices)
    arguments = plan.arguments(plan.initial())
    begin = time.monotonic()
    steps = compile_ahead(plan.compilers(arguments))
    compile_seconds = time.monotonic() - begin
    estimate = _announce_peak(config, resolution, list(steps.values()), devices)
    reset_peak()
    state, seconds = _time_steps(steps, arguments, devices, seconds_each)
    memory_peak = device_peak_bytes()
    kinds = _trace_steps(steps, state, arguments, devices) if trace else {}
    scale = 1000 / config.batch_size
    parts = {name: scale * seconds[name] / plan.every[name] for name in seconds}
    total = sum(parts.values())
    if config.augment.mode != "none":
        plain = _time_without_augmentation(config, shape, devices, seconds_each)
        parts = split_augmentation(parts, plain, config.batch_size)
    flop = _update_flop(steps, plan.every, devices)
    peak_flops = _peak_flops(dtype_of(config), devices)
    return Speed(
        model=config.model,
        resolution=resolution,
        dtype=dtype_of(config),
        batch_size=config.batch_size,
        device_count=devices.count,
        seconds_per_kimg=total,
        seconds=seconds,
        parts=parts,
        flop_per_image=flop / config.batch_size,
        peak_flops=peak_flops,
        mfu=flop * scale / total / peak_flops,
        compile_seconds=compile_seconds,
        memory_estimate=estimate,
        memory_peak=memory_peak,
        kinds=tuple(per_kimg(kinds, plan.every, config.batch_size)),
    )


def dtype_of(config: ResolvedConfig) -> str:
    """Returns the dtype of the blocks of a resolved config."""
    return "bfloat16" if config.capabilities.bf16_from else "float32"


def memory_estimate(
    steps: Sequence[Compiled], *, beside_arguments: bool = False
) -> int:
    """Returns the bytes that the largest step needs on one device; 0 if unknown.

    Args:
      steps: compiled.
      beside_arguments: leave out the arguments, because they are there already.
    """
    needs = [0]
    for step in steps:
        memory = step.memory_analysis()
        if memory is not None:
            arguments = 0 if beside_arguments else memory.argument_size_in_bytes
            needs.append(
                arguments
                + memory.output_size_in_bytes
                + memory.temp_size_in_bytes
                - memory.alias_size_in_bytes
            )
    return max(needs)


def _expected_peak(steps: Sequence[Compiled], devices: Devices) -> int:
    """Returns what `device_peak_bytes` should be once the steps have run."""
    if devices.platform != "cpu":
        return memory_estimate(steps)
    more = memory_estimate(steps, beside_arguments=True)
    return resident_bytes() + devices.local_count * more


def count_flop(step: Compiled, devices: Devices) -> float:
    """Returns the FLOP of one call of a compiled step on one device; 0 if unknown."""
    if devices.platform in ("gpu", "cuda"):
        text = step.as_text() or ""
        return sum(kernel.calls * kernel.flop for kernel in kernels(text))
    return (step.cost_analysis() or {}).get("flops", 0.0)


def _update_flop(
    steps: Mapping[str, Compiled], every: Mapping[str, int], devices: Devices
) -> float:
    """Returns the FLOP of one update on all devices, each step at its frequency."""
    return devices.count * sum(
        count_flop(step, devices) / every[name] for name, step in steps.items()
    )


def predict_seconds(speed: Speed, resolution: int, larger: int) -> float:
    """Predicts how long the steps' calls at a larger resolution take, once compiled.

    Steps grow with the number of pixels and are called twice at least.
    """
    return 2 * sum(speed.seconds.values()) * (larger / resolution) ** 2


def matrix_peak(dtype: str = "float32", size: int = _PEAK_SIZE) -> float:
    """Measures the FLOP per second of a product of square matrices on one device."""
    a = jnp.ones((size, size), DTYPES[dtype])
    multiply = jax.jit(jnp.dot)
    jax.block_until_ready(multiply(a, a))
    best = float("inf")
    for _ in range(5):
        begin = time.monotonic()
        jax.block_until_ready([multiply(a, a) for _ in range(4)])
        best = min(best, (time.monotonic() - begin) / 4)
    return 2 * size**3 / best


def _peak_flops(dtype: str, devices: Devices) -> float:
    """Measures the peak of all devices together, in FLOP per second."""
    # The devices of a CPU share its cores, and one matrix product takes them all.
    return matrix_peak(dtype) * (1 if devices.platform == "cpu" else devices.count)


def _announce_peak(
    config: ResolvedConfig, resolution: int, steps: Sequence[Compiled], devices: Devices
) -> int:
    """Says what `device_peak_bytes` should be once the steps have run; returns it."""
    estimate = _expected_peak(steps, devices)
    if devices.is_main:
        say(
            f"gan: {config.model} {resolution} px, {dtype_of(config)}, batch "
            f"{config.batch_size} on {devices.count} {devices.platform} device(s): "
            f"estimated peak {estimate / 2**30:.2f} GiB "
            f"{'of this process' if devices.platform == 'cpu' else 'per device'}"
        )
    return estimate


def split_augmentation(
    parts: Mapping[str, float], plain: Mapping[str, float], batch_size: int
) -> dict[str, float]:
    """Takes the time of the augmentation out of the steps that it is part of.

    It is what these steps are faster by without it, and never less than nothing.

    Args:
      parts: seconds per kimg of each step.
      plain: seconds of one call without augmentation, of the steps that have it.
      batch_size: images per update.

    Returns:
      The parts, with one more, "augmentation".
    """
    split, augmentation = dict(parts), 0.0
    for name, seconds in plain.items():
        spent = max(0.0, parts[name] - 1000 / batch_size * seconds)
        split[name] -= spent
        augmentation += spent
    return {**split, "augmentation": augmentation}


def without_augmentation(config: ResolvedConfig) -> ResolvedConfig:
    """Returns a config that augments nothing, and is the same else."""
    augment = dataclasses.replace(config.augment, mode="none")
    return dataclasses.replace(config, augment=augment)


def _time_without_augmentation(
    config: ResolvedConfig, shape: dict[str, int], devices: Devices, seconds: float
) -> dict[str, float]:
    """Returns the seconds of one call of the steps that augmentation is part of."""
    plan = Plan(without_augmentation(config), **shape, devices=devices)
    arguments = plan.arguments(plan.initial())
    compilers = plan.compilers(arguments)
    steps = compile_ahead({name: compilers[name] for name in _NETWORKS})
    return _time_steps(steps, arguments, devices, seconds)[1]


def _time_steps(
    steps: Mapping[str, Compiled],
    arguments: tuple[Any, ...],
    devices: Devices,
    seconds: float,
) -> tuple[Any, dict[str, float]]:
    """Returns the last state, and the seconds of one call of each step."""
    state, batch, rows = arguments
    timed = {}
    for name, step in steps.items():
        state, timed[name] = _time_step(step, state, batch, rows, devices, seconds)
    return state, timed


def _trace_steps(
    steps: Mapping[str, Compiled],
    state: Any,
    arguments: tuple[Any, ...],
    devices: Devices,
) -> dict[str, list[KindTime]]:
    """Runs each step once under the profiler; returns the times of its kernels."""
    _, batch, rows = arguments
    kinds = {}
    for name, step in steps.items():
        state, kinds[name] = trace_step(step, state, batch, rows, devices)
    return kinds


def _time_step(
    step: Compiled, state: Any, batch: Any, rows: Any, devices: Devices, seconds: float
) -> tuple[Any, float]:
    """Returns the last state and the seconds of a call, a median of rounds of 0.5 s."""
    state = jax.block_until_ready(step(state, batch, rows))
    rounds: list[float] = []
    spent, calls = 0.0, 1
    while spent < seconds:
        begin = time.monotonic()
        for _ in range(calls):
            state = step(state, batch, rows)
            devices.wait(state)
        jax.block_until_ready(state)
        elapsed = time.monotonic() - begin
        rounds.append(elapsed / calls)
        spent += elapsed
        calls = max(1, round(0.5 / rounds[-1]))
    return state, statistics.median(rounds)
