"""What a benchmark measures adds up, and is what the compiler counts."""

from types import SimpleNamespace

import jax
import numpy as np
import pytest

from synthjax.bench import benchmark as benchmarks
from synthjax.bench.benchmark import (
    benchmark,
    count_flop,
    memory_estimate,
    predict_seconds,
    split_augmentation,
    without_augmentation,
)
from synthjax.bench.speed_table import format_speeds
from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.gan.augment.augment import AugmentConfig
from synthjax.gan.config import GanConfig
from synthjax.gan.models import MODELS


def test_a_larger_resolution_takes_its_pixels_longer():
    speed = SimpleNamespace(seconds={"discriminator": 0.06, "R1": 0.19})
    assert predict_seconds(speed, 64, 128) == pytest.approx(2 * 0.25 * 4)


def test_memory_and_flop_are_the_compilers():
    devices = make_devices(DevicesConfig())
    a = jax.ShapeDtypeStruct((64, 128), np.float32)
    b = jax.ShapeDtypeStruct((128, 32), np.float32)
    product = jax.jit(lambda a, b: a @ b).lower(a, b).compile()
    assert count_flop(product, devices) == 2 * 64 * 128 * 32
    arrays = 4 * (64 * 128 + 128 * 32 + 64 * 32)
    assert arrays <= memory_estimate([product]) <= 2 * arrays
    beside = memory_estimate([product], beside_arguments=True)
    assert memory_estimate([product]) - beside == 4 * (64 * 128 + 128 * 32)
    assert memory_estimate([]) == 0


@pytest.mark.slow
def test_a_benchmark_adds_up(toy, monkeypatch, capsys):
    monkeypatch.setattr(benchmarks, "matrix_peak", lambda dtype: 1e11)
    monkeypatch.setitem(MODELS, "stylegan2", toy.TOY_STYLEGAN2)
    speed = benchmark(
        toy.toy_config(path_weight=2.0),
        resolution=8,
        channels=1,
        labels=3,
        devices=make_devices(DevicesConfig(count=1)),
        seconds_each=0.01,
        trace=True,
    )
    assert set(speed.parts) == {"discriminator", "R1", "generator", "path length"}
    assert speed.seconds_per_kimg == pytest.approx(sum(speed.parts.values()))
    calls = 1000 / 16 / 4  # of path length in a kimg
    expected = calls * speed.seconds["path length"]
    assert speed.parts["path length"] == pytest.approx(expected)
    update = speed.seconds_per_kimg * 16 / 1000
    achieved = speed.flop_per_image * 16 / update
    assert speed.mfu == pytest.approx(achieved / 1e11)
    products = sum(kind.flop for kind in speed.kinds) / 1000  # the compiler has all
    assert 0 < products <= speed.flop_per_image
    assert "between kernels" in format_speeds([speed], {})
    # Of the same size, since so small a model adds nothing to the process.
    assert speed.memory_estimate == pytest.approx(speed.memory_peak, rel=0.25)
    assert "estimated" in capsys.readouterr().err


def test_augmentation_is_what_the_steps_are_faster_by_without_it():
    parts = {"discriminator": 50.0, "generator": 25.0, "R1": 2.0}
    plain = {"discriminator": 0.4, "generator": 0.3}
    assert split_augmentation(parts, plain, batch_size=10) == pytest.approx(
        # Never less than nothing: the generator was slower without it.
        {"discriminator": 40.0, "generator": 25.0, "R1": 2.0, "augmentation": 10.0}
    )
    config = GanConfig(batch_size=10, augment=AugmentConfig(mode="fixed", p=0.5))
    plainly = without_augmentation(config)
    assert (plainly.augment.mode, plainly.batch_size) == ("none", 10)


@pytest.mark.slow
def test_augmentation_is_measured_and_taken_out_of_the_steps(toy, monkeypatch):
    monkeypatch.setattr(benchmarks, "matrix_peak", lambda dtype: 1e11)
    monkeypatch.setitem(MODELS, "stylegan2", toy.TOY_STYLEGAN2)
    speed = benchmark(
        toy.toy_config(augment=AugmentConfig(mode="fixed", p=0.5)),
        resolution=8,
        channels=1,
        labels=3,
        devices=make_devices(DevicesConfig(count=1)),
        seconds_each=0.2,
    )
    assert set(speed.parts) == {"discriminator", "R1", "generator", "augmentation"}
    assert speed.seconds_per_kimg == pytest.approx(sum(speed.parts.values()))
    assert speed.parts["augmentation"] > 0
