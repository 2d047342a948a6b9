"""Training a GAN: read top to bottom, from the devices to the loop."""

import contextlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float

from synthjax.core import signals
from synthjax.core.checkpoint import Checkpoints
from synthjax.core.clock import Clock, duration, progress, say
from synthjax.core.config import plain
from synthjax.core.devices import Devices
from synthjax.core.errors import StudyError
from synthjax.core.files import write_json
from synthjax.core.logbook import Logbook
from synthjax.core.memory import peak_bytes
from synthjax.core.study import versions
from synthjax.data.loader import Feed, make_feed, read_schema, read_split
from synthjax.gan.config import MODELS, GanConfig, check_batch
from synthjax.gan.generator import CHECKPOINTS
from synthjax.gan.grids import empty_cells, grid_columns, real_grid, synthetic_grid
from synthjax.gan.schedule import Timer, crossed, phases, regularizes
from synthjax.gan.state import (
    TrainState,
    build,
    create,
    ema_item,
    make_optimizers,
    no_totals,
    tick_means,
)
from synthjax.gan.steps import Steps, compile_steps, make_steps

__all__ = ["GanConfig", "train"]


def train(
    config: GanConfig, *, seed: int, data: Path, out: Path, devices: Devices
) -> None:
    """Trains a GAN on the training split, or goes on with what `out` holds.

    Writes config.json, metrics.jsonl, samples/ and checkpoints/<step>/ to `out`.

    Args:
      config: the gan section.
      seed: of every random stream; the same seed, data and devices give the same
        run, bit for bit on a CPU, interrupted or not.
      data: a data directory.
      out: the gan directory.
      devices: what to train on.

    Raises:
      StudyError: a batch that does not divide, a checkpoint of another architecture,
        a loss that is not finite.
      Preempted: SIGTERM came and a checkpoint was saved.
    """
    # devices
    check_batch(config, device_count=devices.count)

    # data
    schema = read_schema(data)
    shape = {"resolution": schema.resolution, "channels": schema.channels}
    table = read_split(data, "train", images=False)
    (phase,) = phases(config, schema.resolution)
    feed = make_feed(
        data,
        "train",
        batch_size=phase.batch_size,
        seed=seed,
        devices=devices,
        resident=config.resident,
    )
    rows = devices.replicate(table.label)

    # model
    networks = MODELS[config.model](config, **shape, labels=len(schema.labels))

    # state
    optimizers = make_optimizers(config)
    like = jax.eval_shape(lambda: create(networks, optimizers, seed))

    # steps
    steps = make_steps(config, networks, optimizers, devices, seed)

    # restore
    checkpoints = Checkpoints(out / CHECKPOINTS, keep=config.keep)
    latest = checkpoints.latest()
    seconds = 0.0
    if latest is None:
        state = build(networks, optimizers, seed)
    else:
        restored = checkpoints.restore(latest, train=like, ema=ema_item(like))
        state, _, position, meta = restored
        feed.restore(position)
        seconds = meta["clock"]["seconds"]
        say(f"gan: going on from {meta['kimg']:.1f} kimg")
    images, step = int(state.images), int(state.step)
    if images >= phase.end:
        checkpoints.close()
        return
    state = devices.replicate(state)

    # loop
    meta = {
        "config": plain(config),
        "seed": seed,
        "labels": list(schema.labels),
        "versions": versions(),
        **shape,
    }
    logbook = Logbook(
        out,
        enabled=devices.is_main,
        resume_at=None if latest is None else images / 1000,
    )
    cells = empty_cells(len(schema.labels), devices)
    compile_steps(steps, state, _peek(feed), rows, cells)
    clock = Clock(phase.end, done=images, seconds=seconds)
    run = _Run(
        config=config,
        devices=devices,
        steps=steps,
        feed=feed,
        clock=clock,
        logbook=logbook,
        checkpoints=checkpoints,
        columns=grid_columns(table.label),
        meta=meta,
    )
    if devices.is_main:
        run.write_head(data, out)
    if latest is None:
        run.grid(state, images)
    timer = Timer(config.checkpoint_minutes)
    bar: progress[Any] = progress(total=phase.end, done=images, desc="gan", unit="img")
    with contextlib.closing(run), signals.deferred() as signal:
        while images < phase.end:
            batch = feed.next()
            state = steps.discriminator(state, batch, rows)
            devices.wait(state)
            if regularizes(config, step):
                state = steps.regularizer(state, batch, rows)
                devices.wait(state)
            state = steps.generator(state, batch, rows)
            devices.wait(state)
            before, images, step = images, images + phase.batch_size, step + 1
            clock.tick(images)
            bar.update(phase.batch_size)

            last = images >= phase.end
            tick = last or crossed(before, images, config.tick_kimg)
            if tick:
                state = run.tick(state, images, step)
            if last or crossed(before, images, config.grid_kimg):
                run.grid(state, images)
            stop = devices.agree(signal.requested, asking=tick)
            late = devices.agree(timer.due(), asking=tick)
            if last or stop or late or crossed(before, images, config.checkpoint_kimg):
                run.save(state, images, step)
                timer.restart()
            if stop and not last:
                raise signals.Preempted  # once the checkpoint is on disk
    bar.close()


