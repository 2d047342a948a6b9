"""Image i depends on seed, i, label and generator alone."""

import numpy as np
import pytest

from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.synth.sample import Sampler

INDEX = np.arange(10)
LABEL = np.stack([INDEX % 2, INDEX % 3 == 0], axis=1).astype(np.float32)


def sampler(generator, seed=3, batch_size=4, **devices):
    return Sampler(
        generator,
        seed=seed,
        bits=8,
        devices=make_devices(DevicesConfig(**{"count": 1} | devices)),
        batch_size=batch_size,
    )


@pytest.mark.slow
def test_alone_is_the_same_as_in_a_batch(toy_generator):
    draw = sampler(toy_generator)
    together = draw(INDEX, LABEL)
    assert together.shape == (10, 16, 16, 1)
    assert together.dtype == np.uint8
    for i in (0, 5, 9):
        alone = draw(INDEX[i : i + 1], LABEL[i : i + 1])
        np.testing.assert_array_equal(alone[0], together[i])
    order = np.array([7, 2, 9, 0, 2])
    np.testing.assert_array_equal(draw(order, LABEL[order]), together[order])
    assert draw.step.traces == 1


@pytest.mark.slow
def test_batch_size_moves_no_pixel_by_more_than_a_grey_level(toy_generator):
    small = sampler(toy_generator, batch_size=2)(INDEX, LABEL).astype(int)
    large = sampler(toy_generator, batch_size=16)(INDEX, LABEL).astype(int)
    assert np.abs(small - large).max() <= 1


@pytest.mark.slow
@pytest.mark.parametrize("mapping", ["pmap", "shard_map"])
def test_devices_change_no_byte(toy_generator, mapping):
    one = sampler(toy_generator)(INDEX, LABEL)
    two = sampler(toy_generator, count=2, mapping=mapping)(INDEX, LABEL)
    np.testing.assert_array_equal(one, two)


@pytest.mark.slow
def test_seed_index_split_label_and_psi_each_matter(toy_generator):
    draw = sampler(toy_generator)
    image = draw([1], [[0, 1]])
    for other in (
        sampler(toy_generator, seed=4)([1], [[0, 1]]),
        draw([2], [[0, 1]]),
        draw([1], [[1, 1]]),
        draw([1], [[0, 1]], split="test"),
        draw([1], [[0, 1]], psi=0.5),
    ):
        assert np.abs(image.astype(int) - other.astype(int)).mean() > 1
