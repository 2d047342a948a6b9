"""Two processes of one device each do what one process of two devices does."""

import importlib.util
import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from builders.processes import fast_env
from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.data.dataset import Dataset

WORKER = Path(__file__).parent / "two_processes.py"


@pytest.fixture(scope="module")
def worker():
    spec = importlib.util.spec_from_file_location("two_processes", WORKER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("mapping", ["pmap", "shard_map"])
def test_updates_agree_and_shards_are_the_whole_set(
    tmp_path, tiny_study, free_port, worker, mapping
):
    data = tiny_study / "data"
    command = [sys.executable, str(WORKER), mapping, str(free_port)]
    processes = [
        subprocess.Popen(
            [*command, str(process), str(data), str(tmp_path)],
            cwd=WORKER.parent.parent,
            env=fast_env() | {"PYTHONPATH": str(WORKER.parent.parent)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for process in (0, 1)
    ]
    errors = [process.communicate(timeout=900)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors

    alone = worker.one_update(
        make_devices(DevicesConfig(count=2, mapping=mapping)), data
    )
    together = [dict(np.load(tmp_path / f"{process}.npz")) for process in (0, 1)]
    rows = [result.pop("rows") for result in together]
    for result in together:
        assert result.keys() == alone.keys()
        for name, value in alone.items():
            scale = max(np.abs(value).max(), 1e-6)
            np.testing.assert_allclose(
                result[name] / scale, value / scale, atol=1e-5, rtol=0, err_msg=name
            )
    n = Dataset.open(data).counts["train"]
    whole = n // worker.BATCH * worker.BATCH
    read = np.concatenate(rows)
    assert not set(rows[0]) & set(rows[1]), "the processes' rows are disjoint"
    assert len(set(read)) == whole, "and no row is read twice in an epoch"
    if whole == n:
        assert set(read) == set(range(n))


def start_study(workdir, port):
    """The tiny study in two processes, as on two hosts that share a file system."""
    flags = [
        "--config=configs/phantom_chest.py:tiny",
        f"--workdir={workdir}",
        "--config.devices.distributed=True",
        f"--config.devices.coordinator=127.0.0.1:{port}",
        "--config.devices.process_count=2",
    ]
    return [
        subprocess.Popen(
            [sys.executable, "-m", "launch.pipeline", *flags, rank],
            cwd=WORKER.parent.parent,
            env=fast_env(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in ("--config.devices.process_id=0", "--config.devices.process_id=1")
    ]


@pytest.mark.slow
def test_a_study_in_two_processes_stops_and_goes_on(tmp_path, free_port):
    workdir = tmp_path / "study"
    processes = start_study(workdir, free_port)
    for line in processes[0].stderr:
        if line.startswith("gan:") and "kimg/s" in line:
            break  # training has begun
    for process in processes:
        process.send_signal(signal.SIGTERM)
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [143, 143], errors

    processes = start_study(workdir, free_port)
    errors = [process.communicate(timeout=900)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors
    assert "gan: going on from" in errors[0]
    results = json.loads((workdir / "evaluate" / "results.json").read_text())
    assert results["n_test_images"] == Dataset.open(workdir / "data").counts["test"]
