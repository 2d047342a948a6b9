"""DenseNets: sizes, batch norm over devices, what an image's result depends on."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree

from synthjax.classifier.config import ClassifierConfig
from synthjax.classifier.networks.api import MODELS, Network, make_network
from synthjax.classifier.networks.densenet import DenseNet, DenseNetConfig, imagenet
from synthjax.classifier.step import make_init, make_terms, make_update
from synthjax.core import rng
from synthjax.core.devices import AXIS, DevicesConfig, make_devices
from synthjax.core.errors import ConfigError

BATCH = 8
CONFIG = ClassifierConfig(batch_size=BATCH, flip=True)
TERMS = make_terms(3e-3, np.ones(3, np.float32))


def tiny(config: DenseNetConfig, channels: int = 1) -> Network:
    module = DenseNet(config, n_labels=3, layers=(1, 1), growth=4, width=8)
    return Network(module, 32, channels)


NETWORK = tiny(DenseNetConfig(momentum=0.9))


def batch() -> dict[str, np.ndarray]:
    """Images that grow brighter, so that parts of the batch differ in statistics."""
    generator = np.random.default_rng(0)
    label = generator.integers(0, 2, (BATCH, 3)).astype(np.float32)
    label[generator.random(label.shape) < 0.3] = np.nan
    pixels = generator.integers(0, 64, (BATCH, 32, 32, 1), np.uint8)
    pixels += np.arange(0, 24 * BATCH, 24, np.uint8)[:, None, None, None]
    return {"pixels": pixels, "label": label}


def start(network: Network):
    """A state whose every parameter is drawn.

    With small biases the scale of a norm hardly changes what the next norm gives: its
    gradient would be little but rounding.
    """
    state = make_init(network, CONFIG)(rng.key(0, "init"))
    generator = np.random.default_rng(1)
    leaves, tree = jax.tree.flatten(state.params)
    drawn = [
        leaf + np.float32(generator.normal(0, 0.5, leaf.shape) * (leaf.ndim == 1))
        for leaf in leaves
    ]
    return dataclasses.replace(state, params=jax.tree.unflatten(tree, drawn))


def updated(network: Network, count: int, mapping: str = "pmap"):
    devices = make_devices(DevicesConfig(count=count, mapping=mapping))
    state = devices.replicate(start(network))
    key = devices.replicate(rng.key(0, "step"))
    step = devices.map_step(make_update(network, CONFIG), in_axes=(None, 0, None, None))
    state = step(state, devices.shard(batch()), key, TERMS)
    devices.wait(state)
    return jax.tree.map(np.asarray, state)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "parameters", "statistics", "features"),
    [
        # Published by torchvision with their weights; statistics: 2 for each channel.
        ("densenet121", 7_978_856, 83_648, 1024),
        ("densenet169", 14_149_480, 158_400, 1664),
        ("densenet201", 20_013_928, 229_056, 1920),
    ],
)
def test_published_sizes(model, parameters, statistics, features) -> None:
    config = ClassifierConfig(model=model, input_size=224)
    network = make_network(config, n_labels=1000, resolution=64, channels=1)
    variables = jax.eval_shape(network.init, jax.random.key(0))
    for name, count in (("params", parameters), ("batch_stats", statistics)):
        leaves = jax.tree.leaves(variables[name])
        assert sum(leaf.size for leaf in leaves) == count
        assert {leaf.dtype for leaf in leaves} == {np.dtype("float32")}
    assert variables["params"]["head"]["kernel"].shape == (features, 1000)


@pytest.fixture(scope="module")
def alone():
    return updated(NETWORK, 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "mapping"), [(2, "pmap"), (4, "pmap"), (4, "shard_map")]
)
def test_devices_agree(alone, count, mapping) -> None:
    """Loss, running statistics and gradients (a tenth of them is Adam's moment)."""
    other = updated(NETWORK, count, mapping)
    np.testing.assert_allclose(other.loss_sum, alone.loss_sum, rtol=1e-5)
    compare(other.statistics, alone.statistics)
    # Some gradients are small differences of large terms: their rounding is that of
    # the whole gradient.
    gradient = gradients(alone)
    compare(
        gradients(other),
        gradient,
        atol=1e-6 * np.linalg.norm(ravel_pytree(gradient)[0]),
    )


def gradients(state):
    """Of the first update, up to a factor."""
    return optax.tree_utils.tree_get(state.optimizer, "mu")


def compare(got, want, atol: float = 0.0) -> None:
    """Each leaf within 1e-5 of its length, and `atol`."""
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        difference = np.linalg.norm(np.ravel(a - b).astype(np.float64))
        assert difference <= 1e-5 * np.linalg.norm(np.ravel(b)) + atol


@pytest.mark.slow
def test_running_statistics_are_of_the_whole_batch(alone) -> None:
    """Those of the first norm, from its inputs as numpy computes them."""
    kernel = np.asarray(start(NETWORK).params["stem_conv"]["kernel"], np.float64)
    image = batch()["pixels"] / np.float32(127.5) - 1
    image = np.pad(
        np.asarray(imagenet(jnp.asarray(image))), ((0, 0), (3, 3), (3, 3), (0, 0))
    )
    windows = np.lib.stride_tricks.sliding_window_view(image, (7, 7), axis=(1, 2))
    seen = np.einsum("bijchw,hwco->bijo", windows[:, ::2, ::2], kernel)
    found = alone.statistics["stem_norm"]
    mean, variance = seen.mean((0, 1, 2)), seen.var((0, 1, 2))
    # A flip of the images changes what the kernel sees, but hardly for the mean.
    np.testing.assert_allclose(found["mean"], 0.1 * mean, rtol=0.05, atol=0.01)
    np.testing.assert_allclose(found["var"], 0.9 + 0.1 * variance, rtol=0.05)


@pytest.mark.slow
def test_frozen_norm_moves_no_statistics() -> None:
    network = tiny(DenseNetConfig(frozen=True))
    before, after = start(network), updated(network, 1)
    jax.tree.map(np.testing.assert_array_equal, after.statistics, before.statistics)
    scale = after.params["last_norm"]["scale"]
    assert np.all(scale != before.params["last_norm"]["scale"])


@pytest.mark.slow
def test_a_prediction_depends_on_its_image_alone(alone) -> None:
    image = batch()["pixels"] / np.float32(127.5) - 1
    whole = jax.jit(NETWORK.logits)(alone.variables, image)
    each = jax.jit(NETWORK.logits)(alone.variables, image[5:6])
    np.testing.assert_allclose(whole[5:6], each, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_grey_is_rgb_of_equal_channels(alone) -> None:
    image = batch()["pixels"] / np.float32(127.5) - 1
    colour = jnp.repeat(image, 3, axis=-1)
    logits = jax.jit(NETWORK.logits)
    np.testing.assert_allclose(
        logits(alone.variables, image), logits(alone.variables, colour), rtol=1e-5
    )


@pytest.mark.slow
def test_bfloat16_is_near_and_keeps_float32_outside(alone) -> None:
    half = tiny(DenseNetConfig(momentum=0.9, dtype="bfloat16"))
    image = batch()["pixels"] / np.float32(127.5) - 1

    def train(network):
        mapped = jax.vmap(network.train_logits, (None, 0), axis_name=AXIS)
        return jax.jit(mapped)(alone.variables, image[None])

    (logit, moved), (expected, _) = train(half), train(NETWORK)
    assert logit.dtype == jnp.float32
    assert {leaf.dtype for leaf in jax.tree.leaves(moved)} == {np.dtype("float32")}
    assert 0 < np.abs(logit - expected).max() < 0.1 * np.std(expected)


def test_small_images_are_refused() -> None:
    config = ClassifierConfig(model="densenet121")
    with pytest.raises(ConfigError, match="at least 32 px"):
        make_network(config, n_labels=1, resolution=16, channels=1)
    config = dataclasses.replace(config, input_size=32)
    make_network(config, n_labels=1, resolution=16, channels=1)
    assert set(MODELS) == {"small", "densenet121", "densenet169", "densenet201"}
