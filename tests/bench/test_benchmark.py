"""Rows of the benchmark: what the flags choose, what is measured, how it is printed."""

import dataclasses
import itertools

import jax
import numpy as np
import pytest

from synthjax.bench import benchmark as benchmarks
from synthjax.bench.benchmark import (
    Speed,
    benchmark,
    count_flop,
    dtype_of,
    memory_estimate,
    predict_seconds,
)
from synthjax.bench.speed_table import format_speeds, variants
from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.core.errors import StudyError
from synthjax.gan.augment.augment import AugmentConfig
from synthjax.gan.config import MODELS, GanConfig

SPEED = Speed(
    model="stylegan2",
    resolution=64,
    dtype="float32",
    batch_size=32,
    device_count=2,
    seconds_per_kimg=4.0,
    seconds={"discriminator": 0.06, "R1": 0.1, "generator": 0.05, "path length": 0.04},
    parts={"discriminator": 1.5, "R1": 0.5, "generator": 1.6, "augmentation": 0.4},
    flop_per_image=2.5e9,
    peak_flops=2e11,
    share_of_peak=0.55,
    compile_seconds=21.4,
    memory_estimate=3 * 2**29,
    memory_peak=2**31,
)


def test_variants_are_the_product_of_the_lists():
    chosen = variants(
        GanConfig(),
        32,
        ["stylegan2", "prog_gan"],
        ["64", "32"],
        ["float32", "bfloat16"],
        ["8"],
    )
    found = [(c.model, size, dtype_of(c), c.batch_size) for c, size in chosen]
    assert found == list(
        itertools.product(
            ["stylegan2", "prog_gan"], [32, 64], ["float32", "bfloat16"], [8]
        )
    )


def test_empty_lists_leave_the_config_as_it_is():
    config = GanConfig(batch_size=24, r1_weight=3.0)
    assert variants(config, 128, [], [], [], []) == [(config, 128)]


@pytest.mark.parametrize(
    ("lists", "word"),
    [
        ((["biggan"], [], [], []), "biggan"),
        (([], ["64px"], [], []), "64px"),
        (([], [], ["float16"], []), "float16"),
        (([], [], [], ["0"]), "'0'"),
    ],
)
def test_a_word_that_is_none_of_the_choices_is_named(lists, word):
    with pytest.raises(StudyError, match=word):
        variants(GanConfig(), 32, *lists)


def test_the_table_shows_what_was_measured():
    other = dataclasses.replace(SPEED, dtype="bfloat16", peak_flops=5e10)
    head, first, second, *_ = format_speeds([SPEED, other], {64: 500.0}).splitlines()
    assert len(head) == len(first) == len(second)
    # s/kimg, images/s, D, G, R1, path, augment, input, estimate, peak, s, GFLOP, %
    values = first.split()[4:]
    expected = "4.00 250.0 1.50 1.60 0.50 - 0.40 2.00 1.50 2.00 21 2.50 55"
    assert values == expected.split()
    table = format_speeds([SPEED, other], {})
    assert "200 GFLOP/s float32, 50 GFLOP/s bfloat16" in table
    assert "points lost" not in table


def test_a_larger_resolution_takes_its_pixels_longer():
    assert predict_seconds(SPEED, 64, 128) == pytest.approx(2 * 0.25 * 4)


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


@pytest.mark.usefixtures("quick_compile")
def test_a_benchmark_adds_up(toy, monkeypatch, capsys):
    monkeypatch.setattr(benchmarks, "matrix_peak", lambda dtype: 1e11)
    monkeypatch.setitem(MODELS, "stylegan2", toy.make_toy)
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
    assert speed.share_of_peak == pytest.approx(achieved / 1e11)
    products = sum(kind.flop for kind in speed.kinds) / 1000  # the compiler has all
    assert 0 < products <= speed.flop_per_image
    assert "between kernels" in format_speeds([speed], {})
    # Of the same size, since so small a model adds nothing to the process.
    assert speed.memory_estimate == pytest.approx(speed.memory_peak, rel=0.25)
    assert "estimated" in capsys.readouterr().err


def test_augmentation_is_what_the_steps_are_faster_by_without_it(monkeypatch):
    asked = []

    class Plan:
        def __init__(self, config, **shape):
            asked.append(config.augment.mode)

        def initial(self):
            return None

        def arguments(self, state):
            return ()

        def compilers(self, arguments):
            return dict.fromkeys(("discriminator", "generator", "R1"))

    monkeypatch.setattr(benchmarks, "Plan", Plan)
    monkeypatch.setattr(benchmarks, "compile_ahead", lambda compilers: compilers)
    plain = {"discriminator": 0.4, "generator": 0.3}
    monkeypatch.setattr(benchmarks, "_time_steps", lambda *_: (None, plain))
    config = GanConfig(batch_size=10, augment=AugmentConfig(mode="fixed", p=0.5))
    parts = {"discriminator": 50.0, "generator": 25.0, "R1": 2.0}
    split = benchmarks._split_augmentation(config, {}, None, parts, 1.0)
    assert asked == ["none"]
    assert split == pytest.approx(
        # Never less than nothing: the generator was slower without it.
        {"discriminator": 40.0, "generator": 25.0, "R1": 2.0, "augmentation": 10.0}
    )
