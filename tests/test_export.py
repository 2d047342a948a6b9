"""The command that exports a set: what it writes, and its one line when it cannot."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from builders.processes import fast_env
from synthjax.data.schema import Record, Schema
from synthjax.data.store.write import write_set

ROOT = Path(__file__).parent.parent


# All warnings but one: TFDS calls what newer protobufs deprecate.
WARNINGS = "default,ignore:label():DeprecationWarning"


def run(*flags):
    return subprocess.run(
        [sys.executable, "-m", "launch.export", *flags],
        check=False,
        cwd=ROOT,
        env=fast_env() | {"PYTHONWARNINGS": WARNINGS},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture
def real_set(tmp_path):
    records = [
        Record(
            id=f"img/{number}.png",
            pixels=np.full((16, 16, 1), number, np.uint8),
            label=np.array([number % 2], np.float32),
            patient_id=f"p{number}",
            origin=f"img/{number}.png",
        )
        for number in range(4)
    ]
    write_set(tmp_path / "data", Schema("few", ("odd",), 16, 1), {"train": records})
    return tmp_path / "data"


@pytest.mark.slow
def test_writes_a_set(tmp_path, real_set):
    done = run(f"--set={real_set}", "--format=png", f"--out={tmp_path / 'out'}")
    assert done.returncode == 0, done.stderr
    assert "4 images of few as png" in done.stderr
    names = sorted(path.name for path in (tmp_path / "out" / "train").iterdir())
    assert names == [*(f"{number:06d}.png" for number in range(4)), "metadata.csv"]


@pytest.mark.slow
def test_says_in_one_line_why_it_cannot(tmp_path, real_set):
    done = run(f"--set={real_set}", "--format=dicom", f"--out={tmp_path / 'out'}")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert "is not a synthetic set" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]
