"""What befalls a study while it runs: kill -9, SIGTERM, no room on the disk."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from builders.processes import user_env
from builders.seeds import REPEAT, SEED
from synthjax.data.dataset import Dataset

ROOT = Path(__file__).parent.parent
CONFIG = "configs/phantom_chest.py:tiny"
KILLS = 10


def results(workdir):
    return json.loads((workdir / "evaluate" / "results.json").read_text())


def assert_same_outcome(workdir, reference, message=""):
    """The same synthetic images and labels by id, and the same results.json."""
    for split in ("train", "valid", "test"):
        ours = Dataset.open(workdir / "synth").table(split)
        theirs = Dataset.open(reference / "synth").table(split)
        np.testing.assert_array_equal(ours.id, theirs.id, message)
        np.testing.assert_array_equal(ours.pixels, theirs.pixels, message)
        np.testing.assert_array_equal(ours.label, theirs.label, message)
    assert results(workdir) == results(reference), message


def start(workdir):
    command = [sys.executable, "-m", "launch.pipeline", f"--config={CONFIG}"]
    return subprocess.Popen(
        [*command, f"--workdir={workdir}"],
        cwd=ROOT,
        env=user_env(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.mark.slow
def test_killed_at_random_moments_ends_the_same(tmp_path, tiny_study):
    """Ten kill -9 anywhere in a study, at moments drawn from SYNTHJAX_TEST_SEED.

    A study that ends before its tenth kill is compared, and another one is begun.
    """
    moments, log = random.Random(SEED), []
    killed, studies, finished = 0, 0, True
    while killed < KILLS or not finished:
        if finished:
            studies, finished = studies + 1, False
            workdir = tmp_path / f"study{studies}"
        process = start(workdir)
        wait = moments.uniform(4, 14) if killed < KILLS else 1200
        try:
            process.wait(timeout=wait)
            finished = True
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            killed += 1
        log.append(f"--- {wait:.1f} s in {workdir.name}\n{process.communicate()[0]}")
        if finished:
            assert process.returncode == 0, f"{REPEAT}\n" + "\n".join(log)[-6000:]
            assert_same_outcome(workdir, tiny_study, REPEAT)
    assert killed == KILLS


@pytest.mark.slow
def test_sigterm_saves_and_leaves_with_143(tmp_path, tiny_study):
    workdir = tmp_path / "study"
    process = start(workdir)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "kimg" in line and "gan" in line:
            break  # training has begun
    begin = time.monotonic()
    process.send_signal(signal.SIGTERM)
    rest = process.communicate(timeout=60)[0]
    assert process.returncode == 143, "".join(lines) + rest
    assert time.monotonic() - begin < 30
    steps = [p for p in (workdir / "gan" / "checkpoints").iterdir() if p.is_dir()]
    assert steps, "a checkpoint was saved"
    again = start(workdir)
    out = again.communicate(timeout=1200)[0]
    assert again.returncode == 0, out
    assert "going on from" in out
    assert_same_outcome(workdir, tiny_study)


@pytest.mark.slow
def test_no_room_is_one_clear_message(tmp_path):
    # No file may pass 200 KiB: writes fail as on a full disk.
    limited = ["bash", "-c", 'ulimit -f 200; exec "$0" "$@"', sys.executable]
    command = [*limited, "-m", "launch.pipeline", f"--config={CONFIG}"]
    done = subprocess.run(
        [*command, f"--workdir={tmp_path / 'study'}"],
        check=False,
        cwd=ROOT,
        env=user_env(),
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 2, done.stderr[-3000:]
    assert "is full, or a quota is used up" in done.stderr
    assert "Traceback" not in done.stderr
