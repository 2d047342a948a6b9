"""The time of kernels: shared between them, added up, traced."""

import jax
import jax.numpy as jnp
import pytest

from synthjax.bench.kernel_times import (
    BETWEEN,
    OTHER,
    KindTime,
    format_times,
    per_kimg,
    shared_seconds,
    trace_step,
)
from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.core.errors import StudyError


@pytest.mark.parametrize(
    ("lanes", "expected"),
    [
        # Alone 0-2, both 2-3, with a third 3-4, then the third alone to 5.
        (1, {"a": 2 + 1 / 2 + 1 / 3, "b": 1 / 2 + 1 / 3, "c": 1 / 3 + 1}),
        (2, {"a": 2 + 1 + 2 / 3, "b": 1 + 2 / 3, "c": 2 / 3 + 1}),
        (3, {"a": 4, "b": 2, "c": 2}),
    ],
)
def test_kernels_that_run_at_once_share_the_devices(lanes, expected):
    intervals = [("a", 0.0, 4.0), ("c", 3.0, 5.0), ("b", 2.0, 4.0)]
    assert shared_seconds(intervals, lanes) == pytest.approx(expected)


def test_a_name_that_runs_twice_is_added_up():
    twice = [("a", 0.0, 1.0), ("a", 5.0, 7.0), ("a", 5.0, 6.0)]
    assert shared_seconds(twice, 1) == pytest.approx({"a": 3.0})


def test_steps_count_at_their_frequency():
    times = {
        "discriminator": [KindTime("matrix product", 0.5, 8.0)],
        "R1": [KindTime("matrix product", 1.0, 4.0), KindTime(OTHER, 2.0, 0.0)],
    }
    per = per_kimg(times, {"discriminator": 1, "R1": 4}, batch_size=10)
    assert per == [
        KindTime("matrix product", 100 * 0.5 + 25 * 1.0, 100 * 8.0 + 25 * 4.0),
        KindTime(OTHER, 25 * 2.0, 0.0),
    ]


def test_the_gaps_are_what_is_missing_of_the_peak():
    times = [
        KindTime("matrix product", 1.0, 5e9),
        KindTime("forward convolution", 5.0, 25e9),
        KindTime(OTHER, 3.0, 0.0),
        KindTime(BETWEEN, 1.0, 0.0),
    ]
    head, *rows = format_times(times, 10e9).splitlines()
    assert head.split() == ["kernels", "time", "%", "MFU", "%", "MFU", "gap"]
    assert rows[0].split() == ["forward", "convolution", "50", "50", "25"]
    assert rows[1].split()[2:] == ["30", "-", "30"]
    gap = sum(int(row.split()[-1]) for row in rows)
    assert 100 - gap == 30  # 30e9 FLOP of 100e9


def a_step(*arrays):
    def step(state, batch, rows):
        return jnp.tanh(state @ batch) + rows

    return jax.jit(step).lower(*arrays).compile()


@pytest.mark.slow
def test_a_traced_step_is_all_accounted_for():
    side = 512
    arrays = (jnp.ones((side, side)), jnp.ones((side, side)), jnp.ones(side))
    step = a_step(*arrays)
    jax.block_until_ready(step(*arrays))
    devices = make_devices(DevicesConfig(count=1))
    state, kinds = trace_step(step, *arrays, devices)
    assert state.shape == (side, side)
    found = {kind.kind: kind for kind in kinds}
    assert set(found) == {"matrix product", OTHER, BETWEEN}
    assert found["matrix product"].flop == 2 * side**3
    assert found["matrix product"].seconds > 0
    assert found[OTHER].seconds > 0
    assert found[BETWEEN].seconds >= 0


@pytest.mark.slow
def test_a_profiler_that_sees_nothing_is_named():
    arrays = (jnp.ones((4, 4)), jnp.ones((4, 4)), jnp.ones(4))
    compiled = a_step(*arrays)

    class Unseen:
        def as_text(self):
            return compiled.as_text().replace("%", "%unseen_")

        def __call__(self, *arguments):
            return compiled(*arguments)

    devices = make_devices(DevicesConfig(count=1))
    with pytest.raises(StudyError, match="--profile"):
        trace_step(Unseen(), *arrays, devices)
