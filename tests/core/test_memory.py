"""Peak memory: of this process alone, whatever its parent holds."""

import subprocess
import sys

import numpy as np

from synthjax.core.memory import peak_bytes

SCRIPT = "from synthjax.core.memory import peak_bytes; print(peak_bytes())"


def test_peak_grows_with_what_is_held():
    before = peak_bytes()
    held = np.ones(before + 50_000_000, np.uint8)  # more than was ever resident
    assert peak_bytes() >= before + 50_000_000
    assert held[-1]


def test_a_child_does_not_count_its_parents_memory():
    held = np.ones(600_000_000, np.uint8)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, check=True, text=True
    )
    assert held[-1]
    assert int(done.stdout) < 400_000_000
