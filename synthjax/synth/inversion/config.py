"""How styles are searched, and the learning rate of the search."""

from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from synthjax.core.config import Config, field


@dataclass(frozen=True)
class InversionConfig(Config):
    """How long and how freely the styles are searched."""

    steps: int = field(500, "updates of Adam", ge=1)
    learning_rate: float = field(0.1, "highest, in units of w", gt=0.0)
    rampup: float = field(
        0.05, "share of the steps in which the rate rises from 0", ge=0.0, le=1.0
    )
    rampdown: float = field(
        0.25, "share of the steps, the last, in which it falls to 0", ge=0.0, le=1.0
    )
    exploration: float = field(
        0.05, "noise on the styles at the start, in spreads of w", ge=0.0
    )
    exploring: float = field(
        0.75, "share of the steps in which that noise fades out", ge=0.0, le=1.0
    )
    shared_style: bool = field(False, "one style for all layers, not one for each")
    noise_weight: float = field(
        0.0, "of the noise maps' decorrelation; 0: noise inputs stay 0", ge=0.0
    )
    feature_weight: float = field(
        1.0, "of the squared distance of the features", ge=0.0
    )
    mean_samples: int = field(
        1024, "latents that the mean style and its spread come from", ge=1
    )
    batch_size: int = field(8, "images at a time", ge=1)


def learning_rate(
    config: InversionConfig, step: Int[Array, ""] | int
) -> Float[Array, ""]:
    """Returns the rate of the update after `step` others.

    It rises linearly, stays, and falls by half a cosine.
    """
    done = (jnp.asarray(step, jnp.float32) + 1.0) / config.steps
    up = jnp.minimum(1.0, done / max(config.rampup, 1e-9))
    down = jnp.minimum(1.0, (1.0 - done) / max(config.rampdown, 1e-9))
    return config.learning_rate * up * (0.5 - 0.5 * jnp.cos(jnp.pi * down))
