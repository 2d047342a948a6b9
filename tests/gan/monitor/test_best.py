"""The early stop inside a run: it ends, and the best generator is the one to ship."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthjax.core.checkpoint import Checkpoints
from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.gan.generator import BEST, CHECKPOINTS, load_generator
from synthjax.gan.monitor import best as best_module
from synthjax.gan.monitor.early_stop import EarlyStopConfig
from synthjax.gan.train import train

pytestmark = pytest.mark.usefixtures("toy_model", "quick_compile")


class Flat:
    """Features that are the pixels."""

    name, size, params, fit = "flat", 64, (), ""

    def encode(self, params, pixels):
        return pixels.reshape(pixels.shape[0], -1).astype(jnp.float32)


def run(toy, data, out, **changes):
    stop = {"encoder": "flat", "images": 48, "min_kimg": 0.0, "every_kimg": 0.064}
    config = toy.toy_config(early_stop=EarlyStopConfig(**(stop | changes)))
    devices = make_devices(DevicesConfig(count=1))
    train(config, seed=3, data=data, out=out, devices=devices, encoder=Flat())


def steps_of(folder):
    checkpoints = Checkpoints(folder)
    found = checkpoints.steps()
    checkpoints.close()
    return found


@pytest.fixture
def distances(monkeypatch):
    """Comparisons give these values, in order."""

    def give(values):
        left = iter(values)
        monkeypatch.setattr(
            best_module.Distance, "__call__", lambda self, ema: next(left)
        )

    return give


def test_it_ends_without_a_new_best_and_ships_the_best(
    toy, toy_data, tmp_path, distances
):
    distances([5.0, 3.0, 4.0, 4.5])  # at 4, 8, 12 and 16 updates of 16 images
    run(toy, toy_data, tmp_path, patience=2)
    assert steps_of(tmp_path / BEST) == [8]
    assert steps_of(tmp_path / CHECKPOINTS)[-1] == 16  # of 20
    assert load_generator(tmp_path).step == 8
    assert load_generator(tmp_path, 16).step == 16


def test_a_larger_patience_goes_on_from_there(toy, toy_data, tmp_path, distances):
    distances([5.0, 6.0])
    run(toy, toy_data, tmp_path, patience=1)
    assert steps_of(tmp_path / CHECKPOINTS)[-1] == 8
    run(toy, toy_data, tmp_path, patience=1)  # it has ended: nothing is compared
    distances([4.0, 3.0, 2.0])
    run(toy, toy_data, tmp_path, patience=2)
    assert load_generator(tmp_path).step == 20


def test_real_distances_are_finite_and_written_down(toy, toy_data, tmp_path):
    run(toy, toy_data, tmp_path, patience=9)
    checkpoints = Checkpoints(tmp_path / CHECKPOINTS)
    told = checkpoints.read_meta(20)["early_stop"]
    checkpoints.close()
    assert len(told["values"]) == 5
    assert np.isfinite(told["values"]).all()
    assert min(told["values"]) == told["best"]
    leaves = jax.tree.leaves(load_generator(tmp_path).params)
    assert all(np.isfinite(leaf).all() for leaf in leaves)
