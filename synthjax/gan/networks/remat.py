"""Recomputation of activations in the backward pass, at any order of gradient."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.custom_derivatives import SymbolicZero

Tree = Any  # nested containers of float arrays


def remat(function: Callable[..., Tree]) -> Callable[..., Tree]:
    """Returns `function` with a backward pass that keeps its arguments alone.

    The activations inside are computed again when their gradient is due (Chen et al.
    2016, arXiv:1604.06174). `function` must not close over traced values.

    Unlike jax.checkpoint, the second computation depends on the incoming gradient.
    XLA's CPU backend drops the barriers of jax.checkpoint, merges both computations and
    keeps every activation after all. A gradient's gradient is recomputed likewise.
    """

    @jax.custom_vjp
    def run(*arguments: Tree) -> Tree:
        return function(*arguments)

    def forward(*arguments: Any) -> tuple[Tree, tuple[Tree, Tree]]:
        # Gradients that nobody asked for are not computed: R1's inner gradient is of
        # the image alone. None takes the place of a leaf that is in the other tree.
        values = jax.tree.map(lambda x: x.value, arguments)
        moving = jax.tree.map(lambda x: x.value if x.perturbed else None, arguments)
        still = jax.tree.map(lambda x: None if x.perturbed else x.value, arguments)
        return function(*values), (moving, still)

    def backward(saved: tuple[Tree, Tree], cotangent: Tree) -> Tree:
        moving, still = saved
        cotangent = jax.tree.map(_zeros, cotangent)

        def pullback(moving: Tree, still: Tree, cotangent: Tree) -> Tree:
            _, pull = jax.vjp(lambda m: function(*_merge(m, still)), moving)
            return pull(cotangent)[0]

        moving = jax.tree.map(lambda x: _after(x, cotangent), moving)
        return remat(pullback)(moving, still, cotangent)

    run.defvjp(forward, backward, symbolic_zeros=True)
    return run


def _merge(moving: Tree, still: Tree) -> Tree:
    return jax.tree.map(
        lambda m, s: s if m is None else m, moving, still, is_leaf=lambda x: x is None
    )


def _zeros(cotangent: Any) -> Array:
    if isinstance(cotangent, SymbolicZero):
        return jnp.zeros(cotangent.shape, cotangent.dtype)
    return cotangent


def _after(x: Array, cotangent: Tree) -> Array:
    """Returns x, but not before every part of the cotangent is there."""
    firsts = [y.ravel()[0].astype(jnp.float32) for y in jax.tree.leaves(cotangent)]
    first = lax.stop_gradient(sum(firsts[1:], firsts[0]))

    def delayed(x: Array) -> Array:
        return x + (first * jnp.zeros((), jnp.float32)).astype(x.dtype)

    def barred(x: Array) -> Array:
        return lax.optimization_barrier((x, first))[0]

    return lax.platform_dependent(x, cpu=delayed, default=barred)
