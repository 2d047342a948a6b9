"""How fast an update is on this machine, and how near to what the machine can do."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from synthjax.core.clock import say
from synthjax.core.devices import Devices
from synthjax.gan.config import MODELS, GanConfig, check_batch
from synthjax.gan.grids import empty_cells
from synthjax.gan.state import build, make_optimizers
from synthjax.gan.steps import compile_steps, make_steps

_PEAK_SIZE = 2048  # side of the matrices whose product gives the machine's peak
_SECONDS = 8.0  # at least this long per step function


@dataclass(frozen=True)
class Speed:
    """The result of a benchmark; per real image shown to the discriminator."""

    seconds_per_kimg: float  # every update at its true frequency
    seconds: dict[str, float]  # of one call of each step
    flop_per_image: float  # XLA's count over the compiled steps; 0 if it has none
    peak_flops: float  # float32 matrix product on all devices, FLOP per second
    share_of_peak: float  # achieved FLOP per second over that peak
    compile_seconds: float


def benchmark(
    config: GanConfig,
    *,
    resolution: int,
    channels: int,
    labels: int,
    devices: Devices,
    seconds_each: float | None = None,
) -> Speed:
    """Times the steps of a config on random images and prints the result.

    Args:
      config: the gan section.
      resolution: of the images, pixels.
      channels: of the images.
      labels: findings per image.
      devices: what to run on.
      seconds_each: at least this long per step function; by default long enough for
        a steady median.
    """
    check_batch(config, device_count=devices.count)
    networks = MODELS[config.model](
        config, resolution=resolution, channels=channels, labels=labels
    )
    optimizers = make_optimizers(config)
    steps = make_steps(config, networks, optimizers, devices, seed=0)
    state = devices.replicate(build(networks, optimizers, 0))
    random = np.random.default_rng(0)
    local = config.batch_size // devices.process_count
    size = (local, resolution, resolution, channels)
    label = random.integers(0, 2, (local, labels)).astype(np.float32)
    pixels = random.integers(0, 256, size, dtype=np.uint8)
    batch = devices.shard({"pixels": pixels, "label": label})
    rows = devices.replicate(label)

    begin = time.monotonic()
    compile_steps(steps, state, batch, rows, empty_cells(labels, devices))
    compile_seconds = time.monotonic() - begin

    lazy = config.r1_every if config.r1_weight else 0
    parts = {
        "discriminator": (steps.discriminator, 1.0),
        "R1": (steps.regularizer, 1 / lazy if lazy else 0.0),
        "generator": (steps.generator, 1.0),
    }
    seconds, flop = {}, 0.0
    for name, (step, frequency) in parts.items():
        state, seconds[name] = _time_step(
            step, state, batch, rows, devices, seconds_each or _SECONDS
        )
        if devices.process_count == 1:
            flop += frequency * step.cost_analysis().get("flops", 0.0) * devices.count
    update = sum(frequency * seconds[name] for name, (_, frequency) in parts.items())
    # The devices of a CPU share its cores, and one matrix product takes them all.
    peak = matrix_peak() * (1 if devices.platform == "cpu" else devices.count)
    speed = Speed(
        seconds_per_kimg=update * 1000 / config.batch_size,
        seconds=seconds,
        flop_per_image=flop / config.batch_size,
        peak_flops=peak,
        share_of_peak=flop / update / peak,
        compile_seconds=compile_seconds,
    )
    if devices.is_main:
        _print(config, speed, resolution, devices)
    return speed


def _time_step(
    step: Callable[..., Any],
    state: Any,
    batch: Any,
    rows: Any,
    devices: Devices,
    seconds: float,
) -> tuple[Any, float]:
    """The last state, and the seconds of one call: the median of half-second rounds."""
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


def predict_seconds(speed: Speed, resolution: int, larger: int) -> float:
    """About how long the steps' calls at a larger resolution take, compilation aside.

    Steps grow with the number of pixels and are called twice at least.
    """
    return 2 * sum(speed.seconds.values()) * (larger / resolution) ** 2


def matrix_peak() -> float:
    """Measured FLOP per second of a large float32 matrix product on one device."""
    a = jnp.ones((_PEAK_SIZE, _PEAK_SIZE), jnp.float32)
    multiply = jax.jit(jnp.dot)
    jax.block_until_ready(multiply(a, a))
    best = float("inf")
    for _ in range(5):
        begin = time.monotonic()
        jax.block_until_ready([multiply(a, a) for _ in range(4)])
        best = min(best, (time.monotonic() - begin) / 4)
    return 2 * _PEAK_SIZE**3 / best


def _print(config: GanConfig, speed: Speed, resolution: int, devices: Devices) -> None:
    each = ", ".join(f"{k} {v * 1000:.0f} ms" for k, v in speed.seconds.items())
    say(
        f"gan benchmark: {config.model} {resolution} px, batch {config.batch_size}, "
        f"{devices.count} {devices.platform} device(s)\n"
        f"  {speed.seconds_per_kimg:.2f} s/kimg ({each}; R1 every {config.r1_every})\n"
        f"  {speed.flop_per_image / 1e9:.3f} GFLOP per image\n"
        f"  {100 * speed.share_of_peak:.0f}% of the measured float32 matrix-product "
        f"peak, {speed.peak_flops / 1e9:.0f} GFLOP/s\n"
        f"  {speed.compile_seconds:.1f} s compilation"
    )
