"""Encoders read from files of weights: a DenseNet's features, and what the config asks."""

import hashlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthjax.classifier.networks.densenet import LAYERS, DenseNet, DenseNetConfig
from synthjax.classifier.networks.resize import resize
from synthjax.core.config import freeze
from synthjax.core.errors import ConfigError, StudyError
from synthjax.encoders import EncoderConfig, make_encoder
from synthjax.encoders.encoder import in_parts
from synthjax.evaluate.fidelity.config import FidelityConfig, WeightsConfig


def draw(labels, seed):
    """Weights that keep the size of what passes."""
    generator = np.random.default_rng(seed)
    found = {}
    for name, shape in densenet_shapes(labels).items():
        value = generator.standard_normal(shape, np.float32)
        if len(shape) == 4:
            value *= np.float32((2 / np.prod(shape[1:])) ** 0.5)
        elif name.endswith("running_var") or ("norm" in name and "weight" in name):
            value = 1 + np.abs(value) / 4
        found[name] = value
    return found


def densenet_shapes(labels):
    """The state of a DenseNet of one layer in each block, as torchvision keeps it."""
    found = {"conv0.weight": (64, 3, 7, 7), "norm0": (64,)}
    channels = 64
    for block in range(1, 5):
        layer = f"denseblock{block}.denselayer1"
        found[f"{layer}.norm1"] = (channels,)
        found[f"{layer}.conv1.weight"] = (128, channels, 1, 1)
        found[f"{layer}.norm2"] = (128,)
        found[f"{layer}.conv2.weight"] = (32, 128, 3, 3)
        channels += 32
        if block < 4:
            found[f"transition{block}.norm"] = (channels,)
            channels //= 2
            name = f"transition{block}.conv.weight"
            found[name] = (channels, 2 * channels, 1, 1)
    found["norm5"] = (channels,)
    whole = {}
    for name, shape in found.items():
        kinds = ("weight", "bias", "running_mean", "running_var")
        parts = [name] if len(shape) == 4 else [f"{name}.{kind}" for kind in kinds]
        whole |= {f"features.{part}": shape for part in parts}
    head = {"classifier.weight": (labels, channels), "classifier.bias": (labels,)}
    return whole | head


@pytest.mark.slow
def test_densenet_encoder_is_its_features_at_224_px(
    tmp_path, monkeypatch, capsys, write_safetensors
):
    monkeypatch.setitem(LAYERS, "densenet121", (1, 1, 1, 1))
    weights = draw(1000, seed=3)
    path = write_safetensors(tmp_path / "d.safetensors", weights)
    encoder = make_encoder(EncoderConfig("densenet121", str(path)), 20, 1)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert encoder.name == f"densenet121 (weights {digest[:8]}), {encoder.size}d"
    said = capsys.readouterr().err
    assert digest in said
    assert "without its head" in said
    kernel = encoder.params["params"]["stem_conv"]["kernel"]
    stored = weights["features.conv0.weight"]
    np.testing.assert_array_equal(kernel, stored.transpose(2, 3, 1, 0))
    pixels = np.random.default_rng(4).integers(0, 256, (2, 20, 20, 1), np.uint8)
    got = np.asarray(jax.jit(encoder.encode)(encoder.params, pixels))
    image = resize(jnp.asarray(pixels, jnp.float32) / 127.5 - 1, 224, "antialias")
    network = DenseNet(DenseNetConfig(epsilon=1e-5), 3, (1, 1, 1, 1))
    features = jax.jit(lambda p, x: network.apply(p, x, method=DenseNet.features))
    expected = np.asarray(features(encoder.params, image))
    assert got.shape == (2, encoder.size)
    assert expected.std() > 0.1
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


def test_densenet_of_another_size_is_refused(tmp_path, monkeypatch, write_safetensors):
    monkeypatch.setitem(LAYERS, "densenet169", (1, 1, 2, 1))
    monkeypatch.setitem(LAYERS, "densenet201", (1, 1, 1, 1))
    weights = draw(10, seed=5)
    path = write_safetensors(tmp_path / "d.safetensors", weights)
    with pytest.raises(StudyError, match="is not of densenet169: it lacks features"):
        make_encoder(EncoderConfig("densenet169", str(path)), 20, 1)
    missing = EncoderConfig("densenet201", str(tmp_path / "none.h5"))
    with pytest.raises(StudyError, match="'densenet201', path=.*none.h5: there is no"):
        make_encoder(missing, 20, 1)


@pytest.mark.parametrize("count", [3, 4, 5, 13])
def test_parts_make_no_difference(count):
    image = np.random.default_rng(6).random((count, 2, 3, 2), np.float32)

    def features(params, image):
        assert image.shape[0] <= 4
        return params * image.reshape(-1, 12)

    got = in_parts(features, part=4)(np.float32(3), jnp.asarray(image))
    np.testing.assert_array_equal(got, 3 * image.reshape(count, 12))


def test_config_asks_for_the_weights_and_says_where_they_are():
    for name, where in (("inception", "pytorch-fid"), ("densenet169", "Keras")):
        with pytest.raises(ConfigError, match=f"path='': .*{name}.* {where}"):
            EncoderConfig(name)
        key = f"config.evaluate.fidelity.weights.{name}"
        for weights, encoders, words in (
            ({}, ("random", name), f"{key}='': .*file of weights. .*{where}"),
            ({name: "w.h5"}, ("random",), f"{key}='w.h5': .* not in encoders"),
        ):
            config = {"encoders": encoders, "weights": weights}
            with pytest.raises(ConfigError, match=words):
                freeze(FidelityConfig, config, "evaluate.fidelity")
        FidelityConfig(encoders=(name,), weights=WeightsConfig(**{name: "w"}))
