"""A GAN's run: its parts, and how it is begun or gone on with."""

from dataclasses import dataclass
from typing import Any

import jax

from synthjax.core.checkpoint import Checkpoints
from synthjax.core.clock import Clock, say
from synthjax.core.config import freeze
from synthjax.core.devices import Devices
from synthjax.core.errors import ConfigError, StudyError
from synthjax.core.identity import identity
from synthjax.core.public import public
from synthjax.core.versions import versions
from synthjax.data.dataset import Dataset
from synthjax.gan.config import GanConfig, ResolvedConfig
from synthjax.gan.finetune import finetune
from synthjax.gan.labels import LabelSampler
from synthjax.gan.monitor.early_stop import EarlyStopping
from synthjax.gan.networks.api import Networks
from synthjax.gan.presets import resolve
from synthjax.gan.schedule import Phase, Position, phases
from synthjax.gan.state import Optimizers, TrainState, build, create, ema_item

_LENGTH = ("kimg", "early_stop.")  # settings that say when it ends, not what it learns


@dataclass(frozen=True)
class Run:
    """What a generator is trained with; the early stop remembers what it measured."""

    config: ResolvedConfig
    seed: int  # of every random stream
    dataset: Dataset
    sampler: LabelSampler  # on the devices
    networks: Networks  # of the data set's resolution
    optimizers: Optimizers
    early_stop: EarlyStopping | None
    devices: Devices

    @property
    def phases(self) -> tuple[Phase, ...]:
        """What is trained when, to the end."""
        return phases(self.config, self.networks.resolution)

    @property
    def end(self) -> int:
        """Images after which training ends."""
        return self.phases[-1].end


def settings(run: Run) -> dict[str, Any]:
    """Returns what every checkpoint says of the run."""
    schema = run.dataset.schema
    return {
        "config": public(run.config),
        "seed": run.seed,
        "labels": list(schema.labels),
        "versions": versions(),
        "resolution": schema.resolution,
        "channels": schema.channels,
    }


def restore(run: Run, checkpoints: Checkpoints) -> tuple[TrainState, Position, Clock]:
    """Returns the state to go on from, on the host, with where it stands and the clock.

    That of the newest checkpoint that is whole, those after it being moved aside;
    without one, new networks, or those of another study if the config says so.

    Args:
      run: its early stop takes up what it had measured.
      checkpoints: of the run.

    Raises:
      StudyError: the checkpoint is of another architecture, of other settings, or of
        an early stop by another measure; there are some, but none is whole; there is
        none to start from.
    """
    config = run.config
    new = (run.networks, run.optimizers, run.seed, config.augment.p)

    def read(step: int) -> tuple[TrainState, dict[str, Any]]:
        _check_settings(run, checkpoints.read_meta(step), checkpoints)
        like = jax.eval_shape(lambda: create(*new))
        state, _, _, meta = checkpoints.restore(step, train=like, ema=ema_item(like))
        return state, meta

    found = checkpoints.read_newest(read)
    if found is None:
        state = build(*new)
        if config.init_from:
            state = finetune(state, config, run.dataset.schema.labels)
        return state, Position(), Clock(run.end)
    step, (state, meta) = found
    checkpoints.set_aside_after(step, devices=run.devices)
    say(f"gan: going on from {meta['kimg']:.1f} kimg")
    if run.early_stop and "early_stop" in meta:
        run.early_stop.restore(meta["early_stop"])
    position = Position(int(state.images), int(state.step))
    seconds = meta["clock"]["seconds"]
    return state, position, Clock(run.end, done=position.images, seconds=seconds)


def _check_settings(run: Run, meta: dict[str, Any], checkpoints: Checkpoints) -> None:
    """Checks that a checkpoint was trained as this run goes on.

    Raises:
      StudyError: other settings; the message has old and new values.
    """
    try:
        saved = freeze(GanConfig, meta["config"], "gan", saved=True)
        was = identity(resolve(saved, run.networks.resolution))
    except ConfigError as error:
        raise StudyError(
            f"{checkpoints.directory} was trained by another version, whose settings "
            f"this one does not understand: {error}. Use that version, or train anew "
            "in another --workdir"
        ) from None
    now = identity(run.config)
    changed = [
        f"config.gan.{key} was {was.get(key)} and is {now.get(key)}"
        for key in sorted((was.keys() | now.keys()) - {"seed"})
        if was.get(key) != now.get(key) and not key.startswith(_LENGTH)
    ]
    if meta["seed"] != run.seed:
        changed.append(
            f"the seed (config.seed + config.gan.seed) was {meta['seed']} and is "
            f"{run.seed}"
        )
    if changed:
        raise StudyError(
            f"{checkpoints.directory} was trained with other settings: "
            f"{'; '.join(changed)}. Set them back to go on, or train anew in another "
            f"--workdir, where config.gan.init_from={checkpoints.directory.parent} "
            "would start from these weights"
        )
