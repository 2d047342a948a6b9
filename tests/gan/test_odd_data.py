"""Data that a trainer meets and should survive, or stop at with a reason."""

import json

import numpy as np
import pytest

from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.data.schema import Record, Schema
from synthjax.data.store.write import write_set
from synthjax.gan.generator import load_generator
from synthjax.gan.networks.stylegan2 import StyleGAN2Config
from synthjax.gan.train import train

SIZES = StyleGAN2Config(
    z_size=4, w_size=4, mapping_layers=1, label_size=4, channel_base=32, label_head=True
)


def write(directory, *, count=24, channels=1, labels=2, positive=True):
    """A set of noise; without `positive` the last label never occurs."""
    random = np.random.default_rng(0)

    def record(index):
        label = random.integers(0, 2, labels).astype(np.float32)
        if not positive:
            label[-1] = 0
        return Record(
            id=f"image-{index:04d}",
            pixels=random.integers(0, 256, (8, 8, channels), dtype=np.uint8),
            label=label,
            patient_id=f"patient-{index:04d}",
            study_id="",
            age=float("nan"),
            sex="",
            view="",
            origin="",
        )

    schema = Schema("odd", tuple("abcdef"[:labels]), 8, channels)
    splits = {
        "train": [record(index) for index in range(count)],
        "valid": [record(1000 + index) for index in range(3)],
        "test": [record(2000 + index) for index in range(3)],
    }
    write_set(directory, schema, splits, None)
    return directory


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "changes"),
    [
        ({"count": 5}, {}),
        ({"channels": 3}, {}),
        ({"labels": 0}, {}),
        ({"positive": False}, {"balanced_rows": 0.5}),
    ],
    ids=["fewer images than a batch", "3 channels", "no labels", "no positive"],
)
def test_it_trains(toy, tmp_path, data, changes):
    directory = write(tmp_path / "data", **data)
    settings = {"label_weight": 0.2, "stylegan2": SIZES, "indicators": True}
    config = toy.toy_config(kimg=0.032, tick_kimg=0.016, **(settings | changes))
    devices = make_devices(DevicesConfig(count=1))
    train(config, seed=0, data=directory, out=tmp_path / "gan", devices=devices)
    lines = (tmp_path / "gan/metrics.jsonl").read_text().splitlines()
    losses = [x["loss_generator"] for x in map(json.loads, lines) if "seconds" in x]
    assert len(losses) == 2
    assert np.isfinite(losses).all()
    generator = load_generator(tmp_path / "gan")
    assert generator.channels == data.get("channels", 1)
    assert len(generator.labels) == data.get("labels", 2)
