"""Memory: of this process alone, whatever its parent holds, and of its device."""

import subprocess
import sys

import jax
import numpy as np
import pytest

from synthjax.core.memory import (
    device_peak_bytes,
    peak_bytes,
    reset_peak,
    resident_bytes,
)

SCRIPT = "from synthjax.core.memory import peak_bytes; print(peak_bytes())"


@pytest.mark.slow
def test_peak_grows_with_what_is_held():
    before = peak_bytes()
    held = np.ones(before + 50_000_000, np.uint8)  # more than was ever resident
    assert peak_bytes() >= before + 50_000_000
    assert held[-1]


@pytest.mark.slow
def test_a_child_does_not_count_its_parents_memory():
    held = np.ones(600_000_000, np.uint8)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, check=True, text=True
    )
    assert held[-1]
    assert int(done.stdout) < 400_000_000


def test_the_process_holds_what_it_holds():
    assert 2**20 < resident_bytes() <= peak_bytes()


@pytest.mark.slow
def test_the_peak_begins_anew():
    if not reset_peak():
        pytest.skip("this system keeps the peak of a process")
    before, size = peak_bytes(), 200_000_000
    held = np.ones(size, np.uint8)
    assert held[-1] and peak_bytes() >= before + size // 2
    del held
    assert peak_bytes() >= before + size // 2
    assert reset_peak()
    assert peak_bytes() < before + size // 2


def test_a_device_without_statistics_has_the_peak_of_the_process(monkeypatch):
    class Device:
        def __init__(self, stats):
            self.stats = stats

        def memory_stats(self):
            return self.stats

    monkeypatch.setattr(jax, "local_devices", lambda: [Device(None)])
    assert abs(device_peak_bytes() - peak_bytes()) < 2**24
    monkeypatch.setattr(
        jax, "local_devices", lambda: [Device({"peak_bytes_in_use": 7})]
    )
    assert device_peak_bytes() == 7
