"""Projection: the styles with which a generator comes closest to a given image.

After Karras et al. 2020 (arXiv:1912.04958), appendix D, with other distances: styles
begin at the mean style, Adam moves them, and noise that fades out keeps the search from
settling early.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Key

from synthjax.core import rng
from synthjax.core.errors import ConfigError, StudyError
from synthjax.data.store.loader import padded_batches

# Images, about -1..1, to numbers whose squared distance says how unlike they look.
Features = Callable[[Float[Array, "b h w c"]], Float[Array, "b f"]]

_SMALLEST = 8  # px; no scale below it is compared, no noise map decorrelated


@dataclass(frozen=True)
class ProjectionConfig:
    """How long and how freely the styles are searched."""

    steps: int = 500  # updates of Adam
    learning_rate: float = 0.1  # highest, in units of w
    rampup: float = 0.05  # share of the steps in which it rises from 0
    rampdown: float = 0.25  # share of the steps, the last, in which it falls to 0
    exploration: float = 0.05  # noise on the styles at the start, in spreads of w
    exploring: float = 0.75  # share of the steps in which it fades out
    shared_style: bool = False  # one style for all layers instead of one for each
    noise_weight: float = 0.0  # of the maps' decorrelation; 0: noise inputs stay 0
    feature_weight: float = 1.0  # of the squared distance of the features
    mean_samples: int = 1024  # latents that the mean style and its spread come from
    batch_size: int = 8  # images at a time

    def __post_init__(self) -> None:
        """Check the ranges; raises ConfigError."""
        for name in ("steps", "batch_size", "mean_samples"):
            value = getattr(self, name)
            if value < 1:
                raise ConfigError(f"{name}={value}: must be at least 1")
        for name in ("rampup", "rampdown", "exploring"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ConfigError(f"{name}={value}: must be between 0 and 1")
        if self.learning_rate <= 0:
            raise ConfigError(
                f"learning_rate={self.learning_rate}: must be more than 0"
            )
        for name in ("exploration", "noise_weight", "feature_weight"):
            value = getattr(self, name)
            if value < 0:
                raise ConfigError(f"{name}={value}: must be 0 or more")


class Projection(NamedTuple):
    """What was found, on the host; image i depends on (seed, i, image i, label i)."""

    ws: Float[np.ndarray, "b n w"]  # the styles
    image: Float[np.ndarray, "b h w c"]  # what they give, about -1..1
    loss: Float[np.ndarray, " b"]  # distance of that image
    mean_loss: Float[np.ndarray, " b"]  # distance of the mean style's image
    curve: Float[np.ndarray, "b steps"]  # what was minimised, before each update


class _Found(NamedTuple):
    """What is being optimised."""

    ws: Float[Array, "b m w"]  # m = 1 for a shared style
    noise: tuple[Float[Array, "b h w 1"], ...]


def project(
    generator: Any,
    image: Float[np.ndarray, "b h w c"],
    label: Float[np.ndarray, "b y"],
    *,
    config: ProjectionConfig | None = None,
    seed: int = 0,
    features: Features | None = None,
) -> Projection:
    """Finds the styles whose images are closest to the given ones.

    The distance is `distance` plus, with `features`, the mean squared difference of
    theirs. Noise inputs are 0 unless `noise_weight` lets them be found too: then the
    maps can draw what the styles cannot, which is unwanted where the question is what
    the generator has learned.

    Args:
      generator: a `gan.generator.Generator`; a growing one is used fully grown.
      image: real images, -1..1, at the generator's resolution.
      label: 0, 1 or NaN; the search begins at the mean style under it.
      config: how to search.
      seed: with the number of an image, fixes the randomness of its search.
      features: traceable; the same object each time, or every call compiles anew.

    Raises:
      StudyError: images or labels that do not fit the generator.
    """
    config = config or ProjectionConfig()
    networks = generator.networks
    image, label = np.asarray(image, np.float32), np.asarray(label, np.float32)
    _check_fit(networks, image, label)
    params = jax.device_put(generator.params["params"])
    parts = []
    for rows, mask in padded_batches(len(image), min(config.batch_size, len(image))):
        keys = jax.vmap(lambda i: rng.key(seed, "projection", i))(jnp.asarray(rows))
        begin, spread = _mean_style(networks, config, params, keys, label[rows])
        found = _search(
            networks, config, features, params, begin, spread, keys, image[rows]
        )
        parts.append([np.asarray(x)[mask] for x in found])
    return Projection(*map(np.concatenate, zip(*parts, strict=True)))


def _check_fit(networks: Any, image: np.ndarray, label: np.ndarray) -> None:
    size = (networks.resolution, networks.resolution, networks.channels)
    if image.ndim != 4 or not len(image) or image.shape[1:] != size:
        raise StudyError(
            f"images of shape {image.shape} do not fit a generator of {size}; "
            "resize them as the data stage does"
        )
    if label.shape != (len(image), networks.labels):
        raise StudyError(
            f"labels of shape {label.shape}: {len(image)} images and a generator of "
            f"{networks.labels} labels need {(len(image), networks.labels)}"
        )


def distance(
    a: Float[Array, "b h w c"], b: Float[Array, "b h w c"]
) -> Float[Array, " b"]:
    """Mean squared differences, summed over scales: full size, halves down to 8 px.

    A shift by a pixel costs much at full size and little at the coarse ones, which pull
    the search towards the right shapes.
    """
    total = jnp.zeros(a.shape[0], jnp.float32)
    difference = (a - b).astype(jnp.float32)
    while True:
        total = total + jnp.mean(jnp.square(difference), axis=(1, 2, 3))
        if difference.shape[1] // 2 < _SMALLEST:
            return total
        difference = _halved(difference)


def _halved(x: Float[Array, "b h w c"]) -> Float[Array, "b h/2 w/2 c"]:
    b, h, w, c = x.shape
    return x.reshape(b, h // 2, 2, w // 2, 2, c).mean(axis=(2, 4))


def decorrelation(noise: tuple[Float[Array, "b h w 1"], ...]) -> Float[Array, " b"]:
    """How far noise maps are from white: squared autocorrelations at a pixel's shift.

    arXiv:1912.04958, appendix D: of every map and its halves down to 8 px, each kept at
    unit variance, so that no image is drawn into them at any scale.
    """
    total = jnp.float32(0)
    for level in noise:
        while True:
            for axis in (1, 2):
                shifted = jnp.roll(level, 1, axis)
                total = total + jnp.square(jnp.mean(level * shifted, axis=(1, 2, 3)))
            if level.shape[1] // 2 < _SMALLEST:
                break
            level = 2.0 * _halved(level)  # the mean of four has half the deviation
    return jnp.broadcast_to(total, noise[0].shape[:1])


def learning_rate(config: ProjectionConfig, step: Array | int) -> Float[Array, ""]:
    """Linear up, constant, half a cosine down; the update after `step` others."""
    done = (jnp.asarray(step, jnp.float32) + 1.0) / config.steps
    up = jnp.minimum(1.0, done / max(config.rampup, 1e-9))
    down = jnp.minimum(1.0, (1.0 - done) / max(config.rampdown, 1e-9))
    return config.learning_rate * up * (0.5 - 0.5 * jnp.cos(jnp.pi * down))


@partial(jax.jit, static_argnums=(0, 1))
def _mean_style(
    networks: Any,
    config: ProjectionConfig,
    params: Any,
    keys: Key[Array, " b"],
    label: Float[Array, "b y"],
) -> tuple[Float[Array, "b w"], Float[Array, " b"]]:
    """The mean of w under each label, and the root mean square distance from it."""

    def measure(case: tuple[Array, Array]) -> tuple[Array, Array]:
        key, row = case
        shape = (config.mean_samples, networks.z_size)
        z = jax.random.normal(rng.key(key, "mean style"), shape, jnp.float32)
        w = networks.map(params, z, jnp.broadcast_to(row, (len(z), len(row))))
        mean = jnp.mean(w, axis=0)
        return mean, jnp.sqrt(jnp.mean(jnp.sum(jnp.square(w - mean), axis=1)))

    return jax.lax.map(measure, (keys, label))


@partial(jax.jit, static_argnums=(0, 1, 2))
def _search(
    networks: Any,
    config: ProjectionConfig,
    features: Features | None,
    params: Any,
    begin: Float[Array, "b w"],
    spread: Float[Array, " b"],
    keys: Key[Array, " b"],
    image: Float[Array, "b h w c"],
) -> tuple[Array, ...]:
    """The fields of a `Projection`, in order."""
    batch, count = len(image), networks.num_ws
    describe = features or (lambda image: jnp.zeros((batch, 1), jnp.float32))
    wanted = describe(image)
    searched = bool(config.noise_weight and networks.noise_shapes)

    def synthesize(found: _Found) -> Array:
        ws = jnp.broadcast_to(found.ws, (batch, count, networks.w_size))
        return networks.synthesize(params, ws, found.noise)

    def distances(drawn: Array) -> Array:
        off = jnp.mean(jnp.square(describe(drawn) - wanted), axis=1)
        return distance(drawn, image) + config.feature_weight * off

    def explore(ws: Array, step: Array) -> Array:
        """Styles with noise on them, as large as `exploration` says at the start."""
        left = 1.0 - step / (config.steps * max(config.exploring, 1e-9))
        size = config.exploration * spread * jnp.square(jnp.maximum(left, 0.0))

        def draw(key: Array) -> Array:
            return jax.random.normal(
                rng.key(key, "exploration", step), ws.shape[1:], jnp.float32
            )

        return ws + size[:, None, None] * jax.vmap(draw)(keys)

    def objective(found: _Found, step: Array) -> tuple[Array, Array]:
        each = distances(synthesize(found._replace(ws=explore(found.ws, step))))
        if searched:
            each = each + config.noise_weight * decorrelation(found.noise)
        return jnp.sum(each), each  # a sum: no image's step depends on the others

    optimizer = optax.adam(lambda step: learning_rate(config, step))

    def update(carry: tuple[_Found, Any], step: Array) -> tuple[Any, Array]:
        found, state = carry
        gradient, each = jax.grad(objective, has_aux=True)(found, step)
        moves, state = optimizer.update(gradient, state)
        if not searched:
            moves = moves._replace(noise=jax.tree.map(jnp.zeros_like, moves.noise))
        found = optax.apply_updates(found, moves)
        if searched:
            found = found._replace(noise=tuple(map(_standardised, found.noise)))
        return (found, state), each

    first = _begin(networks, config, begin, keys, searched)
    steps = jnp.arange(config.steps, dtype=jnp.int32)
    (found, _), curve = jax.lax.scan(update, (first, optimizer.init(first)), steps)
    drawn = synthesize(found)
    ws = jnp.broadcast_to(found.ws, (batch, count, networks.w_size))
    return ws, drawn, distances(drawn), distances(synthesize(first)), curve.T


def _begin(
    networks: Any,
    config: ProjectionConfig,
    begin: Float[Array, "b w"],
    keys: Key[Array, " b"],
    searched: bool,
) -> _Found:
    """The mean style in each layer, and noise: none, or a draw to begin with."""

    def draw(key: Array, layer: int, shape: tuple[int, ...]) -> Array:
        return jax.random.normal(rng.key(key, "noise", layer), shape, jnp.float32)

    count = 1 if config.shared_style else networks.num_ws
    ws = jnp.repeat(begin[:, None], count, axis=1)
    noise = tuple(
        jax.vmap(lambda key, i=i, shape=shape: draw(key, i, shape))(keys)
        if searched
        else jnp.zeros((len(begin), *shape), jnp.float32)
        for i, shape in enumerate(networks.noise_shapes)
    )
    return _Found(ws, tuple(map(_standardised, noise)) if searched else noise)


def _standardised(noise: Float[Array, "b h w 1"]) -> Float[Array, "b h w 1"]:
    """Noise maps of mean 0 and variance 1, each by itself."""
    centred = noise - jnp.mean(noise, axis=(1, 2, 3), keepdims=True)
    square = jnp.mean(jnp.square(centred), axis=(1, 2, 3), keepdims=True)
    return centred * jax.lax.rsqrt(square + 1e-12)
