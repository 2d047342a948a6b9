"""Projection finds what a generator can draw, and comes closer to what it cannot."""

import dataclasses
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthjax.core import rng
from synthjax.core.errors import ConfigError, StudyError
from synthjax.gan.networks.api import Networks
from synthjax.synth.inversion import (
    ProjectionConfig,
    decorrelation,
    distance,
    learning_rate,
    project,
)

SIZE, LAYERS, Z, W, WIDTH = 16, 3, 6, 8, 24
CONFIG = ProjectionConfig(steps=150, mean_samples=512, batch_size=3)
LABEL = np.float32([[1, 0], [0, 1], [0, 0]])


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
        return jnp.concatenate([z, 2 * label - 1], axis=1) @ params["map"]

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


@pytest.fixture(scope="module")
def generator():
    """Without training."""
    networks = make_styled()
    params = jax.jit(networks.init_generator)(rng.key(0, "weights"))
    return SimpleNamespace(networks=networks, params={"params": params})


@pytest.fixture(scope="module")
def own(generator):
    """The generator's own images, without noise, and their styles."""
    networks, params = generator.networks, generator.params["params"]
    z = jax.random.normal(rng.key(1, "z"), (3, networks.z_size))
    w = networks.map(params, z, LABEL)
    ws = jnp.broadcast_to(w[:, None], (3, networks.num_ws, networks.w_size))
    noise = tuple(jnp.zeros((3, *shape)) for shape in networks.noise_shapes)
    return np.asarray(networks.synthesize(params, ws, noise))


@pytest.fixture(scope="module")
def found(generator, own):
    return project(generator, own, LABEL, config=CONFIG, seed=5)


def test_its_own_images_are_recovered(generator, own, found):
    networks = generator.networks
    assert found.ws.shape == (3, networks.num_ws, networks.w_size)
    assert found.image.shape == own.shape and found.curve.shape == (3, 150)
    np.testing.assert_allclose(found.loss, distance(found.image, own), rtol=1e-5)
    assert (found.loss < found.mean_loss / 10).all(), found
    assert np.abs(found.image - own).mean() < 0.3 * np.abs(own - own.mean(0)).mean()
    noise = tuple(jnp.zeros((3, *shape)) for shape in networks.noise_shapes)
    again = networks.synthesize(generator.params["params"], found.ws, noise)
    np.testing.assert_allclose(again, found.image, atol=1e-5)


def test_it_starts_at_the_mean_style_under_the_label(generator, own, found):
    networks, params = generator.networks, generator.params["params"]
    z = jax.random.normal(rng.key(2, "z"), (20000, networks.z_size))
    for i, row in enumerate(LABEL):
        w = networks.map(params, z, jnp.tile(row, (len(z), 1))).mean(0)
        ws = jnp.broadcast_to(w, (1, networks.num_ws, networks.w_size))
        noise = tuple(jnp.zeros((1, *shape)) for shape in networks.noise_shapes)
        image = networks.synthesize(params, ws, noise)
        expected = distance(image, own[i : i + 1])[0]
        np.testing.assert_allclose(found.mean_loss[i], expected, rtol=0.2)


def test_same_seed_same_styles_other_seed_others(generator, own, found):
    again = project(generator, own, LABEL, config=CONFIG, seed=5)
    for a, b in zip(found, again, strict=True):
        np.testing.assert_array_equal(a, b)
    other = project(generator, own, LABEL, config=CONFIG, seed=6)
    assert np.abs(other.ws - found.ws).max() > 1e-3


def test_images_do_not_see_each_other(generator, own, found):
    """Image 0 beside others than before; the last batch is filled up."""
    image, label = own[[0, 2, 2, 1]], LABEL[[0, 2, 2, 1]]
    mixed = project(generator, image, label, config=CONFIG, seed=5)
    np.testing.assert_allclose(mixed.ws[0], found.ws[0], atol=1e-4)
    assert len(mixed.loss) == 4 and mixed.loss[3] < mixed.mean_loss[3] / 10


