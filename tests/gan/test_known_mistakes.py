"""Mistakes that GAN trainers have shipped, each with a check that would find it.

Where the mistaken version can be put in place of this project's code, the check is run
on it too, and must not pass.
"""

import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthjax.core import rng
from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.core.errors import StudyError
from synthjax.data.dataset import Dataset
from synthjax.gan import gradients, regularizers, step, train
from synthjax.gan.generator import CHECKPOINTS, draw_noise
from synthjax.gan.labels import make_label_sampler
from synthjax.gan.monitor.distance import GeneratorDistance
from synthjax.gan.networks.layers import minibatch_stddev
from synthjax.gan.networks.stylegan2 import StyleGAN2Config, make_networks
from synthjax.gan.state import build, make_optimizers
from synthjax.gan.step import make_steps

SEED = 5
SIZES = StyleGAN2Config(
    z_size=8, w_size=8, mapping_layers=1, label_size=8, channel_base=64
)


def run_updates(toy, config, count, networks=None):
    """The state after one update of each kind on `count` devices, by path."""
    devices = make_devices(DevicesConfig(count=count))
    networks = networks or toy.toy_networks()
    optimizers = make_optimizers(config)
    steps = make_steps(config, networks, optimizers, devices, SEED)
    state = devices.replicate(build(networks, optimizers, SEED))
    sampler = devices.replicate(make_label_sampler(toy.COMBINATIONS))
    batch = devices.shard(toy.toy_batch())
    for mapped in steps.updates().values():
        state = mapped(state, batch, sampler)
        devices.wait(state)
    leaves = jax.tree_util.tree_flatten_with_path(jax.device_get(state))[0]
    return {
        jax.tree_util.keystr(path): np.asarray(leaf, float) for path, leaf in leaves
    }


def differing(toy, config, parts=("",)):
    """Paths of the state, with one of `parts` in them, that one and two devices differ in."""
    one, two = run_updates(toy, config, 1), run_updates(toy, config, 2)
    return [
        path
        for path, value in one.items()
        if any(part in path for part in parts)
        and np.max(np.abs(value - two[path]), initial=0.0)
        > 1e-5 * max(np.max(np.abs(value), initial=0.0), 1e-6)
    ]


# 1. Path-length noise divided by the root of batch times height.


def path_length_of_a_linear_generator():
    """Expected length, over directions, of an image that is a fixed linear map of w."""
    matrix = jax.random.normal(jax.random.key(0), (5, 8 * 2), jnp.float32)

    def synthesize(ws):
        return (ws[:, 0] @ matrix).reshape(-1, 8, 2, 1)

    keys = jax.vmap(lambda i: jax.random.fold_in(jax.random.key(1), i))(
        jnp.arange(2000)
    )
    ws = jnp.zeros((2000, 1, 5))
    lengths = regularizers.path_lengths(synthesize, ws, keys)
    return float(jnp.mean(lengths**2)), float(jnp.sum(matrix**2) / (8 * 2))


@pytest.mark.slow
def test_path_length_noise_is_scaled_by_the_pixels(monkeypatch):
    found, expected = path_length_of_a_linear_generator()
    assert found == pytest.approx(expected, rel=0.1)
    normal = jax.random.normal
    # As if the image had been divided by sqrt(batch * height).
    wrong = (8 * 2) ** 0.5 / (2000 * 8) ** 0.5
    monkeypatch.setattr(jax.random, "normal", lambda *a: wrong * normal(*a))
    found, expected = path_length_of_a_linear_generator()
    assert found != pytest.approx(expected, rel=0.1)


# 2. The average's half-life counted in images per device; 3. gradients of an update
# not averaged over the devices; 4. the path mean or the mean style of each device.


