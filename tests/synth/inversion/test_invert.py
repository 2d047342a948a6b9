"""Inversion finds what a generator can draw, and comes closer to what it cannot."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthjax.core import rng
from synthjax.core.errors import StudyError
from synthjax.synth.inversion.config import InversionConfig
from synthjax.synth.inversion.distance import distance
from synthjax.synth.inversion.invert import invert

CONFIG = InversionConfig(steps=150, mean_samples=512, batch_size=3)
LABEL = np.float32([[1, 0], [0, 1], [0, 0]])


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
    return invert(generator, own, LABEL, config=CONFIG, seed=5)


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_same_seed_same_styles_other_seed_others(generator, own, found):
    again = invert(generator, own, LABEL, config=CONFIG, seed=5)
    for a, b in zip(found, again, strict=True):
        np.testing.assert_array_equal(a, b)
    other = invert(generator, own, LABEL, config=CONFIG, seed=6)
    assert np.abs(other.ws - found.ws).max() > 1e-3


def test_images_do_not_see_each_other(generator, own, found):
    """Image 0 beside others than before; the last batch is filled up."""
    image, label = own[[0, 2, 2, 1]], LABEL[[0, 2, 2, 1]]
    mixed = invert(generator, image, label, config=CONFIG, seed=5)
    np.testing.assert_allclose(mixed.ws[0], found.ws[0], atol=1e-4)
    assert len(mixed.loss) == 4 and mixed.loss[3] < mixed.mean_loss[3] / 10


@pytest.mark.slow
def test_an_image_it_never_drew_comes_closer_than_the_mean(generator):
    y, x = np.mgrid[-1:1:16j, -1:1:16j].astype(np.float32)
    image = np.stack([np.where(x**2 + y**2 < 0.4, 0.8, -0.8), x * y])[..., None]
    found = invert(generator, image, LABEL[:2], config=CONFIG)
    assert (found.loss < 0.9 * found.mean_loss).all(), found
    shared = dataclasses.replace(CONFIG, shared_style=True)
    one = invert(generator, image, LABEL[:2], config=shared)
    np.testing.assert_array_equal(one.ws, one.ws[:, :1].repeat(one.ws.shape[1], 1))
    assert (one.loss < one.mean_loss).all() and (one.loss > found.loss).any()


@pytest.mark.slow
def test_features_pull_where_they_are_given(generator, own):
    def brightness(image):
        return jnp.mean(image, axis=(1, 2))

    aim = own + 0.2  # no style needs to give this
    strong = dataclasses.replace(CONFIG, feature_weight=100.0)
    without = invert(generator, aim, LABEL, config=strong)
    with_it = invert(generator, aim, LABEL, config=strong, features=brightness)

    def off(found):
        return np.abs(found.image.mean((1, 2)) - aim.mean((1, 2))).mean()

    assert off(with_it) < off(without) / 2


@pytest.mark.slow
def test_noise_that_is_found_too_draws_what_styles_cannot(generator, own):
    random = np.random.default_rng(0)
    aim = own + random.normal(0, 0.1, own.shape).astype(np.float32)
    still = invert(generator, aim, LABEL, config=CONFIG)
    free = dataclasses.replace(CONFIG, noise_weight=0.1)
    moved = invert(generator, aim, LABEL, config=free)
    assert (moved.loss < still.loss / 4).all(), (moved.loss, still.loss)


@pytest.mark.slow
def test_what_does_not_fit_is_named(generator, own):
    with pytest.raises(StudyError, match="do not fit a generator of"):
        invert(generator, own[:, :8], LABEL)
    with pytest.raises(StudyError, match="generator of 2 labels need"):
        invert(generator, own, LABEL[:2])
