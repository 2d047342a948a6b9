"""Adversarial losses: one entry of the table for each, per sample, on logits."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
from jaxtyping import Array, Float

Logit = Float[Array, " b"]


@dataclass(frozen=True)
class Loss:
    """The two sides of an adversarial game, each to be minimised."""

    discriminator: Callable[[Logit, Logit], Logit]  # (real, synthetic) logits -> [b]
    generator: Callable[[Logit], Logit]  # synthetic logits -> [b]


def _logistic_discriminator(real: Logit, synthetic: Logit) -> Logit:
    """-log sigmoid(real) - log(1 - sigmoid(synthetic))."""
    return jax.nn.softplus(-real) + jax.nn.softplus(synthetic)


def _logistic_generator(synthetic: Logit) -> Logit:
    """-log sigmoid(synthetic): the non-saturating form."""
    return jax.nn.softplus(-synthetic)


LOSSES = {
    # Goodfellow et al. 2014 (arXiv:1406.2661), section 3: non-saturating logistic loss.
    "logistic": Loss(_logistic_discriminator, _logistic_generator),
}
