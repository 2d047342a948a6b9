"""What a GAN's training loop leaves now and then: metrics, grids, checkpoints."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from synthjax.core.checkpoint import Checkpoints
from synthjax.core.clock import Clock, duration, say
from synthjax.core.devices import Devices
from synthjax.core.errors import StudyError
from synthjax.core.files import write_json
from synthjax.core.logbook import Logbook
from synthjax.core.memory import device_peak_bytes
from synthjax.gan.config import GanConfig
from synthjax.gan.monitor.best import Best
from synthjax.gan.monitor.grids import real_grid, synthetic_grid
from synthjax.gan.monitor.indicators import Indicators
from synthjax.gan.state import TrainState, ema_item, tick_means, zero_totals
from synthjax.gan.steps import Steps


@dataclass(frozen=True)
class Recorder:
    """Writes what a person or a resumed run needs; holds no state of the training."""

    config: GanConfig  # resolved
    devices: Devices
    clock: Clock
    logbook: Logbook
    checkpoints: Checkpoints
    columns: Float[np.ndarray, "columns y"]  # label combinations of the grid
    meta: dict[str, Any]  # what every checkpoint says of the run
    indicators: Indicators | None = None
    best: Best | None = None  # None: no early stop

    def head(self, data: Path, out: Path) -> None:
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
        skipped = int(state.skipped)
        for network in ("discriminator", "generator"):  # one of them stands still
            means.setdefault(f"loss_{network}", math.nan)
        self._require_sound(means, skipped, step)
        kimg, clock = images / 1000, self.clock
        memory, pace = device_peak_bytes() / 2**30, 1000 / max(clock.rate, 1e-9)
        self.logbook.write(
            kimg=kimg,
            **means,
            skipped=skipped,
            seconds=clock.seconds,
            seconds_per_kimg=pace,
            memory_gib=memory,
        )
        if self.devices.is_main:
            say(
                f"gan: {kimg:.1f} of {self.clock.total / 1000:.1f} kimg"
                f"  {1 / pace:.3f} kimg/s ({pace:.2f} s/kimg)"
                f"  loss D {means['loss_discriminator']:.3f}"
                f" G {means['loss_generator']:.3f}"
                f"{_more(means, skipped, self.config)}"
                f"  {memory:.1f} GiB  {duration(clock.eta)} left"
            )
        return state.replace(totals=self.devices.replicate(zero_totals()))

    def grid(self, steps: Steps, state: TrainState, images: int) -> None:
        """Writes a sheet of samples of the averaged generator, and the indicators."""
        if self.indicators:
            with self.clock.pause():
                signs = self.indicators.measure(state)
            self.logbook.write(kimg=images / 1000, **signs)
        with self.clock.pause():
            sheet = synthetic_grid(
                steps.grid,
                ema_item(state),
                self.columns,
                self.config.grid_rows,
                self.devices,
            )
            self.logbook.image(f"samples/{images // 1000:06d}", sheet)

    def save(
        self,
        state: TrainState,
        images: int,
        step: int,
        position: dict[str, int],
        into: Checkpoints | None = None,
    ) -> None:
        """Starts a checkpoint, unless the state is not worth keeping.

        Args:
          state: what to save.
          images: shown so far.
          step: updates so far.
          position: of the feed.
          into: where; by default with the run's checkpoints.
        """
        self._require_sound(tick_means(state.totals), int(state.skipped), step)
        with self.clock.pause():
            (into or self.checkpoints).save(
                step,
                train=state,
                ema=ema_item(state),
                data=position,
                meta=self.meta
                | {
                    "step": step,
                    "images": images,
                    "kimg": images / 1000,
                    "clock": self.clock.state(),
                    **(self.best.state() if self.best else {}),
                },
            )

    def look(
        self, state: TrainState, images: int, step: int, position: dict[str, int]
    ) -> bool:
        """Compares with real images, keeps a new best; whether training is to end."""
        assert self.best is not None
        with self.clock.pause():
            verdict = self.best.look(state, images, step)
        if verdict.improved:
            self.save(state, images, step, position, self.best.checkpoints)
        return verdict.stop

    def close(self) -> None:
        """Waits for the checkpoints and closes the files."""
        for checkpoints in (self.checkpoints, self.best and self.best.checkpoints):
            if checkpoints:
                checkpoints.wait()
                checkpoints.close()
        self.logbook.close()

    def _require_sound(self, means: dict[str, float], skipped: int, step: int) -> None:
        bad = [name for name, value in means.items() if not math.isfinite(value)]
        limit = self.config.max_skipped
        if skipped > limit:
            fault = (
                f"the gradients of {skipped} updates were not finite and those updates "
                f"were left out; config.gan.max_skipped={limit} was passed"
            )
        elif bad:
            fault = f"{bad[0]} is {means[bad[0]]}"
        else:
            return
        self.checkpoints.wait()
        kept = self.checkpoints.latest()
        raise StudyError(
            f"the GAN diverged: {fault}, at step {step}. "
            f"{'No checkpoint was saved' if kept is None else f'Checkpoint {kept} is kept'}"
            ". Lower config.gan.generator_learning_rate and "
            "discriminator_learning_rate or raise config.gan.r1_weight"
        )


def _more(means: dict[str, float], skipped: int, config: GanConfig) -> str:
    """What the progress line says besides, of what this run has."""
    parts = []
    if "r1" in means:
        parts.append(f"R1 {means['r1']:.4f}")
    if "path_length" in means:
        parts.append(f"path {means['path_length']:.3f}")
    if config.augment.mode != "none" and "augment_p" in means:
        parts.append(f"augment {means['augment_p']:.2f}")
    if skipped:
        parts.append(f"skipped {skipped}")
    return "".join(f"  {part}" for part in parts)
