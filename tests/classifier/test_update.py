"""One update: the same on any number of devices, and right about unknown labels."""

import jax
import numpy as np
import pytest

from synthjax.classifier.config import ClassifierConfig
from synthjax.classifier.networks.api import make_network
from synthjax.classifier.networks.small import SmallConfig
from synthjax.classifier.step import make_init, make_terms, make_update
from synthjax.core import rng
from synthjax.core.devices import DevicesConfig, make_devices

CONFIG = ClassifierConfig(
    small=SmallConfig(width=8),
    batch_size=16,
    flip=True,
    mixup=0.4,
    loss="focal",
    label_smoothing=0.1,
)
TERMS = make_terms(3e-3, np.linspace(0.5, 3, 5, dtype=np.float32))


def batch() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    label = generator.integers(0, 2, (16, 5)).astype(np.float32)
    label[generator.random((16, 5)) < 0.3] = np.nan
    label[:4] = np.nan  # the first of four devices knows nothing
    pixels = generator.integers(0, 256, (16, 16, 16, 1), np.uint8)
    return {"pixels": pixels, "label": label}


NETWORK = make_network(CONFIG, n_labels=5, resolution=16, channels=1)
INIT = make_init(NETWORK, CONFIG)


def updated(count: int, mapping: str, updates: int = 2):
    devices = make_devices(DevicesConfig(count=count, mapping=mapping))
    state = devices.replicate(INIT(rng.key(0, "init")))
    key = devices.replicate(rng.key(0, "step"))
    step = devices.map_step(make_update(NETWORK, CONFIG), in_axes=(None, 0, None, None))
    for _ in range(updates):
        state = step(state, devices.shard(batch()), key, TERMS)
        devices.wait(state)
    return jax.tree.map(np.asarray, state)


@pytest.fixture(scope="module")
def alone():
    return updated(1, "pmap")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "mapping"),
    [(2, "pmap"), (4, "pmap"), (1, "shard_map"), (2, "shard_map"), (4, "shard_map")],
)
def test_devices_agree(alone, count, mapping) -> None:
    """Loss, gradients (as Adam's first moment) and their squares, to 1e-5 relative."""
    other = updated(count, mapping)
    assert np.isfinite(other.loss_sum)
    np.testing.assert_allclose(other.loss_sum, alone.loss_sum, rtol=1e-5)
    for got, want in zip(
        jax.tree.leaves((other.params, other.optimizer)),
        jax.tree.leaves((alone.params, alone.optimizer)),
        strict=True,
    ):
        difference = np.linalg.norm(np.ravel(got - want).astype(np.float64))
        assert difference <= 1e-5 * np.linalg.norm(np.ravel(want)) + 1e-12


def test_parameters_are_float32_and_few() -> None:
    network = make_network(ClassifierConfig(), n_labels=14, resolution=32, channels=1)
    leaves = jax.tree.leaves(jax.eval_shape(network.init, jax.random.key(0)))
    assert {leaf.dtype for leaf in leaves} == {np.dtype("float32")}
    assert 30_000 < sum(leaf.size for leaf in leaves) < 100_000
