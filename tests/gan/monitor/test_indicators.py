"""Indicators against plain numpy, on crafted networks, and on any devices."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthjax.core import rng
from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.data.dataset import Dataset
from synthjax.data.schema import Record, Schema
from synthjax.data.store.write import write_set
from synthjax.gan.generator import draw_latents, draw_noise, generate
from synthjax.gan.growth import real_images
from synthjax.gan.monitor.distance import fixed_subset
from synthjax.gan.monitor.indicators import Indicators, other_labels
from synthjax.gan.monitor.probe import discriminate_with_label_fit, label_preference
from synthjax.gan.networks.layers import minibatch_stddev
from synthjax.gan.schedule import Phase
from synthjax.gan.state import create, ema_item, make_optimizers
from synthjax.metrics.shape_coverage import shape_coverage

KEYS = {
    "discriminator_train",
    "discriminator_valid",
    "discriminator_synthetic",
    "overfitting",
    "sign_real",
    "diversity",
    "diversity_real",
    "shape_coverage",
    "shape_coverage_real",
    "label_preference",
    "label_preference_real",
}
SEED = 4


@pytest.fixture(scope="module")
def start(toy):
    """A state of the toy, on the host."""
    optimizers = make_optimizers(toy.toy_config())
    networks = toy.toy_networks()
    return jax.device_get(jax.jit(lambda: create(networks, optimizers, 9))())


def measure(data, networks, state, *, count=1, mapping="pmap", phase=None, **changes):
    devices = make_devices(DevicesConfig(count=count, mapping=mapping))
    dataset = Dataset.open(data)
    indicators = Indicators(dataset, networks, devices, seed=SEED, **changes)
    if phase is not None:
        indicators.set_phase(phase)
    placed = devices.replicate(state)
    result = indicators.measure(placed)
    np.testing.assert_equal(indicators.measure(placed), result)
    assert indicators.probe.traces == 1
    assert result.keys() == KEYS
    return result


def to_float(pixels):
    return np.asarray(pixels, np.float32) / 127.5 - 1


def pairwise(image, rows):
    """Mean RMS over the pairs with equal rows, in a plain loop, float64."""
    pairs = [
        np.sqrt(np.mean((image[i].astype(float) - image[j]) ** 2))
        for i, j in itertools.combinations(range(len(image)), 2)
        if np.array_equal(rows[i], rows[j], equal_nan=True)
    ]
    return float(np.mean(pairs))


@pytest.mark.slow
def test_equals_a_plain_loop(toy, toy_data, start):
    networks = toy.toy_networks()
    got = measure(toy_data, networks, start, images=40)
    train, valid = (Dataset.open(toy_data).table(split) for split in ("train", "valid"))
    places = fixed_subset(48, 40, SEED)
    real, rows = train.pixels[places], train.label[places]

    @jax.jit
    def draw(state):
        places = jnp.arange(40)
        keys = jax.vmap(lambda place: rng.key(SEED, "indicators", place))(places)
        z, noise = draw_latents(networks, keys), draw_noise(networks, keys)
        return generate(networks, ema_item(state), z, rows, noise, 1.0)

    synthetic = np.asarray(draw(start))
    discriminate = jax.jit(networks.discriminate)

    def judge_all(image, label):
        return np.asarray(discriminate(start.discriminator, image, label), np.float64)

    on_train, on_synthetic = judge_all(to_float(real), rows), judge_all(synthetic, rows)
    on_valid = judge_all(to_float(valid.pixels), valid.label)
    gap = on_train.mean() - on_synthetic.mean()
    rounded = np.rint((synthetic + 1) * 127.5).clip(0, 255)
    apart = pairwise(real, rows)
    few = min(len(real), len(valid.pixels))
    expected = {
        "discriminator_train": on_train.mean(),
        "discriminator_valid": on_valid.mean(),
        "discriminator_synthetic": on_synthetic.mean(),
        "overfitting": (on_train.mean() - on_valid.mean()) / gap,
        "sign_real": np.sign(on_train).mean(),
        "diversity": pairwise(rounded, rows) / apart,
        "diversity_real": apart * 2 / 255,
        "shape_coverage": shape_coverage(real[:few], rounded[:few].astype(np.uint8)),
        "shape_coverage_real": shape_coverage(real[:few], valid.pixels[:few]),
    }
    for name, value in expected.items():
        assert got[name] == pytest.approx(value, rel=1e-4, abs=1e-6, nan_ok=True), name
    for name in ("label_preference", "label_preference_real"):
        assert 0 <= got[name] <= 1


def stddev_networks(toy):
    """The toy, its discriminator seeing the minibatch standard deviation too."""
    plain = toy.toy_networks()

    def discriminate(params, image, label):
        group = minibatch_stddev(image, 4)[:, 0, 0, -1]
        return plain.discriminate(params, image, label) + 3 * group

    return dataclasses.replace(plain, discriminate=discriminate)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("images", "others"),
    [
        (40, [(2, "pmap", 16), (4, "shard_map", 8)]),
        (22, [(4, "pmap", 16)]),  # the last minibatch group is filled up
    ],
)
def test_same_on_any_devices(toy, toy_data, start, images, others):
    networks = stddev_networks(toy)
    alone = measure(toy_data, networks, start, images=images)
    for count, mapping, batch in others:
        changes = {"count": count, "mapping": mapping, "batch": batch}
        got = measure(toy_data, networks, start, images=images, **changes)
        for name, value in alone.items():
            assert got[name] == pytest.approx(value, rel=1e-5, abs=1e-6, nan_ok=True), (
                name
            )


@pytest.mark.slow
def test_memory_of_the_training_images_is_seen(toy, toy_data, start):
    """1 for a training image, bit for bit, and -1 for all others."""
    known = to_float(Dataset.open(toy_data).table("train").pixels)

    def discriminate(params, image, label):
        near = jnp.abs(image[:, None] - known[None]).max(axis=(2, 3, 4)).min(axis=1)
        return jnp.where(near < 1e-6, 1.0, -1.0)

    networks = dataclasses.replace(toy.toy_networks(), discriminate=discriminate)
    got = measure(toy_data, networks, start)
    assert got["discriminator_train"] == got["sign_real"] == 1
    assert got["discriminator_valid"] == got["discriminator_synthetic"] == -1
    assert got["overfitting"] == 1
    assert got["label_preference"] == got["label_preference_real"] == 0.5


@pytest.mark.slow
def test_a_discriminator_that_tells_nothing_leaves_overfitting_open(
    toy, toy_data, start
):
    def discriminate(params, image, label):
        return jnp.full(image.shape[:1], -2, jnp.float32)

    networks = dataclasses.replace(toy.toy_networks(), discriminate=discriminate)
    got = measure(toy_data, networks, start)
    assert np.isnan(got["overfitting"])
    assert got["sign_real"] == -1


def painted(params, ws, noise):
    """One grey per style mean: the generator of `paint_label` below."""
    grey = ws[:, 0, :1, None, None]
    return jnp.broadcast_to(grey, (ws.shape[0], 8, 8, 1))


def paint_label(params, z, label):
    grey = label @ jnp.array([0.2, 0.3, 0.45], jnp.float32)
    return jnp.repeat(grey[:, None], 5, axis=1)


def fits(params, image, label):
    """High where the grey is what `paint_label` gives the label."""
    wanted = label @ jnp.array([0.2, 0.3, 0.45], jnp.float32)
    return -jnp.abs(image.mean(axis=(1, 2, 3)) - wanted)


@pytest.mark.slow
def test_collapse_and_label_fidelity_are_seen(toy, toy_data, start):
    """Images that are their label: no diversity at all, and every label is heard."""
    networks = dataclasses.replace(
        toy.toy_networks(), map=paint_label, synthesize=painted, discriminate=fits
    )
    got = measure(toy_data, networks, start)
    assert got["diversity"] == 0
    assert got["diversity_real"] > 0.1
    assert got["label_preference"] == 1

    # Labels heard the wrong way round.
    def against(params, image, label):
        return -fits(params, image, label)

    networks = dataclasses.replace(networks, discriminate=against)
    assert measure(toy_data, networks, start)["label_preference"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("label_loss", ["binary", "softmax"])
def test_a_label_head_decides(toy, toy_data, start, label_loss):
    """The head names the findings of a grey; one row's are a part of another's."""

    def with_labels(params, image, label):
        grey = image.mean(axis=(1, 2, 3))
        a, both, c = (jnp.abs(grey - v) < 0.01 for v in (0.2, 0.5, 0.45))
        present = jnp.stack([a | both, both, c], axis=1)
        # The logit likes no image with its own label, as after much training.
        return fits(params, image, label) * -1, jnp.where(present, 4.0, -4.0)

    networks = dataclasses.replace(
        toy.toy_networks(),
        map=paint_label,
        synthesize=painted,
        discriminate=lambda *arguments: with_labels(*arguments)[0],
        discriminate_with_labels=with_labels,
    )
    got = measure(toy_data, networks, start, label_loss=label_loss)
    assert got["label_preference"] == 1


@pytest.mark.slow
def test_a_row_without_findings_says_nothing_of_a_softmax(toy):
    def with_labels(params, image, label):
        return jnp.zeros(2, jnp.float32), jnp.zeros((2, 3), jnp.float32)

    networks = dataclasses.replace(
        toy.toy_networks(), discriminate_with_labels=with_labels
    )
    rows = jnp.array([[0, 0, 0], [1, 1, 1]], jnp.float32)
    logit, fit = discriminate_with_label_fit(
        networks, {}, jnp.zeros((2, 8, 8, 1)), rows, "softmax"
    )
    np.testing.assert_allclose(fit, [np.nan, 0], atol=1e-6)
    found = label_preference(jnp.stack([logit, logit]), jnp.stack([fit, fit[::-1]]))
    np.testing.assert_array_equal(found, [0.5, 0.5])


def test_the_head_decides_then_the_logit_and_a_tie_counts_half():
    nan = jnp.nan
    logit = jnp.array([[1.0, 0.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0, 0.0]])
    fit = jnp.array([[0.0, 9.0, 1.0, 2.0, nan], [5.0, 0.0, 2.0, 2.0, 0.0]])
    np.testing.assert_array_equal(label_preference(logit, fit), [0, 1, 0, 0.5, 1])
    headless = jnp.zeros_like(fit)
    np.testing.assert_array_equal(
        label_preference(logit, headless), [1, 0, 0.5, 0.5, 1]
    )


def test_other_labels_differ_and_occur():
    random = np.random.default_rng(0)
    nan = np.nan
    rows = np.array([[0, 1], [1, 1], [nan, 1], [0, 1], [nan, 1]], np.float32)
    for _ in range(20):
        other, differs = other_labels(rows, rows, random)
        assert differs.all()
        coded, original = np.nan_to_num(other, nan=-1), np.nan_to_num(rows, nan=-1)
        assert np.any(coded != original, axis=1).all()
        assert {tuple(row) for row in coded} <= {tuple(row) for row in original}
    same = rows[[0, 3]]
    assert not other_labels(same, same, random)[1].any()


def write_unlabelled(directory):
    """Twelve 16-bit training images without labels."""
    random = np.random.default_rng(2)

    def record(index):
        pixels = random.integers(0, 2**16, (8, 8, 1), dtype=np.uint16)
        label = np.zeros((0,), np.float32)
        return Record(f"i{index:02d}", pixels, label, f"p{index}")

    parts = {"train": range(12), "valid": range(12, 15), "test": range(15, 16)}
    splits = {name: [record(i) for i in part] for name, part in parts.items()}
    write_set(directory, Schema("bare", (), 8, 1, bits=16), splits, None)
    return directory


@pytest.mark.slow
def test_without_labels_and_of_16_bits(toy, tmp_path):
    networks = toy.toy_networks(labels=0)
    optimizers = make_optimizers(toy.toy_config())
    state = jax.device_get(jax.jit(lambda: create(networks, optimizers, 9))())
    got = measure(write_unlabelled(tmp_path / "data"), networks, state, count=2)
    undefined = {name for name, value in got.items() if np.isnan(value)}
    few = {"shape_coverage", "shape_coverage_real"}  # three validation images
    assert undefined == {"label_preference", "label_preference_real"} | few
    assert got["diversity"] > 0, "without labels all images are of one kind"


@pytest.mark.slow
def test_a_growing_network_is_measured_as_it_is(toy, toy_data, start):
    """At 4 px and half faded in, both networks see 4 px, reals faded alike."""
    full = toy.toy_networks()

    def at_resolution(resolution, fade):
        def synthesize(params, ws, noise):
            coarse = jnp.full((ws.shape[0], resolution, resolution, 1), fade)
            return coarse.at[:, 0, 0].set(-1.0)

        def discriminate(params, image, label):
            assert image.shape[1:] == (resolution, resolution, 1)
            return image[:, 0, 0, 0] + 10 * fade

        return dataclasses.replace(
            full,
            resolution=resolution,
            synthesize=synthesize,
            discriminate=discriminate,
        )

    networks = dataclasses.replace(full, at_resolution=at_resolution)
    phase = Phase(
        index=1,
        start=1000,
        end=2000,
        resolution=4,
        batch_size=16,
        fade_from=1000,
        fade_over=1000,
    )
    state = start.replace(images=np.uint32(1500))
    got = measure(toy_data, networks, state, phase=phase)
    assert got["discriminator_synthetic"] == pytest.approx(-1 + 5)
    pixels = jnp.asarray(Dataset.open(toy_data).table("train").pixels)
    corner = np.asarray(real_images(pixels, 4, jnp.float32(0.5)))[:, 0, 0, 0]
    assert got["discriminator_train"] == pytest.approx(corner.mean() + 5, rel=1e-5)
    assert got["diversity"] == 0


@pytest.mark.slow
def test_lost_shapes_are_seen(toy, tmp_path, start):
    """One grey in every image, against real images of every grey and their floor."""
    random = np.random.default_rng(3)

    def record(index):
        grey = random.integers(0, 256)
        pixels = np.full((8, 8, 1), grey, np.uint8)
        return Record(f"i{index:03d}", pixels, np.zeros((3,), np.float32), f"p{index}")

    schema = Dataset.open(toy.write_toy_data(tmp_path / "toy")).schema
    parts = {"train": range(80), "valid": range(80, 160), "test": range(160, 162)}
    splits = {name: [record(i) for i in part] for name, part in parts.items()}
    write_set(tmp_path / "greys", schema, splits, None)

    def collapsed(params, ws, noise):
        return jnp.zeros((ws.shape[0], 8, 8, 1), jnp.float32)

    networks = dataclasses.replace(toy.toy_networks(), synthesize=collapsed)
    got = measure(tmp_path / "greys", networks, start, images=80)
    assert got["shape_coverage"] < 0.2
    assert got["shape_coverage_real"] > 0.9
