"""The distance of a generator's images against numpy and closed forms."""

import json
import subprocess
import sys
import types
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from builders.processes import fast_env
from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.core.errors import StudyError
from synthjax.data.dataset import Dataset
from synthjax.data.store.stored import StoredSplit
from synthjax.gan.monitor.distance import GeneratorDistance, fixed_subset
from synthjax.gan.state import create, ema_item, make_optimizers
from synthjax.gan.step import make_steps


# Four features of an 8x8 image: the means of its quarters, in grey levels.
def quarters(params, pixels):
    image = pixels.astype(jnp.float32) * params
    means = image.reshape(image.shape[0], 2, 4, 2, 4, 1).mean(axis=(2, 4, 5))
    return means.reshape(-1, 4)


ENCODER = types.SimpleNamespace(
    name="quarters",
    size=4,
    params=np.ones((), np.float32),
    fit="",
    published=False,
    encode=quarters,
)


def make_sample(devices):
    """A generator that knows the real images by row: adds `shift`, or paints labels."""

    def sample(ema, cell):
        grey = ema["images"][cell["row"]].astype(jnp.float32) + ema["shift"]
        painted = 40 + 50 * (cell["label"] @ jnp.array([1.0, 2.0, 3.0], jnp.float32))
        grey = jnp.where(ema["paint"], painted[:, None, None, None], grey)
        return grey.astype(jnp.uint8)

    return devices.map_step(
        sample, in_axes=(None, 0), donate_state=False, sharded_outputs=True
    )


def set_up(data, *, count=2, mapping="pmap", images=40, batch=4, **config):
    devices = make_devices(DevicesConfig(count=count, mapping=mapping, **config))
    sample = make_sample(devices)
    whole = GeneratorDistance(
        Dataset.open(data),
        encoder=ENCODER,
        images=images,
        seed=3,
        devices=devices,
        batch=batch,
    )

    def distance(ema):
        return whole(ema, sample)

    table = Dataset.open(data).table("train")
    places = fixed_subset(48, images, 3)

    def ema(shift=0, paint=False, order=slice(None)):
        chosen = table.pixels[places][order]
        item = {"images": chosen, "shift": np.float32(shift), "paint": np.bool_(paint)}
        return devices.replicate(item)

    return distance, ema, table, places, sample


@pytest.mark.slow
@pytest.mark.parametrize("mapping", ["pmap", "shard_map"])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_distance_is_exact_on_any_devices(toy_data, count, mapping):
    distance, ema, table, places, sample = set_up(
        toy_data, count=count, mapping=mapping, images=37
    )
    assert distance(ema()) == pytest.approx(0, abs=1e-4)
    # A shift moves the mean of each of the four features, and nothing else.
    assert distance(ema(shift=3)) == pytest.approx(4 * 9, rel=1e-5)

    # Images of one grey v, which follows the label of the real image in the same row:
    # the covariance is var(v) 1 1^T, and the trace of the root has one term.
    grey = (40 + 50 * table.label[places] @ [1, 2, 3]).astype(np.uint8)
    real = table.pixels[places].reshape(-1, 2, 4, 2, 4).mean((2, 4)).reshape(-1, 4)
    covariance, variance = np.cov(real, rowvar=False), np.var(grey, ddof=1)
    apart = np.sum((real.mean(axis=0) - grey.mean()) ** 2)
    spread = np.trace(covariance) + 4 * variance
    overlap = np.sqrt(variance * covariance.sum())
    expected = apart + spread - 2 * overlap
    assert distance(ema(paint=True)) == pytest.approx(expected, rel=1e-5)
    assert sample.traces == 1


@pytest.mark.slow
def test_real_images_are_measured_once(toy_data, monkeypatch):
    reads = []
    read = StoredSplit.read

    def counted(self, positions, *, images=True):
        reads.extend([list(positions)] * images)
        return read(self, positions, images=images)

    monkeypatch.setattr(StoredSplit, "read", counted)
    distance, ema, *_ = set_up(toy_data)
    reads.clear()  # of the whole split, by the test
    first = distance(ema(shift=2))
    assert len(reads) == 5, "40 images in batches of 8"
    assert distance(ema(shift=2)) == first
    assert len(reads) == 5


def test_it_says_what_it_measures(toy_data):
    distance = GeneratorDistance(
        Dataset.open(toy_data),
        encoder=ENCODER,
        images=37,
        seed=3,
        devices=make_devices(DevicesConfig(count=1)),
    )
    assert distance.name == "FD[quarters, n=37]"


def test_subset_is_fixed_and_without_repetition():
    one = fixed_subset(100, 30, 1)
    assert len(set(one.tolist())) == 30
    assert (np.diff(one) > 0).all() and one.dtype == np.int32
    np.testing.assert_array_equal(one, fixed_subset(100, 30, 1))
    assert not np.array_equal(one, fixed_subset(100, 30, 2))
    np.testing.assert_array_equal(fixed_subset(9, 9, 1), np.arange(9))


def test_too_few_images_are_said(toy_data, capfd):
    with pytest.raises(StudyError, match=r"early_stop.images=49, but .* has 48"):
        set_up(toy_data, images=49)
    assert "warning" not in capfd.readouterr().err
    distance, ema, *_ = set_up(toy_data, images=4)
    assert "warning: the Fréchet distance of 4 images in 4" in capfd.readouterr().err
    assert np.isfinite(distance(ema(shift=1)))


@pytest.mark.slow
def test_the_grid_step_is_a_sampling_function(toy, toy_data):
    config, networks = toy.toy_config(), toy.toy_networks()
    devices = make_devices(DevicesConfig(count=2))
    optimizers = make_optimizers(config)
    state = jax.jit(lambda: create(networks, optimizers, 5))()
    steps = make_steps(config, networks, optimizers, devices, seed=5)
    distance = GeneratorDistance(
        Dataset.open(toy_data), encoder=ENCODER, images=20, seed=3, devices=devices
    )
    ema = devices.replicate(ema_item(state))
    value = distance(ema, steps.grid)
    assert value > 0
    again = distance(ema, steps.grid)
    assert again == value, "the same latents at every comparison"


@pytest.mark.slow
@pytest.mark.parametrize("mapping", ["pmap", "shard_map"])
def test_two_processes_agree_with_two_devices(toy_data, free_port, mapping):
    command = [sys.executable, __file__, str(toy_data), mapping, str(free_port)]
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    processes = [
        subprocess.Popen(
            [*command, str(process)],
            env=fast_env() | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for process in (0, 1)
    ]
    outputs = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    found = [json.loads(out.splitlines()[-1]) for out, _ in outputs]
    distance, ema, *_ = set_up(toy_data, mapping=mapping, images=37)
    expected = [distance(ema(shift=3)), distance(ema(paint=True))]
    assert found[0] == found[1], "every process knows"
    np.testing.assert_allclose(found[0], expected, rtol=1e-6)


def run_process(data, mapping, port, process):
    """One of two processes of one device: prints its distances."""
    joined = {
        "distributed": True,
        "coordinator": f"127.0.0.1:{port}",
        "process_count": 2,
        "process_id": int(process),
    }
    distance, ema, *_ = set_up(data, count=0, mapping=mapping, images=37, **joined)
    print(json.dumps([distance(ema(shift=3)), distance(ema(paint=True))]))


if __name__ == "__main__":
    run_process(Path(sys.argv[1]), *sys.argv[2:])
