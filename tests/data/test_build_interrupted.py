"""A build that is killed goes on at the shard it was at and ends with the same bytes."""

import hashlib
import random
import signal
import subprocess
import sys
import time

import pytest

from builders.seeds import REPEAT, SEED

KILLS = 5
BUILD = """
import sys
from pathlib import Path
from synthjax.data.builder import build
from synthjax.data.config import DataConfig
from synthjax.data.sources.phantom_chest import PhantomChestConfig
if __name__ == "__main__":
    phantom = PhantomChestConfig(patients=900)
    config = DataConfig(
        resolution=32, shard_mb=0.02, workers=2, phantom_chest=phantom
    )
    out = Path(sys.argv[1])
    build(config, seed=0, out=out, prepared=out.parent)
"""


def start(out):
    return subprocess.Popen(
        [sys.executable, out.parent / "build.py", out],
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(out):
    process = start(out)
    told = process.communicate(timeout=300)[1]
    assert process.returncode == 0, told
    kept = [path for path in out.iterdir() if path.name != "build.json"]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in kept}


def shards(out):
    """The finished shards and when each was written."""
    notes = (out / ".partial" / "notes").glob("*.json")
    return {note.name: note.stat().st_mtime_ns for note in notes}


@pytest.mark.slow
def test_killed_five_times_at_random(tmp_path):
    """At moments drawn from SYNTHJAX_TEST_SEED, each after a shard was finished."""
    (tmp_path / "build.py").write_text(BUILD)
    reference = finish(tmp_path / "whole")
    assert len(reference) > 30
    out, moments = tmp_path / "killed", random.Random(SEED)
    for _ in range(KILLS):
        before = shards(out)
        process = start(out)
        while len(shards(out)) <= len(before) and process.poll() is None:
            time.sleep(0.02)
        time.sleep(moments.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        done = f"it was done before the kill, {REPEAT}"
        assert process.returncode == -signal.SIGKILL, done
        after = shards(out)
        assert {name: after[name] for name in before} == before, REPEAT
    assert finish(out) == reference, REPEAT
    assert not (out / ".partial").exists(), REPEAT
