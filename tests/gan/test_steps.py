"""Updates: the same on any number of devices, and equal to their definitions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthjax.core import rng
from synthjax.core.devices import AXIS, DevicesConfig, make_devices
from synthjax.data.images.transforms import to_image
from synthjax.gan.compiled import compile_steps
from synthjax.gan.forward import sample_keys
from synthjax.gan.generator import draw_latents, draw_noise
from synthjax.gan.labels import draw_labels, make_label_sampler
from synthjax.gan.monitor.grids import empty_cells
from synthjax.gan.networks.stylegan2 import StyleGAN2Config, make_networks
from synthjax.gan.state import build, ema_item, make_optimizers, tick_means
from synthjax.gan.step import make_steps

SEED = 5


def set_up(toy, networks, config, count=1, mapping="pmap"):
    """Steps, state, batch and label sampler on `count` devices."""
    devices = make_devices(DevicesConfig(count=count, mapping=mapping))
    optimizers = make_optimizers(config)
    steps = make_steps(config, networks, optimizers, devices, SEED)
    state = devices.replicate(build(networks, optimizers, SEED))
    sampler = devices.replicate(make_label_sampler(toy.COMBINATIONS))
    return devices, steps, state, devices.shard(toy.toy_batch()), sampler


def update(devices, steps, state, batch, sampler):
    for step in steps.updates().values():
        state = step(state, batch, sampler)
        devices.wait(state)
    return jax.device_get(state)


def by_path(state):
    leaves = jax.tree_util.tree_flatten_with_path(state)[0]
    return {
        jax.tree_util.keystr(path): np.asarray(leaf, float) for path, leaf in leaves
    }


def assert_close(state, other):
    """Relative to the largest number of each array: 1e-5.

    A layer's noise strength is a single number whose gradient, a sum over all pixels,
    can cancel to nothing; it is measured by the bias, which sums the same terms.
    """
    ours, theirs = by_path(state), by_path(other)
    assert ours.keys() == theirs.keys()
    for path, value in ours.items():
        measure = np.max(np.abs(value))
        if path.endswith("['noise_strength']"):
            bias = ours[path.replace("noise_strength", "bias")]
            measure = max(measure, np.max(np.abs(bias)))
        worst = np.max(np.abs(value - theirs[path])) / max(measure, 1e-6)
        assert worst < 1e-5, (path, worst)


MAPPED = [
    (2, "pmap"),
    (4, "pmap"),
    (1, "shard_map"),
    (2, "shard_map"),
    (4, "shard_map"),
]


@pytest.fixture(scope="module")
def one_device(toy):
    """The toy after one update on one device under pmap."""
    parts = set_up(toy, toy.toy_networks(), toy.toy_config())
    return update(*parts)


@pytest.mark.slow
@pytest.mark.parametrize(("count", "mapping"), MAPPED)
def test_update_does_not_depend_on_the_devices(toy, one_device, count, mapping):
    parts = set_up(toy, toy.toy_networks(), toy.toy_config(), count, mapping)
    assert_close(one_device, update(*parts))


@pytest.fixture(scope="module")
def stylegan2(toy):
    """Small StyleGAN2 networks and a config for them."""
    sizes = StyleGAN2Config(
        z_size=8, w_size=8, mapping_layers=1, label_size=8, channel_base=64
    )
    networks = make_networks(
        sizes, resolution=toy.RESOLUTION, channels=1, labels=toy.LABELS
    )
    return networks, toy.toy_config(stylegan2=sizes)


@pytest.fixture(scope="module")
def stylegan2_on_one_device(toy, stylegan2):
    """It after one update on one device under pmap."""
    return update(*set_up(toy, *stylegan2))


@pytest.mark.slow
@pytest.mark.parametrize(("count", "mapping"), [(2, "pmap"), (4, "shard_map")])
def test_stylegan2_update_does_not_depend_on_the_devices(
    toy, stylegan2, stylegan2_on_one_device, count, mapping
):
    parts = set_up(toy, *stylegan2, count, mapping)
    assert_close(stylegan2_on_one_device, update(*parts))


@pytest.mark.slow
@pytest.mark.parametrize("mapping", ["pmap", "shard_map"])
def test_each_step_is_traced_once(toy, mapping):
    devices, steps, state, batch, sampler = set_up(
        toy, toy.toy_networks(), toy.toy_config(), 2, mapping
    )
    cells = empty_cells(toy.LABELS, devices)
    compile_steps(steps, state, batch, sampler, cells)
    for _ in range(3):
        state = update(devices, steps, devices.replicate(state), batch, sampler)
        devices.gather(steps.grid(devices.replicate(ema_item(state)), cells))
    traces = [steps.discriminator, steps.regularizer, steps.generator, steps.grid]
    assert [step.traces for step in traces] == [1, 1, 1, 1]
    assert int(state.step) == 3
    assert int(state.images) == 48


@pytest.mark.slow
def test_update_equals_its_definition(toy):
    """One device, no mapping: losses and gradients written out in plain jax."""
    config, networks = toy.toy_config(), toy.toy_networks()
    _devices, steps, state, batch, sampler = set_up(toy, networks, config)
    before = jax.device_get(state)
    after = jax.device_get(steps.discriminator(state, batch, sampler))

    host = toy.toy_batch()
    root = rng.key(SEED, "discriminator", 0)
    keys = jax.vmap(lambda i: jax.random.fold_in(root, i))(jnp.arange(16))
    own = jax.tree.map(jnp.asarray, make_label_sampler(toy.COMBINATIONS))
    label = draw_labels(keys, own)
    w = networks.map(before.generator, draw_latents(networks, keys), label)
    ws = jnp.stack([w, w], axis=1)
    image = networks.synthesize(before.generator, ws, draw_noise(networks, keys))

    def loss(params):
        real = networks.discriminate(params, to_image(host["pixels"]), host["label"])
        synthetic = networks.discriminate(params, image, label)
        return jnp.mean(-jnp.log(jax.nn.sigmoid(real))) + jnp.mean(
            -jnp.log(1 - jax.nn.sigmoid(synthetic))
        )

    value, gradient = jax.value_and_grad(loss)(before.discriminator)
    optimizer = make_optimizers(config).discriminator
    change, _ = optimizer.update(
        gradient, before.discriminator_optimizer, before.discriminator
    )
    expected = jax.tree.map(jnp.add, before.discriminator, change)
    assert tick_means(after.totals)["loss_discriminator"] == pytest.approx(
        float(value), rel=1e-5
    )
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6),
        after.discriminator,
        expected,
    )
    jax.tree.map(np.testing.assert_array_equal, after.generator, before.generator)


@pytest.mark.slow
@pytest.mark.parametrize("batch_count", [1, 4])
def test_ema_follows_the_generator_with_its_half_life(toy, batch_count):
    """After n updates with no ramp-up the initial weights count 0.5 ** (images / h)."""
    config = toy.toy_config(
        ema_half_life_kimg=0.032, ema_rampup=0.0, generator_learning_rate=1e-12
    )
    devices, steps, state, batch, sampler = set_up(toy, toy.toy_networks(), config)
    marked = jax.tree.map(jnp.ones_like, state.ema)
    start = jax.device_get(state.generator)
    state = state.replace(ema=devices.replicate(marked))
    for _ in range(batch_count):
        state = steps.generator(state, batch, sampler)
    weight = 0.5 ** (batch_count * 16 / 32)
    jax.tree.map(
        lambda ema, g: np.testing.assert_allclose(
            ema, weight + (1 - weight) * g, atol=1e-5
        ),
        jax.device_get(state.ema),
        start,
    )


@pytest.mark.slow
def test_samples_belong_to_their_place_in_the_global_batch():
    def draw(state, batch):
        return jax.random.key_data(sample_keys(state, batch.shape[0]))

    drawn = []
    for count in (1, 4):
        devices = make_devices(DevicesConfig(count=count))
        step = devices.map_step(draw, in_axes=(None, 0), sharded_outputs=True)
        key = rng.key(3, "latents", 7)
        drawn.append(devices.gather(step(key, devices.shard(np.zeros(8)))))
    np.testing.assert_array_equal(*drawn)
    assert len(np.unique(drawn[0], axis=0)) == 8
    assert AXIS == "data"


@pytest.mark.slow
def test_noise_differs_between_layers_and_images(toy):
    keys = jax.vmap(lambda i: jax.random.fold_in(rng.key(0, "x"), i))(jnp.arange(3))
    first, second = draw_noise(toy.toy_networks(), keys)
    assert not np.allclose(first, second)
    assert not np.allclose(first[0], first[1])


@pytest.mark.slow
def test_generator_labels_are_training_rows_at_their_frequencies(toy):
    sampler = jax.tree.map(jnp.asarray, make_label_sampler(toy.COMBINATIONS))
    keys = jax.vmap(lambda i: jax.random.fold_in(rng.key(1, "x"), i))(jnp.arange(4000))
    drawn = np.asarray(draw_labels(keys, sampler))
    distinct, counts = np.unique(drawn, axis=0, return_counts=True)
    np.testing.assert_array_equal(distinct, [[0, 0, 1], [1, 0, 0], [1, 1, 0]])
    np.testing.assert_allclose(counts / 4000, [0.5, 0.25, 0.25], atol=0.03)
