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
from synthjax.data.dataset import Dataset
from synthjax.gan.compiled import Steps
from synthjax.gan.config import ResolvedConfig
from synthjax.gan.monitor.early_stop import EarlyStopping
from synthjax.gan.monitor.grids import real_grid, synthetic_grid
from synthjax.gan.monitor.indicators import Indicators
from synthjax.gan.schedule import Phase, Position
from synthjax.gan.state import TrainState, ema_item, tick_means


@dataclass(frozen=True)
class Recorder:
    """Writes what a person or a resumed run needs; holds no state of the training."""

    config: ResolvedConfig
    devices: Devices
    clock: Clock
    logbook: Logbook
    checkpoints: Checkpoints
    best: Checkpoints | None  # of the best generator; None: no early stop
    columns: Float[np.ndarray, "columns y"]  # label combinations of the grid
    meta: dict[str, Any]  # what every checkpoint says of the run
    indicators: Indicators | None
    early_stop: EarlyStopping | None

    def set_phase(self, phase: Phase) -> None:
        """Measures a growing network as it is in this phase from now on."""
        if self.indicators:
            self.indicators.set_phase(phase)

    def write_header(self, dataset: Dataset, out: Path) -> None:
        """Writes what stays the same: the config, the grid's labels, real images."""
        rows = self.config.grid_rows
        values = [
            [None if np.isnan(value) else float(value) for value in column]
            for column in self.columns
        ]
        sheet = {"labels": self.meta["labels"], "columns": values, "rows": rows}
        write_json(out / "config.json", self.meta["config"])
        write_json(out / "samples/labels.json", sheet)
        self.logbook.image("samples/real", real_grid(dataset, self.columns, rows))

    def log_tick(self, state: TrainState, position: Position) -> None:
        """Logs the means since the last tick.

        Raises:
          StudyError: one of them is not finite, or too many updates were left out.
        """
        means = tick_means(state.totals)
        skipped = int(state.skipped)
        for network in ("discriminator", "generator"):  # one of them stands still
            means.setdefault(f"loss_{network}", math.nan)
        self._check_finite(means, skipped, position)
        clock = self.clock
        memory, pace = device_peak_bytes() / 2**30, 1000 / max(clock.rate, 1e-9)
        self.logbook.write(
            kimg=position.kimg,
            **means,
            skipped=skipped,
            seconds=clock.seconds,
            seconds_per_kimg=pace,
            memory_gib=memory,
        )
        if self.devices.is_main:
            say(
                f"gan: {position.kimg:.1f} of {clock.total / 1000:.1f} kimg"
                f"  {1 / pace:.3f} kimg/s ({pace:.2f} s/kimg)"
                f"  loss D {means['loss_discriminator']:.3f}"
                f" G {means['loss_generator']:.3f}"
                f"{_more(means, skipped, self.config)}"
                f"  {memory:.1f} GiB  {duration(clock.eta)} left"
            )

    def log_grid(self, steps: Steps, state: TrainState, position: Position) -> None:
        """Writes a sheet of samples of the averaged generator, and the indicators."""
        if self.indicators:
            with self.clock.pause():
                signs = self.indicators.measure(state)
            self.logbook.write(kimg=position.kimg, **signs)
        with self.clock.pause():
            sheet = synthetic_grid(
                steps.grid,
                ema_item(state),
                self.columns,
                self.config.grid_rows,
                self.devices,
            )
            self.logbook.image(f"samples/{position.images // 1000:06d}", sheet)

    def evaluate(self, state: TrainState, position: Position) -> bool:
        """Lets the early stop compare, keeps a new best; whether training is to end."""
        assert self.early_stop is not None
        with self.clock.pause():
            decision = self.early_stop.evaluate(ema_item(state), position)
        if decision.improved:
            self.save(state, position, self.best)
        return decision.stop

    def save(
        self,
        state: TrainState,
        position: Position,
        into: Checkpoints | None = None,
    ) -> None:
        """Starts a checkpoint, unless the state is not worth keeping.

        Args:
          state: what to save.
          position: where the run stands.
          into: where it goes; by default to the run's checkpoints.

        Raises:
          StudyError: a metric is not finite, or too many updates were left out.
        """
        self._check_finite(tick_means(state.totals), int(state.skipped), position)
        judged = {"early_stop": self.early_stop.state()} if self.early_stop else {}
        with self.clock.pause():
            (into or self.checkpoints).save(
                position.step,
                train=state,
                ema=ema_item(state),
                data={"images": position.images},
                meta={
                    **self.meta,
                    "step": position.step,
                    "images": position.images,
                    "kimg": position.kimg,
                    "clock": self.clock.state(),
                    **judged,
                },
            )

    def close(self) -> None:
        """Waits for the checkpoints and closes the files."""
        for checkpoints in (self.checkpoints, self.best):
            if checkpoints:
                checkpoints.wait()
                checkpoints.close()
        self.logbook.close()

    def _check_finite(
        self, means: dict[str, float], skipped: int, position: Position
    ) -> None:
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
            f"the GAN diverged: {fault}, at step {position.step}. "
            f"{'No checkpoint was saved' if kept is None else f'Checkpoint {kept} is kept'}"
            ". Lower config.gan.generator_learning_rate and "
            "discriminator_learning_rate or raise config.gan.r1_weight"
        )


def _more(means: dict[str, float], skipped: int, config: ResolvedConfig) -> str:
    """Returns what the progress line says besides, of what this run has."""
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
