"""Encoders against numpy, and whether their distances see what is wrong with a set."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal

from synthjax.classifier.config import ClassifierConfig
from synthjax.classifier.networks.api import make_network
from synthjax.classifier.networks.small import SmallConfig
from synthjax.core import rng
from synthjax.core.checkpoint import Checkpoints
from synthjax.core.config import freeze, plain
from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.core.errors import ConfigError, StudyError
from synthjax.core.files import write_json
from synthjax.encoders import ENCODERS, NAMES, EncoderConfig, make_encoder
from synthjax.encoders.pixels import area_average
from synthjax.metrics.frechet import MomentMeter, frechet_distance


def noise(count, side, channels=1, dtype=np.uint8, seed=0):
    random = np.random.default_rng(seed)
    top = np.iinfo(dtype).max
    return random.integers(0, top, (count, side, side, channels), dtype, endpoint=True)


def encode(encoder, pixels):
    return np.asarray(jax.jit(encoder.encode)(encoder.params, pixels))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a classifier as its stage leaves it, its network, its weights."""
    directory = tmp_path_factory.mktemp("classifier") / "real" / "seed0"
    config = ClassifierConfig(small=SmallConfig(width=8))
    network = make_network(config, n_labels=2, resolution=16, channels=1)
    params = jax.jit(network.init)(rng.key(0, "classifier"))
    saved = {"config": plain(config), "labels": ["a", "b"]}
    write_json(directory / "config.json", saved | {"resolution": 16, "channels": 1})
    checkpoints = Checkpoints(directory / "checkpoints")
    checkpoints.save(3, train=params, ema=params, data={}, meta={})
    checkpoints.wait()
    checkpoints.close()
    return directory, network, params


def test_pixels_are_block_means():
    pixels = noise(3, 32, 2)
    encoder = make_encoder(EncoderConfig("pixels"), 32, 2)
    image = pixels.astype(np.float64) / 127.5 - 1
    expected = image.reshape(3, 8, 4, 8, 4, 2).mean((2, 4)).reshape(3, -1)
    np.testing.assert_allclose(encode(encoder, pixels), expected, atol=1e-6)
    assert encoder.size == expected.shape[1] == 128
    assert encoder.name == "pixels 8x8, 128d"


