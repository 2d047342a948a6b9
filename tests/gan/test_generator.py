"""The shipped generator: loaded by itself, images depend on their own key alone."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthjax.core import rng
from synthjax.core.checkpoint import Checkpoints
from synthjax.core.config import plain
from synthjax.core.errors import StudyError
from synthjax.gan.generator import CHECKPOINTS, load_generator
from synthjax.gan.models import make_networks
from synthjax.gan.state import create, ema_item, make_optimizers


@pytest.fixture
def saved(toy, toy_model, tmp_path):
    """A gan directory with one checkpoint of the toy, and its state."""
    config = toy.toy_config(psi=0.7)
    networks = make_networks(config, resolution=8, channels=1, labels=3)
    state = create(networks, make_optimizers(config), 4)
    moments = {**state.moments, "weight": jnp.float32(0.5)}
    moments["w"] = jnp.arange(16.0) / 32
    state = state.replace(moments=moments)
    meta = {
        "config": json.loads(json.dumps(plain(config))),
        "labels": ["a", "b", "c"],
        "resolution": 8,
        "channels": 1,
        "kimg": 1.5,
        "images": 1500,
    }
    checkpoints = Checkpoints(tmp_path / CHECKPOINTS)
    checkpoints.save(12, train=state, ema=ema_item(state), data={}, meta=meta)
    checkpoints.wait()
    checkpoints.close()
    return tmp_path, state


def keys_of(count):
    root = rng.key(0, "sample")
    return jax.vmap(lambda i: jax.random.fold_in(root, i))(jnp.arange(count))


@pytest.mark.slow
def test_loads_what_was_saved(saved):
    directory, state = saved
    generator = load_generator(directory)
    assert (generator.step, generator.kimg, generator.psi) == (12, 1.5, 0.7)
    assert (generator.resolution, generator.channels) == (8, 1)
    assert generator.labels == ("a", "b", "c")
    assert (generator.z_size, generator.num_ws) == (6, 2)
    jax.tree.map(np.testing.assert_array_equal, generator.params["params"], state.ema)
    np.testing.assert_array_equal(generator.params["moments"]["w"], state.moments["w"])


@pytest.mark.slow
def test_an_image_depends_on_its_own_key_alone(saved):
    generator = load_generator(saved[0])
    keys = keys_of(6)
    z = jax.vmap(lambda key: jax.random.normal(key, (6,)))(keys)
    label = jnp.tile(jnp.array([[1.0, 0.0, 0.0]]), (6, 1))

    def draw(rows):
        noise = generator.noise(keys[rows])
        return generator.sample(generator.params, z[rows], label[rows], noise, 1.0)

    whole, part = draw(np.arange(6)), draw(np.array([4, 2]))
    np.testing.assert_allclose(part, whole[np.array([4, 2])], atol=1e-6)
    assert whole.shape == (6, 8, 8, 1)
    assert whole.dtype == jnp.float32


@pytest.mark.slow
def test_truncation_ends_at_the_mean_style(saved):
    generator = load_generator(saved[0])
    noise = jax.tree.map(jnp.zeros_like, generator.noise(keys_of(3)))
    z = jax.random.normal(rng.key(0, "z"), (3, 6))
    label = jnp.eye(3)
    images = {
        psi: generator.sample(generator.params, z, label, noise, psi)
        for psi in (0.0, 0.5, 1.0)
    }
    np.testing.assert_allclose(images[0.0], images[0.0][:1].repeat(3, 0), atol=1e-6)
    # The toy's synthesis is linear in w.
    middle = (images[0.0] + images[1.0]) / 2
    np.testing.assert_allclose(images[0.5], middle, atol=1e-5)


def test_no_checkpoint_is_a_clear_error(tmp_path):
    with pytest.raises(StudyError, match="run the gan stage"):
        load_generator(tmp_path)
