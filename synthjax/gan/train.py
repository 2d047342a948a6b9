"""Training a GAN: read top to bottom, from the devices to the loop."""

import contextlib
from pathlib import Path
from typing import Any

import jax
from jaxtyping import Array

from synthjax.core import signals
from synthjax.core.checkpoint import Checkpoints
from synthjax.core.clock import Clock, progress, say
from synthjax.core.config import plain
from synthjax.core.devices import Devices
from synthjax.core.logbook import Logbook
from synthjax.core.versions import versions
from synthjax.data.store.loader import Feed, make_feed, read_schema, read_split
from synthjax.gan.config import MODELS, GanConfig, check_batch
from synthjax.gan.finetune import load_compatible, read_source
from synthjax.gan.generator import CHECKPOINTS
from synthjax.gan.labels import make_label_sampler
from synthjax.gan.monitor.best import Best
from synthjax.gan.monitor.grids import empty_cells, grid_columns
from synthjax.gan.monitor.indicators import Indicators
from synthjax.gan.monitor.recorder import Recorder
from synthjax.gan.presets import resolve
from synthjax.gan.schedule import Phase, Timer, due, interval_elapsed, phase_at, phases
from synthjax.gan.state import (
    TrainState,
    build,
    create,
    ema_item,
    enter_phase,
    make_optimizers,
)
from synthjax.gan.steps import compile_steps, frequencies, make_steps
from synthjax.metrics.encoder import Encoder

__all__ = ["GanConfig", "train"]


