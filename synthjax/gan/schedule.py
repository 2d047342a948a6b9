"""When everything happens in a run: phases, updates, ticks, checkpoints.

A run is a sequence of phases, each with its resolution and batch size: one for networks
of a fixed size, and for networks that grow two per resolution, while its layers fade in
and once they have.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Float, UInt32

from synthjax.gan.config import ResolvedConfig


@dataclass(frozen=True)
class Position:
    """Where a run stands; the feed's place and the phase follow from it."""

    images: int = 0  # real images shown to the discriminator
    step: int = 0  # updates done

    @property
    def kimg(self) -> float:
        """Thousands of real images shown."""
        return self.images / 1000

    def after(self, batch_size: int) -> "Position":
        """Returns the position after one more update."""
        return Position(self.images + batch_size, self.step + 1)

    def in_feed(self, batch_size: int) -> dict[str, int]:
        """Returns where a feed of this batch size is, as `Feed.restore` takes it."""
        return {"batch": -(-self.images // batch_size), "batch_size": batch_size}


@dataclass(frozen=True)
class Phase:
    """What is trained from one image count on."""

    index: int  # place in the sequence
    start: int  # first image of the phase
    end: int  # first image after the phase
    resolution: int  # side of the images, pixels
    batch_size: int  # images per update over all devices
    fade_from: int = 0  # images after which the newest layers begin to fade in
    fade_over: int = 0  # images in which they fade in; 0: they are in

    def fade(self, images: UInt32[Array, ""] | int) -> Float[Array, ""]:
        """Returns the weight of the newest resolution's layers in [0, 1]; traceable."""
        if not self.fade_over:
            return jnp.ones((), jnp.float32)
        # Whole numbers first: float32 counts images exactly to 16 million only.
        shown = jnp.asarray(images, jnp.uint32) - jnp.uint32(self.fade_from)
        return jnp.clip(shown.astype(jnp.float32) / self.fade_over, 0.0, 1.0)


def phases(config: ResolvedConfig, resolution: int) -> tuple[Phase, ...]:
    """Returns the phases of a run, in order and without gaps.

    A growing network starts at its first resolution, then by turns fades the next one
    in and trains with it, each for `phase_kimg`, until the images are of full size
    (Karras et al. 2018, arXiv:1710.10196, appendix A).
    """
    sizes = config.grown_batch_sizes
    if not sizes or config.phase_kimg is None:
        return (Phase(0, 0, config.images, resolution, config.batch_size),)
    length = round(config.phase_kimg * 1000)
    made: list[Phase] = []

    def add(side: int, batch_size: int, *, fading: bool, last: bool) -> None:
        index, start = len(made), made[-1].end if made else 0
        # What is whole stays so up to and with the image at which a fade begins.
        end = (index + 1) * length + (0 if fading else 1)
        end = config.images if last else min(end, config.images)
        if start < config.images:
            fade = (index * length, length) if fading else (0, 0)
            made.append(Phase(index, start, end, side, batch_size, *fade))

    for halvings, batch_size in zip(reversed(range(len(sizes))), sizes, strict=True):
        side = resolution >> halvings
        if made:
            add(side, batch_size, fading=True, last=False)
        add(side, batch_size, fading=False, last=halvings == 0)
    return tuple(made)


def phase_at(run: tuple[Phase, ...], images: int) -> Phase:
    """Returns the phase that trains after so many images; the last once all is done."""
    return next((phase for phase in run if images < phase.end), run[-1])


def whole_phase(config: ResolvedConfig, resolution: int) -> Phase:
    """Returns the phase of the whole networks, nothing fading."""
    return Phase(0, 0, config.images, resolution, config.batch_size)


def r1_interval(config: ResolvedConfig) -> int:
    """Returns the updates from one R1 or R2 update to the next; 0 is never."""
    return config.r1_every if config.r1_weight or config.r2_weight else 0


def path_interval(config: ResolvedConfig) -> int:
    """Returns the updates from one path-length update to the next; 0 is never."""
    return config.path_every if config.path_weight else 0


def update_intervals(config: ResolvedConfig) -> dict[str, int]:
    """Returns the updates from one call of each kind of step to the next; 0 is never.

    In the order in which they are made.
    """
    return {
        "discriminator": 1,
        "R1": r1_interval(config),
        "generator": 1,
        "path length": path_interval(config),
    }


def is_due(interval: int, step: int) -> bool:
    """Returns whether what happens once in so many updates (0: never) does now."""
    return interval > 0 and step % interval == 0


def interval_elapsed(before: int, after: int, every_kimg: float) -> bool:
    """Returns whether a multiple of `every_kimg` lies in (before, after], in images.

    Depends on the counts alone, so a resumed run acts at the same counts as an
    uninterrupted one, whatever the batch size.
    """
    every = max(1, round(every_kimg * 1000))
    return before // every != after // every


class Timer:
    """Comes due every so many minutes; the clock is passed in so tests need no sleep."""

    def __init__(
        self, minutes: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = minutes * 60
        self._now = now
        self._start = now()

    def due(self) -> bool:
        """Returns whether the time has passed since the start or the last restart."""
        return self._now() - self._start >= self._seconds

    def restart(self) -> None:
        """Counts from now."""
        self._start = self._now()