def test_an_image_it_never_drew_comes_closer_than_the_mean(generator):
    y, x = np.mgrid[-1:1:16j, -1:1:16j].astype(np.float32)
    image = np.stack([np.where(x**2 + y**2 < 0.4, 0.8, -0.8), x * y])[..., None]
    found = project(generator, image, LABEL[:2], config=CONFIG)
    assert (found.loss < 0.9 * found.mean_loss).all(), found
    shared = dataclasses.replace(CONFIG, shared_style=True)
    one = project(generator, image, LABEL[:2], config=shared)
    np.testing.assert_array_equal(one.ws, one.ws[:, :1].repeat(one.ws.shape[1], 1))
    assert (one.loss < one.mean_loss).all() and (one.loss > found.loss).any()


def test_features_pull_where_they_are_given(generator, own):
    def brightness(image):
        return jnp.mean(image, axis=(1, 2))

    aim = own + 0.2  # no style needs to give this
    strong = dataclasses.replace(CONFIG, feature_weight=100.0)
    without = project(generator, aim, LABEL, config=strong)
    with_it = project(generator, aim, LABEL, config=strong, features=brightness)

    def off(found):
        return np.abs(found.image.mean((1, 2)) - aim.mean((1, 2))).mean()

    assert off(with_it) < off(without) / 2


def test_noise_that_is_found_too_draws_what_styles_cannot(generator, own):
    random = np.random.default_rng(0)
    aim = own + random.normal(0, 0.1, own.shape).astype(np.float32)
    still = project(generator, aim, LABEL, config=CONFIG)
    free = dataclasses.replace(CONFIG, noise_weight=0.1)
    moved = project(generator, aim, LABEL, config=free)
    assert (moved.loss < still.loss / 4).all(), (moved.loss, still.loss)


def test_distance_against_numpy():
    a, b = np.random.default_rng(0).normal(size=(2, 3, 32, 32, 1)).astype(np.float32)
    expected = np.zeros(3)
    for size in (32, 16, 8):
        k = 32 // size
        x, y = (z.reshape(3, size, k, size, k).mean((2, 4)) for z in (a, b))
        expected += ((x - y) ** 2).mean((1, 2))
    np.testing.assert_allclose(distance(a, b), expected, rtol=1e-5)


def test_decorrelation_is_zero_for_white_noise_and_one_for_a_flat_map():
    white = jax.random.normal(rng.key(0, "white"), (64, 8, 8, 1))
    # A mean of 64 products of two normals has the variance 1/64; two directions.
    np.testing.assert_allclose(decorrelation((white,)).mean(), 2 / 64, rtol=0.4)
    flat = jnp.ones((4, 8, 8, 1))
    np.testing.assert_allclose(decorrelation((flat, flat)), 4.0)  # two maps, two axes
    stripes = jnp.tile(jnp.asarray([1.0, -1.0]), 4).reshape(1, 1, 8, 1)
    both = decorrelation((jnp.broadcast_to(stripes, (1, 8, 8, 1)),))
    np.testing.assert_allclose(both, 2.0)


def test_learning_rate_rises_stays_and_falls():
    config = ProjectionConfig(steps=100, learning_rate=0.2)
    rates = np.array([learning_rate(config, step) for step in range(100)])
    np.testing.assert_allclose(rates[:5], 0.04 * np.arange(1, 6), rtol=1e-5)
    np.testing.assert_allclose(rates[5:75], 0.2, rtol=1e-5)
    np.testing.assert_allclose(rates[99], 0, atol=1e-7)
    cosine = 0.1 - 0.1 * np.cos(np.pi * 4 * (1 - (80 + 1) / 100))
    np.testing.assert_allclose(rates[80], cosine, rtol=1e-4)


def test_what_does_not_fit_is_named(generator, own):
    with pytest.raises(StudyError, match="do not fit a generator of"):
        project(generator, own[:, :8], LABEL)
    with pytest.raises(StudyError, match="generator of 2 labels need"):
        project(generator, own, LABEL[:2])


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"batch_size": 0},
        {"mean_samples": 0},
        {"learning_rate": 0.0},
        {"rampup": 1.5},
        {"exploring": -0.1},
        {"exploration": -1.0},
        {"noise_weight": -1.0},
    ],
)
def test_wrong_values_are_named(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        ProjectionConfig(**wrong)
