"""Training a GAN: read top to bottom, from the devices to the loop."""

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from synthjax.core import signals
from synthjax.core.checkpoint import Checkpoints
from synthjax.core.clock import Clock, progress, say
from synthjax.core.devices import Devices
from synthjax.core.logbook import Logbook
from synthjax.data.dataset import Dataset
from synthjax.data.store.feed import Feed
from synthjax.gan.compiled import Batch, compile_steps
from synthjax.gan.config import GanConfig, ResolvedConfig, check_batch
from synthjax.gan.generator import BEST, CHECKPOINTS
from synthjax.gan.labels import make_label_sampler
from synthjax.gan.models import make_networks
from synthjax.gan.monitor.early_stop import make_early_stopping
from synthjax.gan.monitor.grids import empty_cells, grid_columns
from synthjax.gan.monitor.indicators import Indicators
from synthjax.gan.monitor.recorder import Recorder
from synthjax.gan.presets import resolve
from synthjax.gan.run import Run, restore, settings
from synthjax.gan.schedule import (
    Phase,
    Position,
    Timer,
    interval_elapsed,
    is_due,
    phase_at,
    phases,
    update_intervals,
)
from synthjax.gan.state import TrainState, enter_phase, make_optimizers, zero_totals
from synthjax.gan.step import make_steps

__all__ = ["GanConfig", "train"]


def train(
    config: GanConfig, *, seed: int, data: Path, out: Path, devices: Devices
) -> None:
    """Trains a GAN on the training split, or goes on with what `out` holds.

    Writes config.json, metrics.jsonl, samples/, checkpoints/<step>/ and, with an early
    stop, best/<step>/ to `out`.

    Args:
      config: the gan section.
      seed: of the study; the same seed, data and devices give the same run, bit for
        bit on a CPU, interrupted or not.
      data: a data directory.
      out: the gan directory.
      devices: what to train on.

    Raises:
      ConfigError: a weight that the model or the loss has no use for.
      StudyError: a batch that does not divide, a checkpoint of another architecture or
        of other settings, a loss that is not finite, too many updates left out.
      Preempted: SIGTERM came and a checkpoint was saved.
    """
    # devices
    dataset = Dataset.open(data)
    schema = dataset.schema
    resolved, seed = resolve(config, schema.resolution), seed + config.seed
    for phase in phases(resolved, schema.resolution):
        check_batch(resolved, phase.batch_size, device_count=devices.count)

    # data
    label = dataset.table("train", images=False).label
    sampler = devices.replicate(make_label_sampler(label))

    # model
    shape = {"resolution": schema.resolution, "channels": schema.channels}
    networks = make_networks(resolved, **shape, labels=len(schema.labels))
    _warn_of_labels(resolved, len(schema.labels))

    # state
    optimizers = make_optimizers(resolved)
    early_stop = make_early_stopping(resolved, dataset, seed=seed, devices=devices)
    run = Run(
        config=resolved,
        seed=seed,
        dataset=dataset,
        sampler=sampler,
        networks=networks,
        optimizers=optimizers,
        early_stop=early_stop,
        devices=devices,
    )

    # restore
    checkpoints = Checkpoints(out / CHECKPOINTS, keep=resolved.keep)
    state, position, clock = restore(run, checkpoints)
    if position.images >= run.end or (early_stop and early_stop.stopped):
        checkpoints.close()
        return

    # loop
    resume_at = None if checkpoints.latest() is None else position.kimg
    logbook = Logbook(out, enabled=devices.is_main, resume_at=resume_at)
    best = Checkpoints(out / BEST, keep=2) if early_stop else None
    recorder = _make_recorder(run, label, clock, logbook, checkpoints, best)
    if devices.is_main:
        recorder.write_header(dataset, out)
    timer = Timer(resolved.checkpoint_minutes)
    bar: progress[Any] = progress(
        total=run.end, done=position.images, desc="gan", unit="img"
    )
    with contextlib.closing(recorder), signals.deferred() as signal:
        for phase in run.phases[phase_at(run.phases, position.images).index :]:
            state, position = train_phase(
                run, phase, state, position, recorder, timer, bar, signal
            )
    bar.close()


