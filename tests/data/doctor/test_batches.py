"""Batches in processes."""

import pytest

from synthjax.data.doctor.batches import run_batches


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_batches_in_processes_keep_their_order(seconds):
    work = ([number, number + 0.5] for number in range(9))
    done = run_batches(
        list, work, total=18, desc="x", unit="x", workers=2, inline_seconds=seconds
    )
    assert done == [number / 2 for number in range(18)]
