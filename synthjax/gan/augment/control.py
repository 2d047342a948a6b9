"""How the probability of the augmentations follows the discriminator.

Karras et al. 2020 (arXiv:2006.06676), section 3.2.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from synthjax.gan.augment.augment import AugmentConfig
from synthjax.gan.state import TrainState


def adjust_augmentation(
    state: TrainState, sign: Float[Array, ""], shown: int, config: AugmentConfig
) -> TrainState:
    """Returns the state with what an update says of D(real), and now and then another p.

    Args:
      state: before the update.
      sign: mean sign of the logits of its real images.
      shown: how many those were, over all devices.
      config: in any mode but "ada" the state is given back.
    """
    if config.mode != "ada":
        return state
    known = jnp.isfinite(sign)
    added = jnp.stack([sign * shown, jnp.asarray(shown, jnp.float32)])
    total = state.augment_sign + jnp.where(known, added, 0.0)
    moved = adjust_p(state.augment_p, total[0], total[1], total[1], config)
    now = ((state.step + 1) % config.every == 0) & (total[1] > 0)
    return state.replace(
        augment_p=jnp.where(now, moved, state.augment_p),
        augment_sign=jnp.where(now, jnp.zeros_like(total), total),
    )


def adjust_p(
    p: Float[Array, ""],
    sign_sum: Float[Array, ""],
    sign_count: Float[Array, ""],
    images_since: Float[Array, ""],
    config: AugmentConfig,
) -> Float[Array, ""]:
    """Returns the next p, by how sure the discriminator is of its real images.

    The overfitting measure is r_t = E[sign(D(real))] (section 3.2): 0 without any, 1
    when every real image is recognised. Above the target p rises, below it falls, at
    the same speed.

    Args:
      p: the current probability.
      sign_sum: sum of sign(D(real)) since the last adjustment, over all devices.
      sign_count: how many were summed; without any, p stays.
      images_since: real images shown since the last adjustment.
      config: in any mode but "ada" p stays.
    """
    if config.mode != "ada":
        return p
    measured = sign_sum / jnp.maximum(sign_count, 1)
    step = jnp.asarray(images_since, jnp.float32) / (config.kimg * 1000)
    direction = jnp.where(sign_count > 0, jnp.sign(measured - config.target), 0.0)
    return jnp.clip(p + direction * step, 0.0, 1.0).astype(jnp.float32)
