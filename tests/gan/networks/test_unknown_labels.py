"""An unknown label has one code, the same in training and in sampling.

Training shows a model NaN for it (`draw_labels`), and so does sampling
(`synth.labels.requested`): what is left to each model is the code, here.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthjax.gan.networks import cpd_gan, prog_gan, stylegan2
from synthjax.gan.networks.cpd_gan import CpdGanConfig
from synthjax.gan.networks.prog_gan import ProgGanConfig
from synthjax.gan.networks.stylegan2_config import StyleGAN2Config
from synthjax.synth.labels import requested

SMALL = {"z_size": 5, "channel_base": 32, "channel_max": 6}
MODELS = {
    "stylegan2": (stylegan2, StyleGAN2Config(**SMALL, w_size=8, mapping_layers=2)),
    "prog_gan": (prog_gan, ProgGanConfig(**SMALL)),
    "cpd_gan": (cpd_gan, CpdGanConfig(**SMALL)),
}


def styles(name, label):
    """What the generator makes of a label vector, with one latent."""
    module, sizes = MODELS[name]
    networks = module.make_networks(sizes, resolution=16, channels=1, labels=2)
    params = networks.init_generator(jax.random.key(0))
    z = jnp.asarray(np.random.default_rng(0).normal(size=(1, 5)), jnp.float32)
    label = jnp.asarray([label], jnp.float32)
    return np.asarray(networks.map(params, z, label))


def test_sampling_requests_what_training_shows():
    label = np.array([[1, np.nan]], np.float32)
    asked = requested(label, count=0, source="rows", seed=0, split="train")
    np.testing.assert_array_equal(asked, label)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["prog_gan", "cpd_gan"])
def test_the_published_gans_code_unknown_as_absent(name):
    unknown, absent = styles(name, [1, np.nan]), styles(name, [1, 0])
    np.testing.assert_array_equal(unknown, absent)
    assert np.any(unknown != styles(name, [1, 1]))


@pytest.mark.slow
def test_stylegan2_codes_unknown_halfway_between_absent_and_present():
    unknown = styles("stylegan2", [1, np.nan])
    assert np.all(np.isfinite(unknown))
    np.testing.assert_allclose(unknown, styles("stylegan2", [1, 0.5]), rtol=1e-6)
    assert np.any(unknown != styles("stylegan2", [1, 0]))
