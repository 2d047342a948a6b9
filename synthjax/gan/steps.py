"""The updates of a run, mapped over the devices and compiled."""

from dataclasses import dataclass
from typing import Any

import jax
from jaxtyping import Array

from synthjax.core import rng
from synthjax.core.compile import compile_ahead
from synthjax.core.devices import Devices, Step
from synthjax.data.images.transforms import to_pixels
from synthjax.gan.config import GanConfig
from synthjax.gan.forward import Forward
from synthjax.gan.generator import draw_latents, draw_noise, generate
from synthjax.gan.labels import LabelSampler
from synthjax.gan.networks.api import Networks
from synthjax.gan.schedule import Phase
from synthjax.gan.state import (
    Optimizers,
    TrainState,
    ema_item,
    path_every,
    r1_every,
)
from synthjax.gan.update import Batch, Update


@dataclass(frozen=True)
class Steps:
    """The mapped functions of a phase of a run.

    All but `grid` take (state, batch, rows) and give the next state; `grid` takes (ema,
    {"row", "label"}) and gives uint8 images of the data set's resolution.
    """

    discriminator: Step
    regularizer: Step | None  # R1 and R2; None: without
    generator: Step
    path_length: Step | None  # None: without
    grid: Step

    def updates(self) -> dict[str, Step]:
        """The steps that change the state, in the order they are made."""
        steps = {
            "discriminator": self.discriminator,
            "R1": self.regularizer,
            "generator": self.generator,
            "path length": self.path_length,
        }
        return {name: step for name, step in steps.items() if step is not None}


def frequencies(config: GanConfig) -> dict[str, int]:
    """Updates of the generator from one call of each step to the next, by name.

    0 is never; `config` is resolved.
    """
    return {
        "discriminator": 1,
        "R1": r1_every(config),
        "generator": 1,
        "path length": path_every(config),
    }


def make_steps(
    config: GanConfig,
    networks: Networks,
    optimizers: Optimizers,
    devices: Devices,
    seed: int,
    phase: Phase | None = None,
) -> Steps:
    """The steps of a phase, mapped over the devices, not yet compiled.

    Args:
      config: resolved.
      networks: of the data set's resolution.
      optimizers: of both networks.
      devices: to map over.
      seed: of every random stream.
      phase: what is trained; by default the networks as they are in the end.
    """
    phase = phase or last_phase(config, networks)
    forward = Forward(config, networks, phase, seed)
    update = Update(config, forward, optimizers, devices.count)

    across = (None, 0, None)

    def grid(ema: dict[str, Any], cell: dict[str, Array]) -> Array:
        keys = jax.vmap(lambda row: rng.key(seed, "grid", row))(cell["row"])
        z, noise = draw_latents(networks, keys), draw_noise(networks, keys)
        image = generate(networks, ema, z, cell["label"], noise, config.psi, phase)
        return to_pixels(image, 8)

    return Steps(
        discriminator=devices.map_step(update.discriminator, in_axes=across),
        regularizer=devices.map_step(update.regularizer, in_axes=across)
        if r1_every(config)
        else None,
        generator=devices.map_step(update.generator, in_axes=across),
        path_length=devices.map_step(update.path_length, in_axes=across)
        if path_every(config)
        else None,
        grid=devices.map_step(
            grid, in_axes=(None, 0), donate_state=False, sharded_outputs=True
        ),
    )


def last_phase(config: GanConfig, networks: Networks) -> Phase:
    """The phase of the whole networks, nothing fading."""
    return Phase(0, 0, config.images, networks.resolution, config.batch_size)


def compile_steps(
    steps: Steps,
    state: TrainState,
    batch: Batch,
    rows: LabelSampler,
    cells: dict[str, Array],
) -> None:
    """Compiles every step for arguments like these, side by side, with a message."""

    def compiler(step: Step, *arguments: Any) -> Any:
        return lambda: step.compile_ahead(*arguments)

    work = {
        name: compiler(step, state, batch, rows)
        for name, step in steps.updates().items()
    }
    compile_ahead(work | {"grid": compiler(steps.grid, ema_item(state), cells)})
