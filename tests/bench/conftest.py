"""Recorded HLO programs."""

from pathlib import Path

import pytest

from synthjax.bench.kernels import kernels


@pytest.fixture
def recorded():
    """Reads a recorded HLO program's kernels by its name.

    As compiled for a compile-only H200, shortened; scaled_slices is written after one.
    """
    folder = Path(__file__).parent / "hlo"
    return lambda name: kernels((folder / f"{name}.txt").read_text(encoding="utf-8"))
