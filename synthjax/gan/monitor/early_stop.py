"""Stopping once the images get no better, by their distance from real ones.

As the published GANs were stopped: from some kimg on, at intervals, the averaged
generator's images are compared with training images under the same labels; the best is
kept, and training ends after a few comparisons in a row without a new best.
"""

import math
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from synthjax.core.clock import say
from synthjax.core.devices import Devices
from synthjax.core.errors import StudyError
from synthjax.data.dataset import Dataset
from synthjax.encoders import EncoderConfig, make_encoder
from synthjax.gan.config import ResolvedConfig, ResolvedEarlyStop
from synthjax.gan.monitor.distance import DrawImages, GeneratorDistance
from synthjax.gan.schedule import Phase, Position, interval_elapsed


@runtime_checkable
class Distance(Protocol):
    """Measures a generator by images that a step draws of it; smaller is better."""

    @property
    def name(self) -> str:
        """Says what is measured; values of different names do not compare."""

    def __call__(self, ema: dict[str, Any], draw: DrawImages, /) -> float: ...


@dataclass(frozen=True)
class Decision:
    """What follows from one comparison."""

    improved: bool  # a new best: keep this checkpoint
    stop: bool  # patience is at its end


class EarlyStopping:
    """Compares now and then, and decides; what it remembers is JSON, for checkpoints.

    Args:
      config: when to compare and when to stop.
      distance: what it compares by.
      resolution: of the whole networks, px; nothing is compared before they are grown.
      is_main: whether this process says how it goes.
    """

    def __init__(
        self,
        config: ResolvedEarlyStop,
        distance: Distance,
        *,
        resolution: int,
        is_main: bool = True,
    ) -> None:
        self._config, self._distance = config, distance
        self._resolution, self._is_main = resolution, is_main
        self._draw: DrawImages | None = None  # None: the networks still grow
        self._kimg: list[float] = []
        self._values: list[float | None] = []  # None: it was not finite
        self.best: float | None = None  # smallest distance so far
        self.best_kimg: float | None = None  # where it was
        self.best_step: int | None = None  # its checkpoint
        self.bad = 0  # comparisons in a row since then

    @property
    def stopped(self) -> bool:
        """Whether training is to end; a larger patience makes it go on."""
        return self.bad >= self._config.patience

    def set_phase(self, phase: Phase, draw: DrawImages) -> None:
        """Compares by images that are drawn so from now on, if they are of full size."""
        grown = phase.resolution == self._resolution and not phase.fade_over
        self._draw = draw if grown else None

    def should_evaluate(self, before: int, images: int) -> bool:
        """Returns whether to compare now.

        Args:
          before: images shown before the last update.
          images: images shown after it.
        """
        late = images >= self._config.min_kimg * 1000
        grown = self._draw is not None
        return (
            late and grown and interval_elapsed(before, images, self._config.every_kimg)
        )

    def evaluate(self, ema: dict[str, Any], position: Position) -> Decision:
        """Compares, says so, and returns what follows."""
        if self._draw is None:
            raise StudyError("the networks still grow: nothing can be compared yet")
        value = self._distance(ema, self._draw)
        decision = self.observe(value, position)
        if self._is_main:
            say(
                f"gan: {self._distance.name} {value:.4g} at {position.kimg:.1f} kimg"
                f"{', the best so far' if decision.improved else ''}"
                f"{'' if self.best is None else f' (best {self.best:.4g})'}"
                f"{'; it ends here: no better for a while' if decision.stop else ''}"
            )
        return decision

    def observe(self, value: float, position: Position) -> Decision:
        """Takes in a distance; one that is not finite is no improvement.

        Args:
          value: the distance; smaller is better.
          position: where the generator was measured.
        """
        finite = math.isfinite(value)
        improved = finite and (self.best is None or value < self.best)
        self._kimg.append(position.kimg)
        self._values.append(value if finite else None)
        if improved:
            self.best, self.best_kimg = value, position.kimg
            self.best_step = position.step
        self.bad = 0 if improved else self.bad + 1
        return Decision(improved, self.stopped)

    def state(self) -> dict[str, Any]:
        """Returns what a checkpoint's `meta` keeps: JSON."""
        return {
            "measure": self._distance.name,
            "kimg": list(self._kimg),
            "values": list(self._values),
            "best": self.best,
            "best_kimg": self.best_kimg,
            "best_step": self.best_step,
            "bad": self.bad,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from `state()`.

        Raises:
          StudyError: it is of another measure, whose values do not compare.
        """
        if state["measure"] != self._distance.name:
            raise StudyError(
                f"the checkpoint was judged by {state['measure']}, this run asks for "
                f"{self._distance.name}, and their values do not compare: set "
                "config.gan.early_stop back, or use another workdir"
            )
        self._kimg, self._values = list(state["kimg"]), list(state["values"])
        self.best, self.best_kimg = state["best"], state["best_kimg"]
        self.best_step, self.bad = state["best_step"], state["bad"]


def make_early_stopping(
    config: ResolvedConfig, dataset: Dataset, *, seed: int, devices: Devices
) -> EarlyStopping | None:
    """Returns the early stop that a config asks for, with its encoder; None if none.

    Args:
      config: the gan section.
      dataset: what is trained on.
      seed: of the images that are compared.
      devices: where.

    Raises:
      StudyError: fewer training images than are to be compared, no classifier or file
        of weights at the encoder's path, or another one.
      ConfigError: the images are too small for the encoder, or it has to be fitted.
    """
    settings, schema = config.early_stop, dataset.schema
    if not settings.encoder:
        return None
    if settings.min_kimg >= config.kimg:
        say(
            f"gan: nothing will be compared: config.gan.early_stop.min_kimg="
            f"{settings.min_kimg:g} is not below kimg={config.kimg:g}"
        )
    encoder = make_encoder(
        EncoderConfig(name=settings.encoder, path=settings.encoder_path),
        schema.resolution,
        schema.channels,
    )
    distance = GeneratorDistance(
        dataset, encoder=encoder, images=settings.images, seed=seed, devices=devices
    )
    return EarlyStopping(
        settings, distance, resolution=schema.resolution, is_main=devices.is_main
    )