@pytest.mark.slow
def test_the_average_counts_the_global_batch(toy, monkeypatch):
    config = toy.toy_config(ema_half_life_kimg=0.1, ema_rampup=0.0)
    assert not differing(toy, config, ["ema"])
    right = regularizers.ema_decay

    def per_device(batch_size, *rest):
        return right(batch_size / jax.lax.axis_size("data"), *rest)

    monkeypatch.setattr(regularizers, "ema_decay", per_device)
    assert differing(toy, config, ["ema"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "call"),
    [({}, 0), ({}, 1), ({}, 2), ({"path_weight": 2.0}, 3)],
    ids=["discriminator", "R1", "generator", "path length"],
)
def test_every_gradient_is_averaged_over_the_devices(toy, monkeypatch, changes, call):
    config = toy.toy_config(**changes)
    assert not differing(toy, config)
    right, calls = gradients.mean_over_devices, []

    def forgets_one(tree):
        calls.append(None)
        return tree if (len(calls) - 1) % (4 if changes else 3) == call else right(tree)

    monkeypatch.setattr(gradients, "mean_over_devices", forgets_one)
    assert differing(toy, config)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["path_mean", "moments"])
def test_running_means_are_of_the_global_batch(toy, monkeypatch, name):
    config = toy.toy_config(path_weight=2.0)
    assert not differing(toy, config, [name])
    right = gradients.mean_over_devices

    def metrics_of_this_device(tree):
        gradient, metrics = tree
        return right(gradient), metrics

    monkeypatch.setattr(gradients, "mean_over_devices", metrics_of_this_device)
    assert differing(toy, config, [name])


# 5. Both networks' updates fed with the same latents; one key for two networks.


def streams_used(toy, monkeypatch):
    """Names of the streams that each kind of update draws from in one step."""
    used, right = [], step.rng.key

    def key(root, name, *indices):
        if isinstance(root, int) and root == SEED and indices:  # of a step of the run
            used.append(name)
        return right(root, name, *indices)

    monkeypatch.setattr(step.rng, "key", key)
    run_updates(toy, toy.toy_config(path_weight=2.0, r2_weight=0.1), 1)
    return list(used)  # the tests below draw too


@pytest.mark.slow
def test_no_two_updates_share_their_random_streams(toy, monkeypatch):
    names = streams_used(toy, monkeypatch)
    assert len(names) == len(set(names)) == 4
    keys = [jax.random.key_data(rng.key(SEED, name, 0)).tolist() for name in names]
    assert len({tuple(key) for key in keys}) == 4
    # A step later every stream is another one.
    later = [jax.random.key_data(rng.key(SEED, name, 1)).tolist() for name in names]
    assert not {tuple(key) for key in keys} & {tuple(key) for key in later}


@pytest.mark.slow
def test_networks_are_initialised_from_keys_of_their_own():
    networks = make_networks(SIZES, resolution=8, channels=1, labels=3)
    params = networks.init_generator(jax.random.key(0))
    weights = [
        np.asarray(leaf).ravel()
        for leaf in jax.tree.leaves(params)
        if leaf.size >= 8 and np.std(leaf) > 0
    ]
    for i, one in enumerate(weights):
        for other in weights[i + 1 :]:
            size = min(len(one), len(other))
            scaled = [x[:size] / np.std(x[:size]) for x in (one, other)]
            assert not np.allclose(*scaled, rtol=1e-3)


# 6. A resumed run that forgets its random state, obeys the checkpoint's config instead
# of the command line's, or finds only the best states.


def trained(toy, data, out, **changes):
    devices = make_devices(DevicesConfig(count=1))
    config = toy.toy_config(**changes)
    train.train(config, seed=3, data=data, out=out, devices=devices)
    lines = (out / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["loss_generator"] for line in lines]


@pytest.mark.slow
def test_no_run_goes_on_under_other_settings(toy, toy_data, toy_model, tmp_path):
    """Neither the checkpoint's nor the command line's are obeyed in silence."""
    trained(toy, toy_data, tmp_path / "a", kimg=0.16)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    with pytest.raises(StudyError) as refused:
        trained(toy, toy_data, tmp_path / "b", generator_learning_rate=0.05)
    assert "config.gan.generator_learning_rate was 0.0025 and is 0.05" in str(
        refused.value
    )
    # What does not change what is learnt, and the length, is the command line's.
    longer = trained(toy, toy_data, tmp_path / "a", kimg=0.32, tick_kimg=0.032)
    assert len(longer) == 3 + 5  # at 64, 128 and 160 images, then every 32
    written = json.loads((tmp_path / "a/config.json").read_text())
    assert (written["kimg"], written["tick_kimg"]) == (0.32, 0.032)


