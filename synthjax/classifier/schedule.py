"""The learning rate of a run, its length, and when it is validated and stopped.

A schedule lives on the host and hands each update its rate, so that every schedule
runs the same compiled step.
"""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from synthjax.core.config import Config, field


@runtime_checkable
class Schedule(Protocol):
    """What the training loop asks of a schedule."""

    steps: int  # updates at most
    eval_every: int  # updates between two validations

    def rate(self, step: int) -> float:
        """Returns the learning rate of the update that follows `step` updates."""
        ...

    def observe(self, improved: bool) -> None:
        """Notes whether a validation was the best so far."""
        ...

    def finished(self) -> bool:
        """Returns whether the run is to stop before its last update."""
        ...

    def state(self) -> dict[str, int]:
        """Returns all that changes, as JSON; `restore` takes it back."""
        ...

    def restore(self, state: dict[str, int]) -> None:
        """Goes on from a `state`."""
        ...


@dataclass
class Cosine:
    """Linear rise to the peak, then half a cosine down to zero at the last step."""

    peak: float  # learning rate
    warmup: int  # updates of the rise
    steps: int
    eval_every: int

    def rate(self, step: int) -> float:
        """See Schedule."""
        if step < self.warmup:
            return self.peak * step / self.warmup
        done = (step - self.warmup) / (self.steps - self.warmup)
        return self.peak * 0.5 * (1.0 + math.cos(math.pi * done))

    def observe(self, improved: bool) -> None:
        """See Schedule: the course is fixed."""

    def finished(self) -> bool:
        """See Schedule: no run stops early."""
        return False

    def state(self) -> dict[str, int]:
        """See Schedule."""
        return {}

    def restore(self, state: dict[str, int]) -> None:
        """See Schedule."""


@dataclass(frozen=True)
class PlateauConfig(Config):
    """Epochs of a fixed size, and what happens when they bring nothing more.

    The defaults are those of DuMont Schuette et al. 2021.
    """

    epoch_images: int = field(
        5000, "images of an epoch, at most those of the real training split", ge=1
    )
    epochs: int = field(100, "epochs at most", ge=1)
    factor: float = field(0.1, "what the learning rate is multiplied by", gt=0, lt=1)
    patience: int = field(
        2, "epochs without a better validation before the rate is lowered", ge=1
    )
    stop: int = field(3, "epochs without a better validation that end the run", ge=1)
    floor: float = field(1e-8, "the learning rate does not go below it", ge=0)


class Plateau:
    """A constant rate, lowered and at last stopped when validation no longer improves.

    Two counters of epochs without a better validation: that of the rate begins anew
    when it has lowered it, that of the end only with a better validation.

    Args:
      config: the numbers.
      rate: learning rate of the first epoch.
      batch_size: images in an update, over all devices.
      images: of the real training split, whatever an arm trains on: an epoch is as
        long in every arm.
    """

    def __init__(
        self, config: PlateauConfig, rate: float, batch_size: int, images: int
    ):
        self.eval_every = max(1, min(images, config.epoch_images) // batch_size)
        self.steps = config.epochs * self.eval_every
        self._config, self._rate = config, rate
        self._lowered = 0  # times that the rate was lowered
        self._wait = self._wait_stop = 0  # epochs without a better validation

    def rate(self, step: int) -> float:
        """See Schedule."""
        rate = self._rate * self._config.factor**self._lowered
        return max(rate, min(self._rate, self._config.floor))

    def observe(self, improved: bool) -> None:
        """See Schedule."""
        if improved:
            self._wait = self._wait_stop = 0
            return
        self._wait += 1
        self._wait_stop += 1
        if self._wait == self._config.patience:
            self._lowered += 1
            self._wait = 0

    def finished(self) -> bool:
        """See Schedule."""
        return self._wait_stop >= self._config.stop

    def state(self) -> dict[str, int]:
        """See Schedule."""
        return {
            "lowered": self._lowered,
            "wait": self._wait,
            "wait_stop": self._wait_stop,
        }

    def restore(self, state: dict[str, int]) -> None:
        """See Schedule."""
        self._lowered = state["lowered"]
        self._wait, self._wait_stop = state["wait"], state["wait_stop"]