@pytest.mark.parametrize("length", [4, 8, 20, 33, 100])
def test_any_size_is_averaged_without_loss(length):
    average = area_average(length, 8)
    np.testing.assert_allclose(average.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(average.sum(axis=0), 8 / length, rtol=1e-5)
    # The average over an interval of a ramp is its value in the middle.
    ramp = np.repeat(np.arange(length), 1) + 0.5
    middle = (np.arange(8) + 0.5) * length / 8
    if length % 8 == 0:
        np.testing.assert_allclose(average @ ramp, middle, rtol=1e-6)


def numpy_random(params, image):
    """Every scale by scipy's correlation, float64."""
    features = []
    read = 256 // (4 * len(params["kernels"]))
    for scale, kernel in enumerate(np.asarray(k, "f8") for k in params["kernels"]):
        if scale:
            h, w = (side // 2 * 2 for side in image.shape[:2])
            image = image[:h, :w]
            image = (
                image[::2, ::2]
                + image[1::2, ::2]
                + image[::2, 1::2]
                + image[1::2, 1::2]
            ) / 4
        image = np.stack(
            [
                sum(
                    scipy.signal.correlate(image[..., i], kernel[:, :, i, o], "same")
                    for i in range(kernel.shape[2])
                )
                for o in range(kernel.shape[3])
            ],
            axis=-1,
        )
        image = np.maximum(image, 0)
        h, w = (-(-side // 2) for side in image.shape[:2])
        for part in (image[:h, :w], image[:h, -w:], image[-h:, :w], image[-h:, -w:]):
            features.append(part[..., :read].mean((0, 1)))
    return np.concatenate(features)


@pytest.mark.slow
@pytest.mark.parametrize(("side", "channels"), [(16, 1), (22, 3)])
def test_random_network_equals_numpy(side, channels):
    encoder = make_encoder(EncoderConfig("random", seed=5), side, channels)
    pixels = noise(2, side, channels)
    got = encode(encoder, pixels)
    for one, image in zip(got, pixels / 127.5 - 1, strict=True):
        np.testing.assert_allclose(one, numpy_random(encoder.params, image), atol=1e-5)


@pytest.mark.slow
def test_random_network_is_its_seed():
    one, same, other = (
        make_encoder(EncoderConfig("random", seed=seed), 8, 1) for seed in (1, 1, 2)
    )
    jax.tree.map(np.testing.assert_array_equal, one.params, same.params)
    assert not np.array_equal(one.params["kernels"][0], other.params["kernels"][0])
    assert one.name == same.name != other.name


@pytest.mark.parametrize("resolution", [4, 8, 28, 32, 64, 100, 256, 512, 1024])
@pytest.mark.parametrize("name", ["pixels", "random"])
def test_sizes_at_every_resolution(name, resolution):
    encoder = make_encoder(EncoderConfig(name), resolution, 1)
    pixels = jax.ShapeDtypeStruct((2, resolution, resolution, 1), np.uint8)
    shape = jax.eval_shape(encoder.encode, encoder.params, pixels)
    assert (shape.shape, shape.dtype) == ((2, encoder.size), jnp.float32)
    if name == "random":
        assert 240 <= encoder.size <= 256


@pytest.mark.slow
def test_classifier_features_are_its_own(trained):
    directory, network, params = trained
    config = EncoderConfig("own", path=str(directory))
    encoder = make_encoder(config, 16, 1)
    pixels = noise(3, 16)
    image = jnp.asarray(pixels, jnp.float32) / 127.5 - 1
    expected = jax.jit(network.features)(params, image)
    np.testing.assert_allclose(encode(encoder, pixels), expected, atol=1e-5)
    assert (encoder.size, encoder.name) == (32, "own real/seed0, 32d")
    with pytest.raises(StudyError, match="16 px with 1 channel.* 32 px and 1"):
        make_encoder(config, 32, 1)
    missing = EncoderConfig("own", path=str(directory.parent / "seed9"))
    with pytest.raises(StudyError, match="no trained classifier"):
        make_encoder(missing, 16, 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name for name in ENCODERS if "weights" not in ENCODERS[name].reads]
)
def test_an_image_is_encoded_by_itself_at_either_depth(name, trained):
    path = str(trained[0]) if name == "own" else ""
    encoder = make_encoder(EncoderConfig(name, path), 16, 1, fitted=True)
    pixels = noise(5, 16)
    whole = encode(encoder, pixels)
    np.testing.assert_allclose(encode(encoder, pixels[3:4]), whole[3:4], atol=1e-5)
    deep = pixels.astype(np.uint16) * 257
    np.testing.assert_allclose(encode(encoder, deep), whole, atol=1e-5)


def blobs(seed, *, shift=0, blur=False, spread=1.0, flip=False):
    """A bright blob on the left, at a random place, on noise: [300 16 16 1]."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:16, :16]
    place = spread * random.normal(0, 1, (300, 2, 1, 1)) + [[[8]], [[4 + shift]]]
    square = (y - place[:, :1]) ** 2 + (x - place[:, 1:]) ** 2
    image = 60 + 120 * np.exp(-square / 5) + random.normal(0, 9, (300, 1, 16, 16))
    if blur:
        image = (image + np.roll(image, 1, 2) + np.roll(image, 1, 3)) / 3
    image = np.moveaxis(image, 1, 3)
    return np.clip(image[:, :, ::-1] if flip else image, 0, 255).astype(np.uint8)


@pytest.mark.slow
def test_distances_see_faults_of_a_set():
    """Each fault is further off than another sample; a larger shift, further still."""
    devices = make_devices(DevicesConfig(count=1))
    meter = MomentMeter(make_encoder(EncoderConfig("random"), 16, 1), devices)

    def measure(seed, **fault):
        parts = blobs(seed, **fault).reshape(3, 100, 16, 16, 1)
        mask = np.ones(100, bool)
        return meter.measure(devices.shard({"pixels": p, "mask": mask}) for p in parts)

    faults = {
        "none": {},
        "blurred": {"blur": True},
        "collapsed": {"spread": 0.2},
        "moved": {"shift": 1},
        "moved far": {"shift": 3},
        "mirrored": {"flip": True},
    }
    real = measure(0)
    distance = {
        name: frechet_distance(real, measure(seed, **fault))
        for seed, (name, fault) in enumerate(faults.items(), 1)
    }
    floor = distance.pop("none")
    assert min(distance.values()) > 2 * floor, (floor, distance)
    assert distance["moved"] < distance["moved far"] < distance["mirrored"]


def test_config_says_what_is_allowed():
    with pytest.raises(ConfigError, match="'resnet': must be one of pixels, pixel_pca"):
        EncoderConfig("resnet")
    with pytest.raises(
        ConfigError, match=r"config.evaluate.encoder.path='': .* folder"
    ):
        freeze(EncoderConfig, {"name": "own"}, "evaluate.encoder")
    with pytest.raises(ConfigError, match="path='x': must be empty"):
        EncoderConfig("pixels", path="x")
    with pytest.raises(ConfigError, match="'radiomics' is fitted .* take pixels"):
        make_encoder(EncoderConfig("radiomics"), 16, 1)
    assert tuple(ENCODERS) == NAMES
    with pytest.raises(ConfigError, match="seed=-1: must be at least 0"):
        EncoderConfig(seed=-1)
    with pytest.raises(ConfigError, match="at least 4 px, and these have 2"):
        make_encoder(EncoderConfig("random"), 2, 1)