def _peek(feed: Feed) -> dict[str, Array]:
    """The next batch, which stays the next."""
    position = feed.position()
    batch = feed.next()
    feed.restore(position)
    return batch


@dataclass(frozen=True)
class _Run:
    """What the loop does now and then; holds no state of the training."""

    config: GanConfig
    devices: Devices
    steps: Steps
    feed: Feed
    clock: Clock
    logbook: Logbook
    checkpoints: Checkpoints
    columns: Float[np.ndarray, "columns y"]  # label combinations of the grid
    meta: dict[str, Any]  # what every checkpoint says of the run

    def write_head(self, data: Path, out: Path) -> None:
        """Writes what stays the same: the config, the grid's labels, real images."""
        rows = self.config.grid_rows
        values = [
            [None if np.isnan(value) else float(value) for value in column]
            for column in self.columns
        ]
        sheet = {"labels": self.meta["labels"], "columns": values, "rows": rows}
        write_json(out / "config.json", self.meta["config"])
        write_json(out / "samples/labels.json", sheet)
        self.logbook.image("samples/real", real_grid(data, self.columns, rows))

    def tick(self, state: TrainState, images: int, step: int) -> TrainState:
        """Logs the means since the last tick, and begins the next one."""
        means = tick_means(state.totals)
        self._require_finite(means, step)
        kimg, clock = images / 1000, self.clock
        memory, pace = _memory_gib(), 1000 / max(clock.rate, 1e-9)
        self.logbook.write(
            kimg=kimg,
            **means,
            seconds=clock.seconds,
            seconds_per_kimg=pace,
            memory_gib=memory,
        )
        if self.devices.is_main:
            penalty = f"  R1 {means['r1']:.4f}" if "r1" in means else ""
            say(
                f"gan: {kimg:.1f} of {self.clock.total / 1000:.1f} kimg"
                f"  {1 / pace:.3f} kimg/s ({pace:.2f} s/kimg)"
                f"  loss D {means['loss_discriminator']:.3f}"
                f" G {means['loss_generator']:.3f}{penalty}"
                f"  {memory:.1f} GiB  {duration(clock.eta)} left"
            )
        return state.replace(totals=self.devices.replicate(no_totals()))

    def grid(self, state: TrainState, images: int) -> None:
        """Writes a sheet of samples of the averaged generator."""
        with self.clock.pause():
            sheet = synthetic_grid(
                self.steps.grid,
                ema_item(state),
                self.columns,
                self.config.grid_rows,
                self.devices,
            )
            self.logbook.image(f"samples/{images // 1000:06d}", sheet)

    def save(self, state: TrainState, images: int, step: int) -> None:
        """Starts a checkpoint, unless the state is not worth keeping."""
        self._require_finite(tick_means(state.totals), step)
        with self.clock.pause():
            self.checkpoints.save(
                step,
                train=state,
                ema=ema_item(state),
                data=self.feed.position(),
                meta=self.meta
                | {
                    "step": step,
                    "images": images,
                    "kimg": images / 1000,
                    "clock": self.clock.state(),
                },
            )

    def close(self) -> None:
        """Waits for the checkpoints and closes the files."""
        self.checkpoints.wait()
        self.checkpoints.close()
        self.logbook.close()

    def _require_finite(self, means: dict[str, float], step: int) -> None:
        for name, value in means.items():
            if math.isfinite(value):
                continue
            self.checkpoints.wait()
            kept = self.checkpoints.latest()
            raise StudyError(
                f"the GAN diverged: {name} is {value} at step {step}, within the "
                f"updates before batch {self.feed.position()}. "
                f"{'No checkpoint was saved' if kept is None else f'Checkpoint {kept} is kept'}"
                ". Lower config.gan.generator_learning_rate and "
                "discriminator_learning_rate or raise config.gan.r1_weight"
            )


def _memory_gib() -> float:
    """Peak memory so far: of the first device, or of this process on a CPU."""
    stats = jax.local_devices()[0].memory_stats()
    if stats and "peak_bytes_in_use" in stats:
        return stats["peak_bytes_in_use"] / 2**30
    return peak_bytes() / 2**30
