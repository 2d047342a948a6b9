"""R1, truncation and EMA decay against their definitions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthjax.gan.models.stylegan2 import StyleGAN2Config, make_networks
from synthjax.gan.regularizers import ema_decay, r1, truncate


def test_r1_of_a_quadratic_is_closed_form():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(3, 4, 4, 2)), jnp.float32)
    penalty = r1(lambda image: 1.5 * jnp.sum(image**2, axis=(1, 2, 3)), x)
    expected = 9.0 * np.sum(np.asarray(x, np.float64) ** 2, axis=(1, 2, 3))
    np.testing.assert_allclose(penalty, expected, rtol=1e-5)


def test_r1_equals_finite_differences_on_the_discriminator():
    config = StyleGAN2Config(channel_base=64, channel_max=4, mbstd_group=1)
    networks = make_networks(config, resolution=8, channels=1, labels=3)
    label = jnp.asarray([[0.0, 1.0, 1.0]])
    params = networks.init_discriminator(jax.random.key(0))
    x = jnp.asarray(np.random.default_rng(1).normal(size=(1, 8, 8, 1)), jnp.float32)

    @jax.jit
    def logits(image):
        return networks.discriminate(params, image, jnp.repeat(label, len(image), 0))

    penalty = jax.jit(lambda image: r1(logits, image))(x)
    steps = jnp.eye(64, dtype=jnp.float32).reshape(64, 8, 8, 1) * 1e-2
    both = np.asarray(logits(jnp.concatenate([x + steps, x - steps])), np.float64)
    slope = (both[:64] - both[64:]) / 2e-2
    np.testing.assert_allclose(penalty[0], np.sum(slope**2), rtol=2e-2)


def test_truncation_ends():
    w = jnp.asarray(np.random.default_rng(0).normal(size=(4, 8)), jnp.float32)
    mean = w.mean(0)
    np.testing.assert_array_equal(truncate(w, mean, 0.0), np.tile(mean, (4, 1)))
    np.testing.assert_allclose(truncate(w, mean, 1.0), w, rtol=1e-5, atol=1e-6)
    halfway = truncate(w, mean, 0.5)
    np.testing.assert_allclose(halfway, (w + mean) / 2, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("batch_size", [8, 32])
def test_ema_half_life_is_kept_at_any_batch_size(batch_size):
    half_life_kimg = 1.6
    average, images = 1.0, 0
    while images < half_life_kimg * 1000:
        images += batch_size
        decay = float(ema_decay(batch_size, 1e6, half_life_kimg, 0.05))
        average = decay * average  # the new value is 0
    assert images == half_life_kimg * 1000
    np.testing.assert_allclose(average, 0.5, rtol=1e-4)


def test_ema_ramp_up_shortens_the_half_life_early():
    early = float(ema_decay(10, 1.0, 10.0, 0.05))
    np.testing.assert_allclose(early, 0.5 ** (10 / 50), rtol=1e-5)
    late = float(ema_decay(10, 1000.0, 10.0, 0.05))
    np.testing.assert_allclose(late, 0.5 ** (10 / 10000), rtol=1e-5)
    assert float(ema_decay(10, 0.0, 10.0, 0.05)) == 0.0  # nothing shown: no memory
    without = float(ema_decay(10, 0.0, 10.0, 0.0))
    np.testing.assert_allclose(without, late, rtol=1e-6)
