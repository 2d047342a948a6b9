"""Both mappings, on 1, 2 and 4 devices and on two processes, do the same."""

import json
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from builders.processes import fast_compile, script_env
from synthjax.core.devices import AXIS, DevicesConfig, make_devices
from synthjax.core.errors import ConfigError, StudyError


def step(state, batch, shift):
    """Moves the state towards the global batch's mean."""
    mean = jax.lax.pmean(jnp.mean(batch["x"], axis=0), AXIS)
    return {"w": state["w"] + 0.5 * (mean + shift)}, mean


def shifted(state, batch):
    index = jax.lax.axis_index(AXIS)
    return {
        "y": batch["x"] + state["w"],
        "device": jnp.full(batch["x"].shape[:1], index),
    }


def setup(count, mapping):
    devices = make_devices(DevicesConfig(count=count, mapping=mapping))
    state = devices.replicate({"w": np.arange(3, dtype=np.float32)})
    batch = np.linspace(-1, 1, 24, dtype=np.float32).reshape(8, 3)
    return devices, state, devices.shard({"x": batch}), batch


@pytest.mark.parametrize("mapping", ["pmap", "shard_map"])
@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("ahead", [False, True])
def test_step_is_the_same_on_any_devices(count, mapping, ahead):
    devices, state, batch, host = setup(count, mapping)
    mapped = devices.map_step(step, in_axes=(None, 0, None))
    shift = devices.replicate(np.float32(2.0))
    if ahead:
        mapped.compile_ahead(state, batch, shift)
    for _ in range(3):
        state, mean = mapped(state, batch, shift)
        devices.wait(state)
    expected = np.arange(3) + 1.5 * (host.mean(0) + 2)
    np.testing.assert_allclose(np.asarray(state["w"]), expected, rtol=1e-6)
    np.testing.assert_allclose(np.asarray(mean), host.mean(0), rtol=1e-6, atol=1e-7)
    assert state["w"].shape == (3,), "the state has no device axis"
    assert mapped.traces == 1


@pytest.mark.parametrize("mapping", ["pmap", "shard_map"])
def test_sharded_outputs_come_back_in_order(mapping):
    devices, state, batch, host = setup(4, mapping)
    mapped = devices.map_step(shifted, in_axes=(None, 0), sharded_outputs=True)
    out = devices.gather(mapped(state, batch))
    np.testing.assert_array_equal(out["y"], host + np.arange(3, dtype=np.float32))
    np.testing.assert_array_equal(out["device"], np.repeat(np.arange(4), 2))


def test_state_is_donated():
    devices, state, batch, _ = setup(2, "pmap")
    mapped = devices.map_step(step, in_axes=(None, 0, None))
    mapped(state, batch, devices.replicate(np.float32(0)))
    assert state["w"].is_deleted()


def test_what_does_not_fit_is_said():
    with pytest.raises(StudyError, match="this process has 4 cpu"):
        make_devices(DevicesConfig(count=5))
    with pytest.raises(ConfigError, match="pmap, shard_map"):
        DevicesConfig(mapping="vmap")
    devices = make_devices(DevicesConfig(count=4))
    with pytest.raises(StudyError, match=r"gan.batch_size=30 .* set it to 28 or 32"):
        devices.check_batch(30, "gan.batch_size")
    with pytest.raises(StudyError, match="does not divide by 4 devices"):
        devices.shard(np.zeros((6, 2)))


WORKER = Path(__file__).parent / "two_processes.py"


@pytest.mark.slow
@pytest.mark.parametrize("mapping", ["pmap", "shard_map"])
def test_two_processes_do_what_two_devices_do(mapping, free_port):
    def start(process):
        command = [sys.executable, str(WORKER), mapping, str(free_port), str(process)]
        return subprocess.Popen(
            command,
            env=script_env() | fast_compile(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    workers = [start(0), start(1)]
    outputs = [worker.communicate(timeout=120) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], outputs
    results = [json.loads(out.splitlines()[-1]) for out, _ in outputs]
    devices, state, batch, _ = setup(2, mapping)
    mapped = devices.map_step(step, in_axes=(None, 0, None))
    state, _ = mapped(state, batch, devices.replicate(np.float32(0)))
    gathered = devices.gather(
        devices.map_step(shifted, in_axes=(None, 0), sharded_outputs=True)(state, batch)
    )
    for result in results:
        np.testing.assert_allclose(result["w"], np.asarray(state["w"]), rtol=1e-6)
        np.testing.assert_allclose(result["y"], gathered["y"], rtol=1e-6)
        assert result["device"] == gathered["device"].tolist()
    assert [result["index"] for result in results] == [0, 1]
    assert all(result["restored"] == result["w"] for result in results)