def train_phase(
    run: Run,
    phase: Phase,
    state: TrainState,
    position: Position,
    recorder: Recorder,
    timer: Timer,
    bar: progress[Any],
    signal: signals.StopSignal,
) -> tuple[TrainState, Position]:
    """Trains to the end of a phase, or until the early stop ends it."""
    config, devices, early_stop = run.config, run.devices, run.early_stop
    feed = _open_feed(run, phase, position)
    state = devices.replicate(enter_phase(state, run.optimizers, phase.index))
    steps = make_steps(config, run.networks, run.optimizers, devices, run.seed, phase)
    with recorder.clock.pause():
        cells = empty_cells(run.networks.labels, devices)
        compile_steps(steps, state, _peek(feed), run.sampler, cells)
    recorder.set_phase(phase)
    if early_stop:
        early_stop.set_phase(phase, steps.grid)
    intervals, updates = update_intervals(config), steps.updates()
    if position.images == 0:
        recorder.log_grid(steps, state, position)
    while position.images < phase.end:
        batch = feed.next()
        for name, update in updates.items():
            if is_due(intervals[name], position.step):
                state = update(state, batch, run.sampler)
                devices.wait(state)
        before, position = position.images, position.after(phase.batch_size)
        recorder.clock.tick(position.images)
        bar.update(phase.batch_size)

        last = position.images >= run.end
        if early_stop and early_stop.should_evaluate(before, position.images):
            last |= recorder.evaluate(state, position)
        tick = last or interval_elapsed(before, position.images, config.tick_kimg)
        if tick:
            recorder.log_tick(state, position)
            state = state.replace(totals=devices.replicate(zero_totals()))
        if last or interval_elapsed(before, position.images, config.grid_kimg):
            recorder.log_grid(steps, state, position)
        stop = devices.agree(signal.requested, asking=tick)
        late = devices.agree(timer.due(), asking=tick)
        saves = interval_elapsed(before, position.images, config.checkpoint_kimg)
        if last or stop or late or saves:
            recorder.save(state, position)
            timer.restart()
        if stop and not last:
            raise signals.Preempted  # once the checkpoint is on disk
        if last:
            break
    return state, position


def _open_feed(run: Run, phase: Phase, position: Position) -> Feed:
    """Returns the feed of a phase at a position."""
    feed = run.dataset.feed(
        "train",
        batch_size=phase.batch_size,
        seed=run.seed,
        devices=run.devices,
        resident=run.config.resident,
    )
    feed.restore(position.in_feed(phase.batch_size))
    return feed


def _make_recorder(
    run: Run,
    label: Float[np.ndarray, "n y"],
    clock: Clock,
    logbook: Logbook,
    checkpoints: Checkpoints,
    best: Checkpoints | None,
) -> Recorder:
    indicators = None
    if run.config.indicators:
        indicators = Indicators(
            run.dataset,
            run.networks,
            run.devices,
            seed=run.seed,
            label_loss=run.config.label_loss,
        )
    return Recorder(
        config=run.config,
        devices=run.devices,
        clock=clock,
        logbook=logbook,
        checkpoints=checkpoints,
        best=best,
        columns=grid_columns(label),
        meta=settings(run),
        indicators=indicators,
        early_stop=run.early_stop,
    )


def _peek(feed: Feed) -> Batch:
    """Returns the next batch, which stays the next."""
    position = feed.position()
    batch = feed.next()
    feed.restore(position)
    return batch


def _warn_of_labels(config: ResolvedConfig, count: int) -> None:
    """Says so when a labelled set is trained without its labels counting."""
    if (
        count
        and not config.capabilities.has_conditional_logit
        and not config.label_weight
    ):
        say(
            f"gan: the set has {count} labels, but the discriminator is not shown them: "
            f"the logit of model={config.model} does not depend on them and "
            "config.gan.label_weight=0. The synthetic images will not follow their "
            "labels"
        )
