"""The updates of a config with made-up images: to be compiled, counted and timed."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.stages import Compiled

from synthjax.core.devices import Devices, Step
from synthjax.gan.config import ResolvedConfig
from synthjax.gan.labels import make_label_sampler
from synthjax.gan.models import make_networks
from synthjax.gan.schedule import update_intervals
from synthjax.gan.state import TrainState, build, create, make_optimizers
from synthjax.gan.step import make_steps

FINDINGS = 14  # labels of the images that are made up: CheXpert's


class Plan:
    """The updates of one model at one resolution.

    Args:
      config: the gan section.
      resolution: of the images, pixels.
      channels: of the images.
      labels: findings per image.
      devices: what to compile for.
      batch_size: images per update over all devices; by default the config's.
    """

    def __init__(
        self,
        config: ResolvedConfig,
        *,
        resolution: int,
        channels: int,
        labels: int,
        devices: Devices,
        batch_size: int = 0,
    ) -> None:
        self._networks = make_networks(
            config, resolution=resolution, channels=channels, labels=labels
        )
        self._optimizers = make_optimizers(config)
        self._p = config.augment.p
        self._devices = devices
        self._label = (batch_size or config.batch_size, labels)
        self._pixels = (self._label[0], resolution, resolution, channels)
        steps = make_steps(config, self._networks, self._optimizers, devices, seed=0)
        self.steps = steps.updates()
        intervals = update_intervals(config)
        self.every = {name: intervals[name] for name in self.steps}

    def initial(self) -> TrainState:
        """Returns the state before the first update."""
        return build(self._networks, self._optimizers, 0, self._p)

    def shapes(self) -> TrainState:
        """Returns the shapes of `initial`, without computing it."""
        return jax.eval_shape(
            lambda: create(self._networks, self._optimizers, 0, self._p)
        )

    def arguments(self, state: TrainState) -> tuple[Any, ...]:
        """Returns what every update takes, on the devices: state, batch, sampler."""
        random = np.random.default_rng(0)
        local = self._devices.process_count
        count = self._label[0] // local
        label = random.integers(0, 2, (count, self._label[1])).astype(np.float32)
        size = (count, *self._pixels[1:])
        batch = {
            "pixels": random.integers(0, 256, size, dtype=np.uint8),
            "label": label,
        }
        sampler = self._devices.replicate(make_label_sampler(label))
        return self._devices.replicate(state), self._devices.shard(batch), sampler

    def compilers(
        self, arguments: tuple[Any, ...], options: dict[str, Any] | None = None
    ) -> dict[str, Callable[[], Compiled]]:
        """Returns for each update what compiles it for such arguments.

        Args:
          arguments: arrays or shapes, as `arguments` gives them.
          options: of XLA.
        """

        def compiler(step: Step) -> Callable[[], Compiled]:
            return lambda: step.lower(*arguments).compile(options)

        return {name: compiler(step) for name, step in self.steps.items()}
