"""Searches the styles with which a generator comes closest to a given image.

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
from jaxtyping import Array, Float, Int, Key

from synthjax.core import rng
from synthjax.core.clock import progress
from synthjax.core.errors import StudyError
from synthjax.data.store.loader import padded_batches
from synthjax.gan.generator import Generator, Networks
from synthjax.synth.inversion.config import InversionConfig, learning_rate
from synthjax.synth.inversion.distance import decorrelation, distance

# Images, about -1..1, to numbers whose squared distance says how unlike they look.
Features = Callable[[Float[Array, "b h w c"]], Float[Array, "b f"]]
Noise = tuple[Float[Array, "b _h _w 1"], ...]

_BLOCK = 25  # updates between two signs of progress


class Inversion(NamedTuple):
    """What was found, on the host; image i depends on (seed, i, image i, label i)."""

    ws: Float[np.ndarray, "b n style"]  # the styles
    image: Float[np.ndarray, "b h w c"]  # what they give, about -1..1
    loss: Float[np.ndarray, " b"]  # distance of that image
    mean_loss: Float[np.ndarray, " b"]  # distance of the mean style's image
    curve: Float[np.ndarray, "b steps"]  # what was minimised, before each update


class _Variables(NamedTuple):
    """What is optimised."""

    ws: Float[Array, "b m w"]  # m = 1 for a shared style
    noise: Noise


class _State(NamedTuple):
    """Where the search stands."""

    variables: _Variables
    adam: optax.OptState
    curve: Float[Array, "b steps"]


class _Problem(NamedTuple):
    """What stays the same during the search."""

    params: dict[str, Any]
    keys: Key[Array, " b"]
    image: Float[Array, "b h w c"]  # to come close to
    mean: Float[Array, "b style"]  # style under the image's label
    spread: Float[Array, " b"]  # root mean square distance from it


def invert(
    generator: Generator,
    image: Float[np.ndarray, "b h w c"],
    label: Float[np.ndarray, "b y"],
    *,
    config: InversionConfig | None = None,
    seed: int = 0,
    features: Features | None = None,
) -> Inversion:
    """Finds the styles whose images are closest to the given ones.

    The distance is `distance` plus, with `features`, the mean squared difference of
    theirs. Noise inputs are 0 unless `noise_weight` lets them be found too: then the
    maps can draw what the styles cannot, which is unwanted where the question is what
    the generator has learned.

    Args:
      generator: a growing one is used fully grown.
      image: real images, -1..1, at the generator's resolution.
      label: 0, 1 or NaN; the search begins at the mean style under it.
      config: how to search.
      seed: with the index of an image, fixes the randomness of its search.
      features: traceable; the same object each time, or every call compiles anew.

    Raises:
      StudyError: images or labels that do not fit the generator.
    """
    config = config or InversionConfig()
    networks = generator.networks
    image, label = np.asarray(image, np.float32), np.asarray(label, np.float32)
    _check_fit(networks, image, label)
    params = jax.device_put(generator.params["params"])
    search = _Search(networks, config, features)
    batches = list(padded_batches(len(image), min(config.batch_size, len(image))))
    bar: progress = progress(
        total=config.steps * len(batches), desc="inversion", unit="step"
    )
    parts = []
    for rows, mask in batches:
        keys = jax.vmap(lambda i: rng.key(seed, "projection", i))(jnp.asarray(rows))
        mean, spread = _mean_style(networks, config, params, keys, label[rows])
        problem = _Problem(params, keys, jnp.asarray(image[rows]), mean, spread)
        state = _begin(search, problem)
        for start in range(0, config.steps, _BLOCK):
            stop = min(start + _BLOCK, config.steps)
            state = jax.block_until_ready(_advance(search, problem, state, start, stop))
            bar.update(stop - start)
        parts.append([np.asarray(x)[mask] for x in _finish(search, problem, state)])
    bar.close()
    return Inversion(*map(np.concatenate, zip(*parts, strict=True)))


def _check_fit(networks: Networks, image: np.ndarray, label: np.ndarray) -> None:
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


@partial(jax.jit, static_argnums=(0, 1))
def _mean_style(
    networks: Networks,
    config: InversionConfig,
    params: dict[str, Any],
    keys: Key[Array, " b"],
    label: Float[Array, "b y"],
) -> tuple[Float[Array, "b style"], Float[Array, " b"]]:
    """Returns the mean of w under each label, and the root mean square distance."""

    def measure(case: tuple[Array, Array]) -> tuple[Array, Array]:
        key, row = case
        shape = (config.mean_samples, networks.z_size)
        z = jax.random.normal(rng.key(key, "mean style"), shape, jnp.float32)
        w = networks.map(params, z, jnp.broadcast_to(row, (len(z), len(row))))
        mean = jnp.mean(w, axis=0)
        return mean, jnp.sqrt(jnp.mean(jnp.sum(jnp.square(w - mean), axis=1)))

    return jax.lax.map(measure, (keys, label))


@dataclass(frozen=True)
class _Search:
    """What is minimised, as pure functions; the same search compiles once."""

    networks: Networks
    config: InversionConfig
    features: Features | None

    @property
    def finds_noise(self) -> bool:
        """Whether the noise maps are optimised too."""
        return bool(self.config.noise_weight and self.networks.noise_shapes)

    def optimizer(self) -> optax.GradientTransformation:
        """Returns Adam at the rate of `learning_rate`."""
        return optax.adam(lambda step: learning_rate(self.config, step))

    def styles(self, variables: _Variables) -> Float[Array, "b n style"]:
        """Returns a style for each layer."""
        count, _, size = variables.ws.shape
        return jnp.broadcast_to(variables.ws, (count, self.networks.num_ws, size))

    def synthesize(
        self, problem: _Problem, variables: _Variables
    ) -> Float[Array, "b h w c"]:
        """Draws the images of the variables."""
        ws = self.styles(variables)
        return self.networks.synthesize(problem.params, ws, variables.noise)

    def distances(
        self, problem: _Problem, drawn: Float[Array, "b h w c"]
    ) -> Float[Array, " b"]:
        """Measures how far images are from those of the problem."""
        total = distance(drawn, problem.image)
        if self.features is None:
            return total
        off = self.features(drawn) - self.features(problem.image)
        return total + self.config.feature_weight * jnp.mean(jnp.square(off), axis=1)

    def explore(
        self, problem: _Problem, ws: Float[Array, "b m w"], step: Int[Array, ""]
    ) -> Float[Array, "b m w"]:
        """Adds noise to styles, at the start as large as `exploration` says."""
        left = 1.0 - step / (self.config.steps * max(self.config.exploring, 1e-9))
        fading = jnp.square(jnp.maximum(left, 0.0))
        size = self.config.exploration * problem.spread * fading

        def draw(key: Key[Array, ""]) -> Float[Array, "m w"]:
            return jax.random.normal(
                rng.key(key, "exploration", step), ws.shape[1:], jnp.float32
            )

        return ws + size[:, None, None] * jax.vmap(draw)(problem.keys)

    def objective(
        self, variables: _Variables, problem: _Problem, step: Int[Array, ""]
    ) -> tuple[Float[Array, ""], Float[Array, " b"]]:
        """Returns what is minimised, and its part for each image."""
        ws = self.explore(problem, variables.ws, step)
        drawn = self.synthesize(problem, variables._replace(ws=ws))
        each = self.distances(problem, drawn)
        if self.finds_noise:
            each = each + self.config.noise_weight * decorrelation(variables.noise)
        return jnp.sum(each), each  # a sum: no image's step depends on the others


def _first(search: _Search, problem: _Problem) -> _Variables:
    """Returns the mean style for each layer, and noise: none, or a draw."""
    networks = search.networks

    def draw(key: Key[Array, ""], layer: int, shape: tuple[int, ...]) -> Array:
        return jax.random.normal(rng.key(key, "noise", layer), shape, jnp.float32)

    count = 1 if search.config.shared_style else networks.num_ws
    ws = jnp.repeat(problem.mean[:, None], count, axis=1)
    if not search.finds_noise:
        images = len(problem.mean)
        shapes = networks.noise_shapes
        return _Variables(ws, tuple(jnp.zeros((images, *shape)) for shape in shapes))
    noise = [
        jax.vmap(partial(draw, layer=layer, shape=shape))(problem.keys)
        for layer, shape in enumerate(networks.noise_shapes)
    ]
    return _Variables(ws, tuple(map(_standardize, noise)))


def _standardize(noise: Float[Array, "b h w 1"]) -> Float[Array, "b h w 1"]:
    """Scales noise maps to mean 0 and variance 1, each by itself."""
    centred = noise - jnp.mean(noise, axis=(1, 2, 3), keepdims=True)
    square = jnp.mean(jnp.square(centred), axis=(1, 2, 3), keepdims=True)
    return centred * jax.lax.rsqrt(square + 1e-12)


@partial(jax.jit, static_argnums=0)
def _begin(search: _Search, problem: _Problem) -> _State:
    variables = _first(search, problem)
    curve = jnp.zeros((len(problem.image), search.config.steps), jnp.float32)
    return _State(variables, search.optimizer().init(variables), curve)


@partial(jax.jit, static_argnums=0)
def _advance(
    search: _Search,
    problem: _Problem,
    state: _State,
    start: Int[Array, ""] | int,
    stop: Int[Array, ""] | int,
) -> _State:
    """Does the updates from `start` up to, but not including, `stop`."""
    optimizer = search.optimizer()

    def update(step: Int[Array, ""], state: _State) -> _State:
        variables = state.variables
        slope = jax.grad(search.objective, has_aux=True)
        gradient, each = slope(variables, problem, step)
        moves, adam = optimizer.update(gradient, state.adam)
        if not search.finds_noise:
            moves = moves._replace(noise=jax.tree.map(jnp.zeros_like, moves.noise))
        variables = optax.apply_updates(variables, moves)
        if search.finds_noise:
            variables = variables._replace(
                noise=tuple(map(_standardize, variables.noise))
            )
        return _State(variables, adam, state.curve.at[:, step].set(each))

    return jax.lax.fori_loop(start, stop, update, state)


@partial(jax.jit, static_argnums=0)
def _finish(search: _Search, problem: _Problem, state: _State) -> tuple[Array, ...]:
    """Returns the fields of an `Inversion`, in order."""
    drawn = search.synthesize(problem, state.variables)
    first = search.synthesize(problem, _first(search, problem))
    losses = search.distances(problem, drawn), search.distances(problem, first)
    return search.styles(state.variables), drawn, *losses, state.curve
