"""The steps of a run, mapped over the devices and compiled, and its grid of samples."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
from jaxtyping import Array, UInt8

from synthjax.core import rng
from synthjax.core.compile import compile_ahead
from synthjax.core.devices import Step
from synthjax.data.images.transforms import to_pixels
from synthjax.gan.config import ResolvedConfig
from synthjax.gan.generator import draw_latents, draw_noise, generate
from synthjax.gan.labels import LabelSampler
from synthjax.gan.networks.api import Networks
from synthjax.gan.schedule import Phase
from synthjax.gan.state import TrainState, ema_item

# Laid on the devices, or one device's part inside a step.
Batch = dict[str, Array]  # pixels [b h w c] uint8, label [b y] float32
Cells = dict[str, Array]  # row [b] int32, label [b y] float32
Grid = Callable[[dict[str, Any], Cells], UInt8[Array, "b h w c"]]


@dataclass(frozen=True)
class Steps:
    """The mapped functions of a phase of a run.

    All but `grid` map (state, batch, sampler) to the next state; `grid` maps (ema,
    cells) to images of the data set's resolution.
    """

    discriminator: Step
    regularizer: Step | None  # R1 and R2; None: without
    generator: Step
    path_length: Step | None  # None: without
    grid: Step

    def updates(self) -> dict[str, Step]:
        """Returns the steps that change the state, in the order they are made.

        By the names of `schedule.update_intervals`.
        """
        steps = {
            "discriminator": self.discriminator,
            "R1": self.regularizer,
            "generator": self.generator,
            "path length": self.path_length,
        }
        return {name: step for name, step in steps.items() if step is not None}


def make_grid(
    config: ResolvedConfig, networks: Networks, seed: int, phase: Phase
) -> Grid:
    """Returns the function that draws a cell of a grid: latent `row`, label `label`."""

    def grid(ema: dict[str, Any], cells: Cells) -> UInt8[Array, "b h w c"]:
        keys = jax.vmap(lambda row: rng.key(seed, "grid", row))(cells["row"])
        z, noise = draw_latents(networks, keys), draw_noise(networks, keys)
        image = generate(networks, ema, z, cells["label"], noise, config.psi, phase)
        return to_pixels(image, 8)

    return grid


def compile_steps(
    steps: Steps, state: TrainState, batch: Batch, sampler: LabelSampler, cells: Cells
) -> None:
    """Compiles every step for arguments like these, side by side, with a message."""

    def compiler(step: Step, *arguments: Any) -> Callable[[], Step]:
        return lambda: step.compile_ahead(*arguments)

    work = {
        name: compiler(step, state, batch, sampler)
        for name, step in steps.updates().items()
    }
    compile_ahead(work | {"grid": compiler(steps.grid, ema_item(state), cells)})
