"""The early stop inside a run: compares now and then, keeps the best generator."""

from pathlib import Path
from typing import Any

from synthjax.core.checkpoint import Checkpoints
from synthjax.core.clock import say
from synthjax.core.devices import Devices
from synthjax.gan.generator import BEST
from synthjax.gan.monitor.early_stop import Distance, EarlyStopConfig, Stopper, Verdict
from synthjax.gan.schedule import Phase
from synthjax.gan.state import TrainState, ema_item
from synthjax.gan.steps import Steps
from synthjax.metrics.encoder import Encoder


class Best:
    """A stopper with what it measures by and the checkpoint that it keeps.

    Args:
      config: when to compare and when to stop.
      encoder: what makes the features.
      data: a data directory.
      out: the gan directory.
      seed: of the images that are compared.
      devices: where.
    """

    def __init__(
        self,
        config: EarlyStopConfig,
        encoder: Encoder,
        *,
        data: Path,
        out: Path,
        seed: int,
        devices: Devices,
    ) -> None:
        self._config, self._encoder, self._data = config, encoder, data
        self._seed, self._devices = seed, devices
        self._distance: Distance | None = None  # from the full resolution on
        self.stopper = Stopper(config, f"FD[{encoder.name}, n={config.images}]")
        self.checkpoints = Checkpoints(out / BEST, keep=1)

    def enter(self, phase: Phase, steps: Steps, resolution: int) -> None:
        """Compares with the images of these steps, if they are of full size."""
        if phase.resolution < resolution or phase.fade_over:
            return
        self._distance = Distance(
            self._data,
            encoder=self._encoder,
            images=self._config.images,
            seed=self._seed,
            devices=self._devices,
            sample=steps.grid,
        )

    def due(self, before: int, images: int) -> bool:
        """Whether to compare now."""
        grown = self._distance is not None
        return self.stopper.due(before, images, grown=grown)

    def look(self, state: TrainState, images: int, step: int) -> Verdict:
        """Compares, says so, and tells what follows."""
        assert self._distance is not None  # due only then
        value = self._distance(ema_item(state))
        verdict = self.stopper.observe(images, step, value)
        if self._devices.is_main:
            best = self.stopper
            say(
                f"gan: {self._distance.name} {value:.4g} at {images / 1000:.1f} kimg"
                f"{', the best so far' if verdict.improved else ''}"
                f"{'' if best.best is None else f' (best {best.best:.4g})'}"
                f"{'; it ends here: no better for a while' if verdict.stop else ''}"
            )
        return verdict

    def state(self) -> dict[str, Any]:
        """What a checkpoint's `meta` keeps."""
        return {"early_stop": self.stopper.state()}
