"""A generator that needs no training, and a small real set."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from builders.records import coin_records
from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.data.schema import Schema
from synthjax.data.store.write import write_set

SCHEMA = Schema(name="toy", labels=("square", "stripe"), resolution=16, channels=1)
SIZES = {"train": 11, "valid": 3, "test": 5}


def make_toy_generator():
    """Images are a fixed random projection of latent and label, plus noise."""

    def noise(keys):
        draw = jax.vmap(lambda key: jax.random.normal(key, (16, 16, 1), jnp.float32))
        return (draw(keys),)

    def sample(params, z, label, noise, psi):
        inputs = jnp.concatenate([psi * z, jnp.nan_to_num(label)], axis=-1)
        image = jnp.tanh(inputs @ params["kernel"]).reshape(-1, 16, 16, 1)
        return image + 0.1 * noise[0]

    kernel = np.random.default_rng(0).normal(0, 0.4, (6, 256)).astype(np.float32)
    return SimpleNamespace(
        labels=SCHEMA.labels,
        resolution=16,
        channels=1,
        z_size=4,
        step=7,
        kimg=0.5,
        params={"kernel": kernel},
        noise=noise,
        sample=sample,
    )


@pytest.fixture
def toy_generator():
    return make_toy_generator()


@pytest.fixture
def one_device():
    return make_devices(DevicesConfig(count=1))


@pytest.fixture(scope="session")
def real_set(tmp_path_factory):
    """A set of random images; label 1 of the second row of each split is unknown."""
    folder = tmp_path_factory.mktemp("real")
    rng = np.random.default_rng(1)

    write_set(
        folder,
        SCHEMA,
        {split: coin_records(split, n, rng) for split, n in SIZES.items()},
    )
    return folder
