"""Losses of findings on their logits, and how the training labels weigh them.

Every loss is linear in the label, y * positive(x) + (1 - y) * negative(x), so that a
label between 0 and 1, as smoothing and mixing make it, has the expected loss of one
drawn with that probability.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

Logit = Float[Array, "b y"]


@dataclass(frozen=True)
class Loss:
    """The loss of a logit x if the finding is there, and if it is not there."""

    positive: Callable[[Logit, float], Logit]  # (x, gamma) -> loss
    negative: Callable[[Logit, float], Logit]


def _cross_entropy(logit: Logit, gamma: float) -> Logit:
    """Returns -log sigmoid(x)."""
    return jax.nn.softplus(-logit)


def _focal(logit: Logit, gamma: float) -> Logit:
    """Returns -(1 - p)^gamma log p for p = sigmoid(x)."""
    return jnp.exp(-gamma * jax.nn.softplus(logit)) * jax.nn.softplus(-logit)


def _mirrored(positive: Callable[[Logit, float], Logit]) -> Loss:
    """Returns a loss that treats p of a finding as it treats 1 - p of its absence."""
    return Loss(positive, lambda logit, gamma: positive(-logit, gamma))


LOSSES = {
    "bce": _mirrored(_cross_entropy),  # binary cross-entropy
    "focal": _mirrored(_focal),  # Lin et al. 2017 (arXiv:1708.02002), eq. 4
}
CLASS_WEIGHTS = ("none", "balanced")


def masked_loss(
    name: str,
    logit: Logit,
    label: Float[Array, "b y"],
    positive_weight: Float[Array | np.ndarray, " y"],
    *,
    gamma: float = 0.0,
    smoothing: float = 0.0,
) -> Float[Array, ""]:
    """Returns a loss summed over the known labels of the batch.

    Args:
      name: a key of LOSSES.
      logit: of each image and label.
      label: 0 to 1, NaN where unknown.
      positive_weight: what the loss of a positive label is multiplied by.
      gamma: of the focal loss; 0 makes it the cross-entropy.
      smoothing: labels are drawn in to smoothing / 2 and 1 - smoothing / 2
        (Szegedy et al. 2016, arXiv:1512.00567, section 7, for two classes).
    """
    loss, known = LOSSES[name], ~jnp.isnan(label)
    # An unknown label is replaced before the loss: NaN times zero is NaN.
    target = jnp.where(known, label, 0.0) * (1.0 - smoothing) + smoothing / 2
    positive = positive_weight * target * loss.positive(logit, gamma)
    negative = (1.0 - target) * loss.negative(logit, gamma)
    return jnp.sum(jnp.where(known, positive + negative, 0.0))


def positive_weights(
    label: Float[np.ndarray, "n y"], *, scheme: str, cap: float
) -> Float[np.ndarray, " y"]:
    """Returns what the loss of a positive is multiplied by, for each label.

    A soft label counts in part as a positive and in part as a negative.

    Args:
      label: of the training images in use: 0 to 1, NaN where unknown.
      scheme: "none": 1; "balanced": negatives over positives, so that both sides of a
        label weigh the same.
      cap: weights are kept within 1 / cap and cap; a label without a positive has cap.
    """
    if scheme == "none":
        return np.ones(label.shape[1], np.float32)
    positive = np.sum(np.nan_to_num(label), axis=0, dtype=np.float64)
    negative = np.sum(~np.isnan(label), axis=0) - positive
    ratio = np.divide(
        negative, positive, out=np.full(label.shape[1], float(cap)), where=positive > 0
    )
    return np.clip(ratio, 1 / cap, cap).astype(np.float32)
