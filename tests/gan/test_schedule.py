"""When things happen, as tables."""

import itertools

import pytest

from synthjax.gan.config import GanConfig
from synthjax.gan.presets import resolve
from synthjax.gan.schedule import (
    Position,
    Timer,
    interval_elapsed,
    is_due,
    phases,
    update_intervals,
)


@pytest.mark.parametrize(
    ("before", "after", "every_kimg", "expected"),
    [
        (0, 32, 1.0, False),
        (992, 1000, 1.0, True),
        (1000, 1032, 1.0, False),
        (999, 1001, 1.0, True),
        (0, 5000, 1.0, True),
        (96, 128, 0.064, True),
        (64, 96, 0.064, False),
        (0, 32, 0.0001, True),
    ],
)
def test_interval_elapsed(before, after, every_kimg, expected):
    assert interval_elapsed(before, after, every_kimg) is expected


@pytest.mark.parametrize("batch_size", [8, 32, 96, 1024])
def test_ticks_come_once_per_period_whatever_the_batch(batch_size):
    counts = range(0, 100_000 + batch_size, batch_size)
    ticks = [b for a, b in itertools.pairwise(counts) if interval_elapsed(a, b, 4.0)]
    assert len(ticks) == counts[-1] // 4000
    assert all(tick % 4000 < batch_size for tick in ticks)


@pytest.mark.parametrize(
    ("every", "steps"), [(4, [0, 4, 8]), (1, list(range(10))), (0, [])]
)
def test_due_once_in_so_many_updates(every, steps):
    assert [step for step in range(10) if is_due(every, step)] == steps


def test_one_phase_covers_the_run_in_whole_batches():
    (phase,) = phases(resolve(GanConfig(kimg=1.0, batch_size=32), 64), 64)
    assert (phase.start, phase.end, phase.resolution) == (0, 1024, 64)
    assert phase.batch_size == 32


def test_one_place_says_when_each_update_runs():
    config = GanConfig(r1_weight=0.0, path_weight=2.0, path_every=8)
    intervals = {"discriminator": 1, "R1": 0, "generator": 1, "path length": 8}
    assert update_intervals(resolve(config, 64)) == intervals
    with_r2 = GanConfig(r1_weight=0.0, r2_weight=1.0, path_weight=0.0)
    assert update_intervals(resolve(with_r2, 64))["R1"] == 16
    assert update_intervals(resolve(with_r2, 64))["path length"] == 0


def test_a_position_follows_from_the_updates():
    position = Position()
    for _ in range(3):
        position = position.after(32)
    assert position == Position(images=96, step=3)
    assert (position.kimg, position.in_feed(32)["batch"]) == (0.096, 3)
    assert position.in_feed(64) == {"batch": 2, "batch_size": 64}  # the next whole one


def test_timer_with_a_clock_of_its_own():
    time = [100.0]
    timer = Timer(minutes=2.0, now=lambda: time[0])
    time[0] = 219.0
    assert not timer.due()
    time[0] = 220.0
    assert timer.due()
    timer.restart()
    assert not timer.due()
