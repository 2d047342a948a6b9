"""Truncation of styles towards a centre that follows the label.

One mean style is a mixture of all findings, so pulling w to it erases the labels. The
centre here is the best linear prediction of w from the label's code, fitted to the
running means of both; rows that never occurred in training have a centre too.
"""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from synthjax.gan.labels import label_code
from synthjax.gan.networks.api import AnyArray

RIDGE = 1e-3  # added to the variance of each code, itself at most 1

Moments = dict[str, Any]  # name -> float32 array, of the shapes of `zero_moments`


def zero_moments(w_size: int, labels: int) -> Moments:
    """Returns the running means before the first update; without labels, fewer."""
    shapes: dict[str, tuple[int, ...]] = {"weight": (), "w": (w_size,)}
    if labels:
        shapes["code"] = (labels,)
        shapes["code_code"] = (labels, labels)
        shapes["code_w"] = (labels, w_size)
    return {name: jnp.zeros(shape, jnp.float32) for name, shape in shapes.items()}


def batch_moments(
    w: Float[AnyArray, "b style"], label: Float[AnyArray, "b y"]
) -> Moments:
    """Returns means over a batch of what a linear fit of w on the label needs."""
    means = {"weight": jnp.ones((), jnp.float32), "w": jnp.mean(w, axis=0)}
    if label.shape[-1] == 0:
        return means
    code, count = label_code(label), w.shape[0]
    return means | {
        "code": jnp.mean(code, axis=0),
        "code_code": code.T @ code / count,
        "code_w": code.T @ w / count,
    }


def centre(moments: Moments, label: Float[AnyArray, "b y"]) -> Float[Array, "b style"]:
    """Returns the style that a label leads to on average: E[w] + A (code - E[code])."""
    weight = jnp.maximum(moments["weight"], 1e-12)  # running means begin at zero
    mean = {name: value / weight for name, value in moments.items()}
    code = label_code(label)
    if code.shape[-1] == 0:
        return jnp.broadcast_to(mean["w"], (code.shape[0], mean["w"].shape[0]))
    ridge = RIDGE * jnp.eye(code.shape[-1], dtype=jnp.float32)
    variance = mean["code_code"] - jnp.outer(mean["code"], mean["code"]) + ridge
    covariance = mean["code_w"] - jnp.outer(mean["code"], mean["w"])
    slope = jnp.linalg.solve(variance, covariance)
    return mean["w"] + (code - mean["code"]) @ slope


def truncate(
    w: Float[AnyArray, "b style"],
    towards: Float[AnyArray, "#b style"],
    psi: float | Float[Array, ""],
) -> Float[Array, "b style"]:
    """Pulls w towards a centre: psi = 1 changes nothing, psi = 0 gives the centre.

    Karras et al. 2019 (arXiv:1812.04948), appendix B, there with the mean of all w.
    """
    return towards + psi * (w - towards)
