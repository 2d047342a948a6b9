"""A generator with styles that compiles in a moment."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import pytest

from synthjax.core import rng
from synthjax.gan.networks.api import Networks

SIZE, LAYERS, Z, W, WIDTH = 16, 3, 6, 8, 24


def make_styled():
    """A small network of random weights in which every style scales a layer."""

    def normal(key, *shape):
        return jax.random.normal(key, shape, jnp.float32) / shape[0] ** 0.5

    def init_generator(key):
        keys = [rng.key(key, "weights", i) for i in range(2 * LAYERS + 3)]
        return {
            "map": normal(keys[0], Z + 2, W),
            "constant": normal(keys[1], 1, WIDTH),
            "style": jnp.stack([normal(k, W, WIDTH) for k in keys[2 : 2 + LAYERS]]),
            "layer": jnp.stack([normal(k, WIDTH, WIDTH) for k in keys[5 : 5 + LAYERS]]),
            "image": normal(keys[-1], WIDTH, SIZE * SIZE),
        }

    def map_latents(params, z, label):
        code = jnp.nan_to_num(2 * label - 1)  # unknown is 0
        return jnp.concatenate([z, code], axis=1) @ params["map"]

    def synthesize(params, ws, noise):
        x = params["constant"]
        for i in range(LAYERS):
            x = jnp.tanh(x * (1 + ws[:, i] @ params["style"][i]) @ params["layer"][i])
        image = (x @ params["image"]).reshape(-1, SIZE, SIZE, 1)
        return image + 0.1 * noise[0]

    return Networks(
        resolution=SIZE,
        channels=1,
        labels=2,
        z_size=Z,
        w_size=W,
        num_ws=LAYERS,
        noise_shapes=((SIZE, SIZE, 1),),
        init_generator=init_generator,
        init_discriminator=init_generator,
        discriminate=map_latents,
        map=map_latents,
        synthesize=synthesize,
    )


@pytest.fixture(scope="session")
def generator():
    """Returns it without training."""
    networks = make_styled()
    params = jax.jit(networks.init_generator)(rng.key(0, "weights"))
    return SimpleNamespace(
        networks=networks, params={"params": params}, step=7, kimg=0.5
    )
