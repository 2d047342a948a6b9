"""When things happen in a run, all counted in images, and what is trained when.

A run is a sequence of phases, each with its resolution and batch size. There is one
phase today; networks that grow have one per resolution.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from synthjax.gan.config import GanConfig


@dataclass(frozen=True)
class Phase:
    """What is trained from one image count on."""

    start: int  # first image of the phase
    end: int  # first image after the phase
    resolution: int  # side of the images, pixels
    batch_size: int  # images per update over all devices


def phases(config: GanConfig, resolution: int) -> tuple[Phase, ...]:
    """The phases of a run, in order and without gaps."""
    return (Phase(0, config.images, resolution, config.batch_size),)


def crossed(before: int, after: int, every_kimg: float) -> bool:
    """Whether a multiple of `every_kimg` lies in (before, after], counted in images.

    Depends on the counts alone, so a resumed run acts at the same counts as an
    uninterrupted one, whatever the batch size.
    """
    every = max(1, round(every_kimg * 1000))
    return before // every != after // every


def regularizes(config: GanConfig, step: int) -> bool:
    """Whether the discriminator gets its lazy R1 update in this step."""
    lazy = config.r1_every if config.r1_weight else 0
    return lazy > 0 and step % lazy == 0


class Timer:
    """Comes due every so many minutes; the clock is passed in so tests need no sleep."""

    def __init__(
        self, minutes: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = minutes * 60
        self._now = now
        self._start = now()

    def due(self) -> bool:
        """Whether the time has passed since the start or the last restart."""
        return self._now() - self._start >= self._seconds

    def restart(self) -> None:
        """Counts from now."""
        self._start = self._now()
