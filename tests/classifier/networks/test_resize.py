"""Resizing: against Pillow and TensorFlow 1's rule written out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from synthjax.classifier.config import ClassifierConfig
from synthjax.classifier.networks.api import make_network
from synthjax.classifier.networks.resize import resize, resize_matrix

SIZES = [(32, 224), (17, 40), (96, 33), (300, 224), (64, 64)]


def image(side: int, channels: int = 1) -> np.ndarray:
    return np.float32(
        np.random.default_rng(0).uniform(-1, 1, (2, side, side, channels))
    )


@pytest.mark.parametrize(("length", "size"), SIZES)
def test_antialias_is_pillows(length, size) -> None:
    before = image(length)
    found = np.asarray(resize(jnp.asarray(before), size, "antialias"))
    pillow = Image.fromarray(before[0, :, :, 0]).resize((size, size), Image.BILINEAR)
    np.testing.assert_allclose(found[0, :, :, 0], np.asarray(pillow), atol=2e-6)


@pytest.mark.parametrize(("length", "size"), SIZES)
def test_paper_is_the_legacy_rule(length, size) -> None:
    """Source position i * length / size; its floor and the next pixel, no filter."""
    before = image(length, 3)
    lines = before
    for axis in (1, 2):
        rows = []
        for i in range(size):
            position = i * length / size
            low = int(position)
            high, part = min(low + 1, length - 1), np.float32(position - low)
            first, second = lines.take(low, axis), lines.take(high, axis)
            rows.append(first + (second - first) * part)
        lines = np.stack(rows, axis)
    np.testing.assert_allclose(
        resize(jnp.asarray(before), size, "paper"), lines, atol=2e-6
    )


def test_worked_values_of_the_two_rules() -> None:
    """Two pixels, 0 and 1, made four."""
    line = np.array([0.0, 1.0])
    np.testing.assert_allclose(resize_matrix(2, 4, "paper") @ line, [0, 0.5, 1, 1])
    np.testing.assert_allclose(
        resize_matrix(2, 4, "antialias") @ line, [0, 0.25, 0.75, 1]
    )


@pytest.mark.slow
def test_network_resizes_and_takes_what_is_resized() -> None:
    config = ClassifierConfig(input_size=24, resize="paper")
    network = make_network(config, n_labels=2, resolution=16, channels=1)
    variables = jax.jit(network.init)(jax.random.key(0))
    small = jnp.asarray(image(16))
    large = network.resized(small)
    assert large.shape == (2, 24, 24, 1)
    np.testing.assert_array_equal(network.resized(large), large)
    logits = jax.jit(network.logits)
    np.testing.assert_allclose(
        logits(variables, small), logits(variables, large), rtol=1e-5
    )
