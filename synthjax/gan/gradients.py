"""From an objective to the next parameters: means over parts and devices, Adam."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float

from synthjax.core.devices import mean_over_devices
from synthjax.gan.networks.api import Params

Metrics = dict[str, Any]
Objective = Callable[[Params, dict[str, Array]], tuple[Array, Metrics]]


def mean_gradient(
    objective: Objective, params: Params, batch: dict[str, Array], accumulate: int
) -> tuple[Params, Metrics]:
    """Gradient and metrics, means over the parts of the batch and over the devices.

    Args:
      objective: (params, part of the batch) -> (mean over it, metrics of it).
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

    def add(total: Any, part: dict[str, Array]) -> tuple[Any, None]:
        return jax.tree.map(jnp.add, total, differentiate(params, part)), None

    pieces = jax.tree.map(split, batch)
    first = jax.tree.map(lambda leaf: leaf[0], pieces)
    shape = jax.eval_shape(differentiate, params, first)
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shape)
    total, _ = jax.lax.scan(add, zeros, pieces)
    return mean_over_devices(jax.tree.map(lambda leaf: leaf / parts, total))


def descend(
    optimizer: optax.GradientTransformation, gradient: Params, moments: Any, params: Any
) -> tuple[Any, Any, Bool[Array, ""]]:
    """The next parameters and moments, and whether the gradient was finite.

    If it was not, both stay as they are.
    """
    finite = jnp.isfinite(optax.tree.norm(gradient))
    change, next_moments = optimizer.update(gradient, moments, params)
    moved = optax.apply_updates(params, change)
    return (
        choose(finite, moved, params),
        choose(finite, next_moments, moments),
        finite,
    )


def choose(finite: Bool[Array, ""], new: Any, old: Any) -> Any:
    """The new tree if the update was made, else the old one."""
    return jax.tree.map(lambda a, b: jnp.where(finite, a, b), new, old)


def add_totals(
    totals: dict[str, Float[Array, "2"]], values: Metrics, finite: Bool[Array, ""]
) -> dict[str, Float[Array, "2"]]:
    """Adds one update's metrics to the sums and counts of the tick, if it was made."""
    added = {
        name: totals[name]
        + jnp.where(finite, jnp.stack([value, jnp.ones_like(value)]), 0.0)
        for name, value in values.items()
    }
    return {**totals, **added}
