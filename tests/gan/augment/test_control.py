"""How the probability of the augmentations follows the discriminator."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthjax.gan.augment.augment import AugmentConfig
from synthjax.gan.augment.control import adjust_p


def test_p_moves_towards_the_target_and_saturates():
    config = AugmentConfig(mode="ada", kimg=1.0)

    def step(p, signs, images=100, config=config):
        numbers = map(jnp.float32, (p, sum(signs), len(signs), images))
        return float(adjust_p(*numbers, config))

    assert step(0.5, [1, 1, 1, 1]) == pytest.approx(0.6)
    assert step(0.5, [1, 1, -1, 1]) == pytest.approx(0.4)
    assert step(0.95, [1, 1]) == 1.0
    assert step(0.05, [-1, 1]) == 0.0
    assert step(0.5, []) == 0.5
    assert step(0.5, [1, 1], config=AugmentConfig(mode="fixed", p=0.5)) == 0.5


def test_p_settles_where_the_sign_meets_the_target():
    """A discriminator whose sureness falls with p: mean sign 0.95 - p."""
    config = AugmentConfig(mode="ada", target=0.6, kimg=4.0)
    counts = jnp.float32(256), jnp.float32(64)
    adjust = jax.jit(lambda p, total: adjust_p(p, total, *counts, config))
    random, p, path = np.random.default_rng(0), jnp.float32(0.0), []
    for _ in range(400):
        sure = random.random(256) < (1 + 0.95 - float(p)) / 2
        p = adjust(p, np.float32(np.where(sure, 1, -1).sum()))
        path.append(float(p))
    assert path[9] == pytest.approx(10 * 64 / 4000)  # full speed while far away
    assert abs(np.mean(path[100:]) - 0.35) < 0.02
    assert np.abs(np.array(path[100:]) - 0.35).max() < 0.15