@pytest.mark.slow
def test_a_resumed_run_draws_what_an_uninterrupted_one_draws(
    toy, toy_data, toy_model, tmp_path, monkeypatch
):
    whole = trained(toy, toy_data, tmp_path / "whole")
    trained(toy, toy_data, tmp_path / "resumed", kimg=0.16)
    assert trained(toy, toy_data, tmp_path / "resumed")[-1] == whole[-1]

    trained(toy, toy_data, tmp_path / "forgetful", kimg=0.16)
    right = rng.key

    def anew(root, *parts):
        return right(right(root, "anew"), *parts)

    monkeypatch.setattr(rng, "key", anew)
    assert trained(toy, toy_data, tmp_path / "forgetful")[-1] != whole[-1]


# 7. Fréchet distances of images that were rescaled by batch or augmented.


def test_the_reference_is_the_stored_images(toy, toy_data):
    class Flat:
        """Features that are the pixels, whatever is around them."""

        name, size, params, fit = "flat", toy.RESOLUTION**2, (), ""
        published = False

        def encode(self, params, pixels):
            return pixels.reshape(pixels.shape[0], -1).astype(jnp.float32)

    devices = make_devices(DevicesConfig(count=2))
    dataset = Dataset.open(toy_data)
    distance = GeneratorDistance(
        dataset, encoder=Flat(), images=48, seed=0, devices=devices
    )
    stored = dataset["train"].read(range(48))
    pixels = np.stack([record.pixels for record in stored]).reshape(48, -1)
    np.testing.assert_allclose(distance.reference.mean, pixels.mean(0), rtol=1e-5)
    rescaled = pixels.reshape(3, 16, -1).astype(float)
    low, high = (f(rescaled, axis=(1, 2), keepdims=True) for f in (np.min, np.max))
    rescaled = ((rescaled - low) / (high - low) * 255).reshape(48, -1)
    assert not np.allclose(distance.reference.mean, rescaled.mean(0), rtol=1e-3)


# 8. Minibatch groups that form over other samples when there are more devices.


@pytest.mark.slow
def test_minibatch_groups_are_of_consecutive_samples():
    image = jnp.asarray(np.random.default_rng(0).normal(size=(8, 2, 2, 3)), jnp.float32)
    whole = minibatch_stddev(image, 4)
    halves = [minibatch_stddev(part, 4) for part in jnp.split(image, 2)]
    np.testing.assert_allclose(whole, jnp.concatenate(halves), rtol=1e-6)
    strided = image.reshape(4, 2, 2, 2, 3).swapaxes(0, 1).reshape(8, 2, 2, 3)
    assert not np.allclose(
        minibatch_stddev(strided, 4)[0, 0, 0, -1], whole[0, 0, 0, -1]
    )


# 9. Trainers that cannot start on the jax that is installed are caught by every test of
# this suite. Others, of the same family: noise shared by layers, one style too few.


@pytest.mark.slow
def test_every_layer_has_noise_of_its_own():
    networks = make_networks(SIZES, resolution=16, channels=1, labels=3)
    keys = jax.vmap(lambda i: jax.random.fold_in(jax.random.key(0), i))(jnp.arange(2))
    noise = draw_noise(networks, keys)
    for i, one in enumerate(noise):
        for other in noise[i + 1 :]:
            size = min(one.size, other.size)
            assert not np.allclose(one.ravel()[:size], other.ravel()[:size])


@pytest.mark.parametrize("resolution", [8, 64, 256, 1024])
def test_there_is_a_style_for_every_layer(resolution):
    networks = make_networks(SIZES, resolution=resolution, channels=1, labels=3)
    assert networks.num_ws == 2 * (resolution.bit_length() - 1) - 2


@pytest.mark.slow
def test_a_checkpoint_that_is_not_there_is_no_fresh_start(toy, toy_data, tmp_path):
    """Weights asked for and not found stop the run; they are not left out silently."""
    devices = make_devices(DevicesConfig(count=1))
    config = toy.toy_config(init_from=str(tmp_path / "nowhere"))
    with pytest.raises(StudyError, match="nowhere"):
        train.train(
            config, seed=3, data=toy_data, out=tmp_path / "gan", devices=devices
        )
    assert not any((tmp_path / "gan" / CHECKPOINTS).glob("*"))
