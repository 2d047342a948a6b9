"""The input path beside the training step: rows, bounds, and the words for them."""

import dataclasses
import re
from types import SimpleNamespace

import pytest

from synthjax.bench import input_table
from synthjax.bench.input import InputSpeed
from synthjax.bench.input_table import (
    StepSpeed,
    check_sizes,
    compare_with_step,
    format_inputs,
    sufficiency,
)
from synthjax.core.errors import StudyError
from synthjax.gan.config import GanConfig
from synthjax.gan.presets import resolve

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


def test_table_has_a_row_for_each_size_and_marks_bounds():
    larger = dataclasses.replace(SPEED, resolution=512, single=80.0, streaming=150.0)
    other = dataclasses.replace(SPEED, resolution=1024)
    steps = {128: StepSpeed(20.0), 512: StepSpeed(20.0, measured=False)}
    lines = format_inputs([SPEED, larger, other], steps).splitlines()
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
def test_a_word_says_which_path_keeps_up(step, word):
    assert sufficiency(SPEED, step) == word


def test_sizes_are_resolutions_of_sets():
    check_sizes([16, 128])
    with pytest.raises(StudyError, match="resolution 100 must be one of 16, 32"):
        check_sizes([16, 100])
    with pytest.raises(StudyError, match="one model, dtype and batch"):
        check_sizes([16, 16])


def test_each_size_is_measured_with_the_batch_of_the_study(monkeypatch):
    measured, steps = [], []

    def measure(size, *, batch_size, **shape):
        measured.append((size, batch_size, shape))
        return dataclasses.replace(SPEED, resolution=size)

    def benchmark(config, *, resolution, **_):
        steps.append((resolution, config.batch_size))
        return SimpleNamespace(seconds_per_kimg=50.0, seconds={"discriminator": 1.0})

    monkeypatch.setattr(input_table, "measure_input", measure)
    monkeypatch.setattr(input_table, "benchmark", benchmark)
    config = GanConfig()
    shape = {"channels": 1, "devices": None}
    chosen = [(config, 32), (config, 64), (config, 128)]
    table = compare_with_step(chosen, 64, bits=8, step_seconds=10.0, **shape)
    batch = resolve(config, 64).batch_size
    assert measured == [(s, batch, {"bits": 8, **shape}) for s in (32, 64, 128)]
    assert steps == [(32, batch), (64, batch), (128, batch)]
    assert table.splitlines()[1].split()[-3:] == ["20.0", "95.0", "ample"]
    steps.clear()
    table = compare_with_step(chosen, 64, bits=8, step_seconds=7.0, **shape)
    assert steps == [(32, batch)]  # 8 s at 64 px
    assert table.splitlines()[3].split()[-5:] == ["<=", "20.0", ">=", "95.0", "ample"]
