"""From an objective to the next parameters: means over parts and devices, Adam."""

import math
from typing import Any, Protocol, TypeVar, runtime_checkable

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Shaped

from synthjax.core.devices import mean_over_devices
from synthjax.gan.networks.api import Params
from synthjax.gan.state import Optimizers, Totals, TrainState

Part = dict[str, Shaped[Array, "b ..."]]  # samples along axis 0, as a batch is
Metrics = dict[str, Any]  # means over the samples, float32
Tree = TypeVar("Tree")


@runtime_checkable
class Objective(Protocol):
    """Gives the mean over a part of a batch, to be minimised, and metrics of it."""

    def __call__(
        self, params: Params, part: Part, /
    ) -> tuple[Float[Array, ""], Metrics]: ...


def mean_gradient(
    objective: Objective, params: Params, batch: Part, accumulate: int
) -> tuple[Params, Metrics]:
    """Returns gradient and metrics, means over parts of the batch and over devices.

    Args:
      objective: what the gradient is of.
      params: what the gradient is taken in.
      batch: arrays with the samples of this device along axis 0.
      accumulate: parts, one after the other; fewer where it does not divide.
    """
    differentiate = jax.grad(objective, has_aux=True)
    count = next(iter(batch.values())).shape[0]
    parts = math.gcd(accumulate, count)
    if parts == 1:
        return mean_over_devices(differentiate(params, batch))

    def split(leaf: Array) -> Array:
        return leaf.reshape(parts, count // parts, *leaf.shape[1:])

    def add(total: Any, part: Part) -> tuple[Any, None]:
        return jax.tree.map(jnp.add, total, differentiate(params, part)), None

    pieces = jax.tree.map(split, batch)
    first = jax.tree.map(lambda leaf: leaf[0], pieces)
    shape = jax.eval_shape(differentiate, params, first)
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shape)
    total, _ = jax.lax.scan(add, zeros, pieces)
    return mean_over_devices(jax.tree.map(lambda leaf: leaf / parts, total))


def apply_gradients(
    optimizer: optax.GradientTransformation, gradient: Params, moments: Any, params: Any
) -> tuple[Any, Any, Bool[Array, ""]]:
    """Returns the next parameters and moments, and whether the gradient was finite.

    If it was not, both stay as they are.
    """
    finite = jnp.isfinite(optax.tree.norm(gradient))
    change, next_moments = optimizer.update(gradient, moments, params)
    moved = optax.apply_updates(params, change)
    return (
        where_finite(finite, moved, params),
        where_finite(finite, next_moments, moments),
        finite,
    )


def where_finite(finite: Bool[Array, ""], new: Tree, old: Tree) -> Tree:
    """Returns the new tree if the gradient was finite, else the old one."""
    return jax.tree.map(lambda a, b: jnp.where(finite, a, b), new, old)


def add_totals(totals: Totals, values: Metrics, finite: Bool[Array, ""]) -> Totals:
    """Adds one update's metrics to the sums and counts of the tick, if it was made."""
    added = {
        name: totals[name]
        + jnp.where(finite, jnp.stack([value, jnp.ones_like(value)]), 0.0)
        for name, value in values.items()
    }
    return {**totals, **added}


def move_discriminator(
    optimizers: Optimizers, state: TrainState, gradient: Params, metrics: Metrics
) -> TrainState:
    """Returns the state after a step of the discriminator, its metrics counted."""
    params, moments, finite = apply_gradients(
        optimizers.discriminator,
        gradient,
        state.discriminator_optimizer,
        state.discriminator,
    )
    return state.replace(
        discriminator=params,
        discriminator_optimizer=moments,
        skipped=state.skipped + jnp.where(finite, 0, 1).astype(jnp.int32),
        totals=add_totals(state.totals, metrics, finite),
    )


def move_generator(
    optimizers: Optimizers, state: TrainState, gradient: Params, metrics: Metrics
) -> tuple[TrainState, Bool[Array, ""]]:
    """Returns the state after a step of the generator, and whether it was made."""
    params, moments, finite = apply_gradients(
        optimizers.generator,
        gradient,
        state.generator_optimizer,
        state.generator,
    )
    state = state.replace(
        generator=params,
        generator_optimizer=moments,
        skipped=state.skipped + jnp.where(finite, 0, 1).astype(jnp.int32),
        totals=add_totals(state.totals, metrics, finite),
    )
    return state, finite
