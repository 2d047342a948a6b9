"""A run that grows: its phases, and the same numbers when it is stopped inside a fade."""

import dataclasses
import json

import jax
import numpy as np
import pytest
from PIL import Image

from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.core.signals import Preempted
from synthjax.gan import train as train_module
from synthjax.gan.generator import load_generator
from synthjax.gan.growth import enlarge
from synthjax.gan.models import MODELS
from synthjax.gan.networks.convolution import mean_down
from synthjax.gan.train import train

TIMES = {"seconds", "seconds_per_kimg", "memory_gib"}


def make_growing(toy):
    """A maker of the linear GAN that also works at half its resolution."""

    def make(sizes, *, resolution, channels, labels):
        full = toy.toy_networks(resolution, channels, labels)

        def at_resolution(side, fade):
            def synthesize(params, ws, noise):
                image = full.synthesize(params, ws, noise)
                while image.shape[1] > side:
                    image = mean_down(image)
                coarse = enlarge(mean_down(image), side)
                return coarse + fade * (image - coarse)

            def discriminate(params, image, label):
                assert image.shape[1] == side
                return full.discriminate(params, enlarge(image, resolution), label)

            return dataclasses.replace(
                full, resolution=side, synthesize=synthesize, discriminate=discriminate
            )

        return dataclasses.replace(full, at_resolution=at_resolution)

    return make


@pytest.fixture
def growing(toy, monkeypatch):
    model = dataclasses.replace(MODELS["prog_gan"], make=make_growing(toy))
    monkeypatch.setitem(MODELS, "prog_gan", model)


def run(toy, data, out, **changes):
    sizes = dataclasses.replace(toy.toy_config().prog_gan, start_resolution=4)
    config = toy.toy_config(
        model="prog_gan",
        prog_gan=sizes,
        batch_size=None,
        r1_weight=0.0,
        grown_batch_sizes=(16, 8),
        phase_kimg=0.1,
        **({"kimg": 0.32, "indicators": True} | changes),
    )
    devices = make_devices(DevicesConfig(count=1))
    train(config, seed=3, data=data, out=out, devices=devices)


def outcome(out):
    """Metrics without times, sheets, and every array of the newest checkpoint."""
    lines = [json.loads(x) for x in (out / "metrics.jsonl").read_text().splitlines()]
    kept = [{k: v for k, v in line.items() if k not in TIMES} for line in lines]
    sheets = {p.name: p.read_bytes() for p in sorted((out / "samples").glob("*.png"))}
    leaves = jax.tree.leaves(load_generator(out).params)
    return kept, sheets, [np.asarray(leaf) for leaf in leaves]


@pytest.mark.slow
def test_stopped_inside_a_fade_it_ends_the_same(
    toy, toy_data, growing, tmp_path, monkeypatch
):
    run(toy, toy_data, tmp_path / "whole")
    whole = outcome(tmp_path / "whole")
    # 7 updates of 16 images at 4 px, then 11 of 8 while 8 px fade in, then 8 px.
    for looks in (3, 7, 12, 18, 25):
        out = tmp_path / f"stopped{looks}"
        with monkeypatch.context() as patch:
            patch.setattr(
                train_module.signals, "deferred", lambda n=looks: toy.StopAfter(n)
            )
            with pytest.raises(Preempted):
                run(toy, toy_data, out)
        if looks == 12:
            generator = load_generator(out)
            assert (generator.phase.resolution, generator.phase.index) == (8, 1)
            fade = float(generator.phase.fade(int(generator.params["images"])))
            assert 0 < fade < 1
        run(toy, toy_data, out)
        metrics, sheets, arrays = outcome(out)
        assert metrics == whole[0]
        assert sheets == whole[1]
        for ours, theirs in zip(arrays, whole[2], strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
def test_sheets_are_of_full_size_from_the_start(toy, toy_data, growing, tmp_path):
    run(toy, toy_data, tmp_path / "gan", kimg=0.064)
    first = np.asarray(Image.open(tmp_path / "gan/samples/000000.png"))
    real = np.asarray(Image.open(tmp_path / "gan/samples/real.png"))
    assert first.shape == real.shape
    cell = first[:8, :8]  # at 4 px, every pixel twice
    np.testing.assert_array_equal(cell[::2, ::2], cell[1::2, 1::2])
