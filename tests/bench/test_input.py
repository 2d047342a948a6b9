"""The benchmark's parts run and say what they found; no test depends on a speed."""

import dataclasses
import re

import numpy as np
import pytest

from synthjax.bench import input as measuring
from synthjax.bench.input import InputSpeed, StepSpeed, format_table, verdict
from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.core.errors import StudyError
from synthjax.data.schema import Schema

SPEED = InputSpeed(
    resolution=128,
    images=64,
    stored_kb=8.25,
    threads=2,
    single=1000.0,
    streaming=1900.0,
    resident=9000.0,
    fitting=122070,
)


@pytest.mark.parametrize(("channels", "bits"), [(1, 8), (3, 8), (1, 16)])
def test_measures_a_set_of_the_shape_that_is_asked(channels, bits, monkeypatch):
    monkeypatch.setattr(measuring, "_MAX_IMAGES", 64)
    written = []
    write_set = measuring.write_set

    def keep(directory, schema, splits):
        written.append((directory, schema))
        write_set(directory, schema, splits)

    monkeypatch.setattr(measuring, "write_set", keep)
    speed = measuring.measure_input(
        16,
        channels=channels,
        bits=bits,
        batch_size=8,
        devices=make_devices(DevicesConfig(count=1)),
        seconds=0.01,
        rounds=1,
    )
    [(directory, schema)] = written
    assert not directory.exists()
    assert schema.image_shape == (16, 16, channels)
    assert schema.bits == bits
    assert (speed.resolution, speed.images) == (16, 64)
    assert min(speed.single, speed.streaming, speed.resident) > 0
    assert 0 < speed.stored_kb < 10
    assert speed.fitting == (2_000_000_000 - 1) // (256 * channels * bits // 8)


def test_images_of_the_set_are_radiographs_and_not_noise(monkeypatch):
    monkeypatch.setattr(measuring, "_MAX_IMAGES", 64)
    schema = Schema("x", ("a", "b"), 64, 1)
    records = list(measuring._records(schema))
    assert [record.id for record in records] == sorted({r.id for r in records})
    image = records[0].pixels[..., 0].astype(float)
    right = np.corrcoef(image[:, 1:].ravel(), image[:, :-1].ravel())[0, 1]
    assert right > 0.9
    assert (records[0].pixels != records[1].pixels).any()


def test_table_has_a_row_for_each_size_and_marks_bounds():
    larger = dataclasses.replace(SPEED, resolution=512, single=80.0, streaming=150.0)
    other = dataclasses.replace(SPEED, resolution=1024)
    steps = {128: StepSpeed(20.0), 512: StepSpeed(20.0, measured=False)}
    lines = format_table([SPEED, larger, other], steps).splitlines()
    assert len({len(line) for line in lines[:4]}) == 1
    rows = [re.split(r"\s{2,}", line.strip()) for line in lines[:4]]
    assert rows[0][:6] == [
        *("px", "images", "KB/image", "1 thread", "2 threads", "scaling")
    ]
    assert rows[1] == [
        *("128", "64", "8.25", "1000", "1900", "1.90"),
        *("9000", "122070", "20.0", "95.0", "ample"),
    ]
    assert rows[2][-3:] == ["<= 20.0", ">= 7.50", "ample"]
    assert rows[3][-3:] == ["-", "-", "-"]


@pytest.mark.parametrize(
    ("step", "word"),
    [
        (StepSpeed(950.0), "ample"),
        (StepSpeed(951.0), "enough"),
        (StepSpeed(1901.0), "resident"),
        (StepSpeed(9001.0), "limits"),
        (StepSpeed(1901.0, measured=False), "unknown"),
    ],
)
def test_verdict_says_which_path_keeps_up(step, word):
    assert verdict(SPEED, step) == word


def test_sizes_are_resolutions_of_sets():
    assert measuring.read_sizes(["128", "16", "128"]) == [16, 128]
    with pytest.raises(StudyError, match="size '100' must be one of 16, 32"):
        measuring.read_sizes(["16", "100"])
    with pytest.raises(StudyError, match="no size"):
        measuring.read_sizes([])
