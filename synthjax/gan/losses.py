"""The losses of a GAN, per sample, on logits: adversarial ones and those of labels."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from synthjax.gan.networks.api import AnyArray

Logit = Float[AnyArray, "..."]  # of whatever shape: element by element
LabelLogit = Float[AnyArray, "b y"]
LabelLoss = Float[Array, " b"]


@dataclass(frozen=True)
class Loss:
    """The two sides of an adversarial game, each to be minimised.

    Both take the logits of the sample and of its counterpart in the other half of the
    batch; a generator's loss that does not need the real logits is given None.
    """

    discriminator: Callable[[Logit, Logit], Logit]  # (real, synthetic) logits -> [b]
    generator: Callable[..., Logit]  # (synthetic logits, real logits or None) -> [b]
    needs_real: bool = False  # the generator's update judges real images as well
    paired: bool = False  # synthetic image i takes the labels of real image i
    interpolates: bool = False  # the gradient penalty between real and synthetic


def _logistic_discriminator(real: Logit, synthetic: Logit) -> Logit:
    """Returns -log sigmoid(real) - log(1 - sigmoid(synthetic))."""
    return jax.nn.softplus(-real) + jax.nn.softplus(synthetic)


def _logistic_generator(synthetic: Logit, real: Logit | None = None) -> Logit:
    """Returns -log sigmoid(synthetic): the non-saturating form."""
    return jax.nn.softplus(-synthetic)


def _wgan_discriminator(real: Logit, synthetic: Logit) -> Logit:
    """Returns minus the Wasserstein estimate; penalty and drift come apart."""
    return synthetic - real


def _hinge_discriminator(real: Logit, synthetic: Logit) -> Logit:
    """Returns max(0, 1 - real) + max(0, 1 + synthetic)."""
    return jax.nn.relu(1.0 - real) + jax.nn.relu(1.0 + synthetic)


def _minus_logit(synthetic: Logit, real: Logit | None = None) -> Logit:
    """Returns the generator's side of the Wasserstein and of the hinge loss."""
    return -synthetic


def _relativistic_discriminator(real: Logit, synthetic: Logit) -> Logit:
    """Returns -log sigmoid(real - synthetic): real is to look the more real of both."""
    return jax.nn.softplus(-(real - synthetic))


def _relativistic_generator(synthetic: Logit, real: Logit) -> Logit:
    """Returns -log sigmoid(synthetic - real)."""
    return jax.nn.softplus(-(synthetic - real))


LOSSES = {
    # Goodfellow et al. 2014 (arXiv:1406.2661), section 3: non-saturating logistic loss.
    "logistic": Loss(_logistic_discriminator, _logistic_generator),
    # Gulrajani et al. 2017 (arXiv:1704.00028), eq. 3. The critic compares means, which
    # are to differ in the images alone and so have the same labels on both sides.
    "wgan_gp": Loss(_wgan_discriminator, _minus_logit, paired=True, interpolates=True),
    # Lim & Ye 2017 (arXiv:1705.02894); Miyato et al. 2018 (arXiv:1802.05957), eq. 16.
    "hinge": Loss(_hinge_discriminator, _minus_logit),
    # Jolicoeur-Martineau 2018 (arXiv:1807.00734), as Huang et al. 2024
    # (arXiv:2501.05441), eq. 2, pair it; the same labels in a pair cancel what the
    # discriminator thinks of the labels alone.
    "relativistic": Loss(
        _relativistic_discriminator,
        _relativistic_generator,
        needs_real=True,
        paired=True,
    ),
}


def binary_label_loss(logit: LabelLogit, label: LabelLogit) -> LabelLoss:
    """Returns the binary cross-entropy summed over the known labels of each image.

    Args:
      logit: one per finding.
      label: in 0..1, NaN where unknown.
    """
    known = ~jnp.isnan(label)
    target = jnp.where(known, label, 0.0)
    entropy = optax.sigmoid_binary_cross_entropy(logit, target)
    return jnp.sum(jnp.where(known, entropy, 0.0), axis=-1)


def softmax_label_loss(logit: LabelLogit, label: LabelLogit) -> LabelLoss:
    """Returns the cross-entropy of the softmax over the findings to the labels.

    The labels are normalised to a sum of 1.

    Odena et al. 2017 (arXiv:1610.09585) with a row's positives sharing the probability
    evenly. A row without positives has no such target and costs nothing; unknown
    labels count as absent.

    Args:
      logit: one per finding.
      label: in 0..1, NaN where unknown.
    """
    present = jnp.where(jnp.isnan(label), 0.0, label)
    total = jnp.sum(present, axis=-1, keepdims=True)
    target = present / jnp.maximum(total, 1.0)
    return -jnp.sum(target * jax.nn.log_softmax(logit, axis=-1), axis=-1)


# The losses of a discriminator's label logits: name in the config -> per sample.
LABEL_LOSSES: dict[str, Callable[[LabelLogit, LabelLogit], LabelLoss]] = {
    "binary": binary_label_loss,
    "softmax": softmax_label_loss,
}