def train(
    config: GanConfig,
    *,
    seed: int,
    data: Path,
    out: Path,
    devices: Devices,
    encoder: Encoder | None = None,
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
      encoder: of the early stop, if the config has one.

    Raises:
      StudyError: a batch that does not divide, a checkpoint of another architecture,
        a loss that is not finite, too many updates left out.
      Preempted: SIGTERM came and a checkpoint was saved.
    """
    # devices
    schema = read_schema(data)
    config = resolve(config, schema.resolution)
    run = phases(config, schema.resolution)
    for phase in run:
        check_batch(config, phase.batch_size, device_count=devices.count)

    # data
    table = read_split(data, "train", images=False)
    rows = devices.replicate(make_label_sampler(table.label))

    def make(phase: Phase) -> Feed:
        return make_feed(
            data,
            "train",
            batch_size=phase.batch_size,
            seed=seed,
            devices=devices,
            resident=config.resident,
        )

    # model
    shape = {"resolution": schema.resolution, "channels": schema.channels}
    networks = MODELS[config.model](config, **shape, labels=len(schema.labels))
    _warn_of_labels(config, len(schema.labels))

    # state
    optimizers = make_optimizers(config)
    start = config.augment.p
    like = jax.eval_shape(lambda: create(networks, optimizers, seed, start))

    # early stop
    best = None
    if encoder is not None:
        if config.early_stop.min_kimg >= config.kimg:
            say(
                f"gan: nothing will be compared: config.gan.early_stop.min_kimg="
                f"{config.early_stop.min_kimg:g} is not below kimg={config.kimg:g}"
            )
        best = Best(
            config.early_stop, encoder, data=data, out=out, seed=seed, devices=devices
        )

    # restore
    checkpoints = Checkpoints(out / CHECKPOINTS, keep=config.keep)
    latest = checkpoints.latest()
    seconds, position = 0.0, None
    if latest is None:
        state = build(networks, optimizers, seed, start)
        if config.init_from:
            state = _warm(config, state, schema.labels)
    else:
        restored = checkpoints.restore(latest, train=like, ema=ema_item(like))
        state, _, position, meta = restored
        seconds = meta["clock"]["seconds"]
        say(f"gan: going on from {meta['kimg']:.1f} kimg")
        if best and "early_stop" in meta:
            best.stopper.restore(meta["early_stop"])
    images, step = int(state.images), int(state.step)
    if images >= run[-1].end or (best and best.stopper.stopped):
        checkpoints.close()
        return

    # loop
    recorder = Recorder(
        config=config,
        devices=devices,
        clock=Clock(run[-1].end, done=images, seconds=seconds),
        logbook=Logbook(
            out,
            enabled=devices.is_main,
            resume_at=None if latest is None else images / 1000,
        ),
        checkpoints=checkpoints,
        columns=grid_columns(table.label),
        meta={
            "config": plain(config),
            "seed": seed,
            "labels": list(schema.labels),
            "versions": versions(),
            **shape,
        },
        indicators=Indicators(
            data, networks, devices, seed=seed, label_loss=config.label_loss
        )
        if config.indicators
        else None,
        best=best,
    )
    if devices.is_main:
        recorder.head(data, out)
    cells = empty_cells(len(schema.labels), devices)
    timer = Timer(config.checkpoint_minutes)
    every = frequencies(config)
    bar: progress[Any] = progress(
        total=run[-1].end, done=images, desc="gan", unit="img"
    )
    with contextlib.closing(recorder), signals.deferred() as signal:
        for phase in run[phase_at(run, images).index :]:
            feed = make(phase)
            # A growing network's batches change, so its place follows from the images.
            if position is None or len(run) > 1:
                place = -(-images // phase.batch_size)
                position = {"batch": place, "batch_size": phase.batch_size}
            feed.restore(position)
            state = devices.replicate(enter_phase(state, optimizers, phase.index))
            steps = make_steps(config, networks, optimizers, devices, seed, phase)
            with recorder.clock.pause():
                compile_steps(steps, state, _peek(feed), rows, cells)
            if recorder.indicators:
                recorder.indicators.enter(phase)
            if best:
                best.enter(phase, steps, schema.resolution)
            updates = steps.updates()
            if images == 0:
                recorder.grid(steps, state, images)
            while images < phase.end:
                batch = feed.next()
                for name, update in updates.items():
                    if due(every[name], step):
                        state = update(state, batch, rows)
                        devices.wait(state)
                before, images, step = images, images + phase.batch_size, step + 1
                recorder.clock.tick(images)
                bar.update(phase.batch_size)

                last = images >= run[-1].end
                if best and best.due(before, images):
                    last |= recorder.look(state, images, step, feed.position())
                tick = last or interval_elapsed(before, images, config.tick_kimg)
                if tick:
                    state = recorder.tick(state, images, step)
                if last or interval_elapsed(before, images, config.grid_kimg):
                    recorder.grid(steps, state, images)
                stop = devices.agree(signal.requested, asking=tick)
                late = devices.agree(timer.due(), asking=tick)
                saves = interval_elapsed(before, images, config.checkpoint_kimg)
                if last or stop or late or saves:
                    recorder.save(state, images, step, feed.position())
                    timer.restart()
                if stop and not last:
                    raise signals.Preempted  # once the checkpoint is on disk
                if last:
                    break
    bar.close()


def _peek(feed: Feed) -> dict[str, Array]:
    """The next batch, which stays the next."""
    position = feed.position()
    batch = feed.next()
    feed.restore(position)
    return batch


def _warm(config: GanConfig, state: TrainState, labels: tuple[str, ...]) -> TrainState:
    """The state with what fits of another study's networks."""
    source = read_source(Path(config.init_from), config.init_step)
    trees = {
        "generator": state.generator,
        "discriminator": state.discriminator,
        "ema": state.ema,
    }
    taken, warm_start = load_compatible(
        trees, source.params, labels=(labels, source.labels)
    )
    say(f"gan: weights of {config.init_from} at {source.kimg:.1f} kimg")
    say(warm_start.report())
    return state.replace(**taken)


def _warn_of_labels(config: GanConfig, count: int) -> None:
    """Says so when a labelled set is trained without its labels counting."""
    unused = config.model == "stylegan2" and config.stylegan2.conditioning == "none"
    if count and unused and not config.label_weight:
        say(
            f"gan: the set has {count} labels, but the discriminator is not shown them: "
            "config.gan.stylegan2.conditioning=none and label_weight=0. The synthetic "
            "images will not follow their labels"
        )
