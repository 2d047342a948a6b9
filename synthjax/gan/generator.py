"""The generator by itself: what a checkpoint ships and a sampler loads."""

import itertools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from synthjax.core import rng
from synthjax.core.checkpoint import Checkpoints
from synthjax.core.config import freeze
from synthjax.core.errors import StudyError
from synthjax.gan.config import GanConfig, ResolvedConfig
from synthjax.gan.growth import enlarge, networks_at
from synthjax.gan.models import make_networks
from synthjax.gan.networks.api import AnyArray, Networks
from synthjax.gan.presets import resolve
from synthjax.gan.schedule import Phase, phase_at, phases
from synthjax.gan.truncation import centre, truncate, zero_moments

CHECKPOINTS = "checkpoints"  # the folder of checkpoints in a gan directory
BEST = "best"  # and of the best one, if there is an early stop


def draw_latents(networks: Networks, keys: Key[Array, " b"]) -> Float[Array, "b z"]:
    """Draws standard normal latents, each a function of its own key alone."""

    def draw(key: Key[Array, ""]) -> Float[Array, " z"]:
        return jax.random.normal(rng.key(key, "z"), (networks.z_size,), jnp.float32)

    return jax.vmap(draw)(keys)


def draw_noise(
    networks: Networks, keys: Key[Array, " b"]
) -> tuple[Float[Array, "b _h _w 1"], ...]:
    """Draws the noise inputs of all layers, each image's from its own key alone."""

    shapes = networks.noise_shapes
    if not shapes:
        return ()
    sizes = [math.prod(shape) for shape in shapes]
    ends = list(itertools.accumulate(sizes))

    # One draw for all layers: a draw per layer costs seconds of compilation each.
    def draw(key: Key[Array, ""]) -> Float[Array, " n"]:
        return jax.random.normal(rng.key(key, "noise"), (sum(sizes),), jnp.float32)

    drawn = jnp.split(jax.vmap(draw)(keys), ends[:-1], axis=1)
    return tuple(x.reshape(-1, *shape) for x, shape in zip(drawn, shapes, strict=True))


def generate(
    networks: Networks,
    ema: dict[str, Any],
    z: Float[AnyArray, "b z"],
    label: Float[AnyArray, "b y"],
    noise: tuple[Float[Array, "b _h _w 1"], ...],
    psi: float | Float[Array, ""],
    phase: Phase | None = None,
) -> Float[Array, "b h w c"]:
    """Returns images of the averaged generator, float32, about -1..1.

    Args:
      networks: the architecture.
      ema: `{"params", "moments", "images"}`, the `ema` item of a checkpoint.
      z: latents.
      label: 0, 1 or NaN (unknown) per finding; values between are allowed.
      noise: as `draw_noise` gives it.
      psi: truncation towards the style that the label leads to on average
        (truncation.py): 1 none, 0 one image for each label.
      phase: how far a growing network has grown, its images being enlarged to full
        size; None is fully.
    """
    grown = networks_at(networks, phase, ema["images"])
    w = grown.map(ema["params"], z, label)
    w = truncate(w, centre(ema["moments"], label), psi)
    ws = jnp.broadcast_to(w[:, None], (w.shape[0], grown.num_ws, w.shape[1]))
    image = grown.synthesize(ema["params"], ws, noise)
    return enlarge(image, networks.resolution)


@dataclass(frozen=True)
class Generator:
    """A trained generator with what is needed to use it."""

    networks: Networks
    params: dict[str, Any]  # the `ema` item, to hand to `sample`
    labels: tuple[str, ...]  # names of the findings, in the order of label rows
    resolution: int  # px
    channels: int
    step: int  # of the checkpoint
    kimg: float  # real images it was trained on, thousands
    psi: float  # truncation that the config asks for
    config: ResolvedConfig
    phase: Phase  # of the schedule, at which the checkpoint was saved

    @property
    def z_size(self) -> int:
        """Numbers in a latent."""
        return self.networks.z_size

    @property
    def num_ws(self) -> int:
        """Styles that the synthesis network takes."""
        return self.networks.num_ws

    def noise(self, keys: Key[Array, " b"]) -> tuple[Float[Array, "b _h _w 1"], ...]:
        """Draws noise inputs, each image's from its own key alone; traceable."""
        return draw_noise(self.networks, keys)

    def sample(
        self,
        params: dict[str, Any],
        z: Float[AnyArray, "b z"],
        label: Float[AnyArray, "b y"],
        noise: tuple[Float[Array, "b _h _w 1"], ...],
        psi: float | Float[Array, ""],
    ) -> Float[Array, "b h w c"]:
        """Returns images as `generate` does; traceable, `params` is `self.params`."""
        return generate(self.networks, params, z, label, noise, psi, self.phase)


def ema_like(networks: Networks) -> dict[str, Any]:
    """Returns zeros on the host, shaped like the `ema` item of a checkpoint."""
    params = jax.eval_shape(lambda: networks.init_generator(rng.key(0, "shape")))
    moments = jax.eval_shape(lambda: zero_moments(networks.w_size, networks.labels))
    like = {"params": params, "moments": moments}
    zeros = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), like)
    return {**zeros, "images": np.zeros((), np.uint32)}


def has_checkpoint(folder: Path) -> bool:
    """Returns whether a folder of checkpoints holds a finished one."""
    if not folder.is_dir():
        return False
    checkpoints = Checkpoints(folder)
    try:
        return checkpoints.latest() is not None
    finally:
        checkpoints.close()


def load_generator(gan: Path, step: int = 0) -> Generator:
    """Loads the generator of a checkpoint in a gan directory.

    Step 0 is the newest that is whole: of the best that an early stop kept, or else of
    all. Loads the `ema` item alone. A model from outside the package must be in the
    table of models.

    Raises:
      StudyError: there is no finished checkpoint, none of that step, or none is whole.
    """
    folder = Path(gan) / CHECKPOINTS
    if step == 0 and has_checkpoint(Path(gan) / BEST):
        folder = Path(gan) / BEST
    checkpoints = Checkpoints(folder) if folder.is_dir() else None
    steps = checkpoints.steps() if checkpoints else []
    if checkpoints is None or not steps:
        raise StudyError(f"{folder} holds no finished checkpoint; run the gan stage")
    if step and step not in steps:
        raise StudyError(f"{folder} holds no checkpoint of step {step}, only {steps}")
    try:
        if step:
            return _load(checkpoints, step)
        found = checkpoints.read_newest(lambda newest: _load(checkpoints, newest))
    finally:
        checkpoints.close()
    assert found is not None  # there are steps
    return found[1]


def _load(checkpoints: Checkpoints, step: int) -> Generator:
    """Loads the generator of one step."""
    meta = checkpoints.read_meta(step)
    saved = freeze(GanConfig, meta["config"], "gan", saved=True)
    config = resolve(saved, meta["resolution"])
    networks = make_networks(
        config,
        resolution=meta["resolution"],
        channels=meta["channels"],
        labels=len(meta["labels"]),
    )
    params = checkpoints.restore_ema(step, ema_like(networks))
    return Generator(
        networks=networks,
        params=params,
        labels=tuple(meta["labels"]),
        resolution=meta["resolution"],
        channels=meta["channels"],
        step=step,
        kimg=meta["kimg"],
        psi=config.psi,
        config=config,
        phase=phase_at(phases(config, networks.resolution), meta["images"]),
    )
