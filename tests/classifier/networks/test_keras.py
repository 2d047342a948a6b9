"""DenseNet-121 equals Keras 3's: its logits, its running statistics, its files."""

import logging
from pathlib import Path

import jax
import numpy as np
import pytest

from synthjax.classifier.config import ClassifierConfig
from synthjax.classifier.networks.api import Network, make_network
from synthjax.classifier.networks.densenet import DenseNet, DenseNetConfig
from synthjax.classifier.networks.pretrained import read_pretrained
from synthjax.classifier.step import make_init
from synthjax.core import rng
from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.core.errors import StudyError

# Keras hands its variables to numpy in numpy 1's way when it saves them.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)

MODEL, SIDE, LABELS = "densenet121", 64, 1000
TOLERANCE = 1e-4  # of logits, absolute


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory):
    """Keras's DenseNet-121 with random weights and random running statistics."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "jax")
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        import keras
    model = keras.applications.DenseNet121(
        weights=None, input_shape=(SIDE, SIDE, 3), classifier_activation=None
    )
    generator = np.random.default_rng(0)
    for variable in model.variables:
        shape = variable.shape
        match variable.name:
            case "kernel":
                values = generator.normal(0, (2 / np.prod(shape[:-1])) ** 0.5, shape)
            case "gamma" | "moving_variance":
                values = generator.uniform(0.5, 1.5, shape)
            case _:
                values = generator.normal(0, 0.3, shape)
        variable.assign(values.astype(np.float32))
    return model


@pytest.fixture(scope="module")
def network() -> Network:
    config = ClassifierConfig(model=MODEL)
    return make_network(config, n_labels=LABELS, resolution=SIDE, channels=3)


@pytest.fixture(scope="module")
def files(model, tmp_path_factory) -> dict[str, Path]:
    """The same weights in each way that Keras writes .h5."""
    folder = tmp_path_factory.mktemp("weights")
    found = {name: folder / name for name in ("all.weights.h5", "model.h5")}
    model.save_weights(found["all.weights.h5"])
    logging.disable(logging.WARNING)  # Keras calls the other kind of file old
    model.save(found["model.h5"])
    logging.disable(logging.NOTSET)
    return found


@pytest.fixture(scope="module")
def variables(files, network):
    """What the files say, by way of the state that a training starts from."""
    config = ClassifierConfig(model=MODEL, pretrained=str(files["all.weights.h5"]))
    return make_init(network, config)(rng.key(0, "init")).variables


@pytest.mark.slow
def test_both_kinds_of_file_say_the_same(files, network, variables, capsys) -> None:
    new, old = (read_pretrained(path, network) for path in files.values())
    assert len(new) == len(jax.tree.leaves(variables)) == 606
    assert new.keys() == old.keys()
    for place, array in new.items():
        np.testing.assert_array_equal(array, old[place])
        leaf = variables
        for part in place:
            leaf = leaf[part]
        np.testing.assert_array_equal(array, leaf)
    assert "606 tensors; with its head of 1000 labels" in capsys.readouterr().err


@pytest.mark.slow
def test_published_names(tmp_path, capsys) -> None:
    """Files of Keras 2: conv1/conv, fc1000, names given twice and a suffix."""
    import h5py

    module = DenseNet(DenseNetConfig(), 2, layers=(1, 1), growth=4, width=8)
    generator = np.random.default_rng(0)
    drawn = {}

    def norm(layer: str, channels: int) -> None:
        for kind in ("beta", "gamma", "moving_mean", "moving_variance"):
            drawn[f"{layer}/{layer}/{kind}:0"] = generator.random(channels)

    def conv(layer: str, *shape: int) -> None:
        drawn[f"{layer}/{layer}/kernel:0"] = generator.random(shape)

    conv("conv1/conv", 7, 7, 3, 8)
    norm("conv1/bn", 8)
    for block, channels in ((2, 8), (3, 6)):
        norm(f"conv{block}_block1_0_bn", channels)
        conv(f"conv{block}_block1_1_conv", 1, 1, channels, 16)
        norm(f"conv{block}_block1_1_bn", 16)
        conv(f"conv{block}_block1_2_conv", 3, 3, 16, 4)
    norm("pool2_bn", 12)
    conv("pool2_conv", 1, 1, 12, 6)
    norm("bn", 10)
    path = tmp_path / "weights.h5"
    for top in (False, True):
        if top:
            conv("fc1000", 10, 1000)
            drawn["fc1000/fc1000/bias:0"] = generator.random(1000)
        with h5py.File(path, "w") as file:
            for name, array in drawn.items():
                file[name] = array.astype(np.float32)
        found = read_pretrained(path, Network(module, 32, 1))
        assert len(found) == 34
        said = capsys.readouterr().err
        assert ("head of 1000 labels is dropped" if top else "has no head") in said
    for place, name in {
        "params/stem_conv/kernel": "conv1/conv/conv1/conv/kernel:0",
        "params/blocks_1_0/norm_1/scale": "conv3_block1_1_bn/conv3_block1_1_bn/gamma:0",
        "batch_stats/last_norm/mean": "bn/bn/moving_mean:0",
    }.items():
        array = drawn[name].astype(np.float32)
        np.testing.assert_array_equal(found[tuple(place.split("/"))], array)
    path.write_bytes(b"half a file")
    with pytest.raises(StudyError, match="is not a whole HDF5 file"):
        read_pretrained(path, Network(module, 32, 1))


def by_keras(model, pixels: np.ndarray, training: bool):
    """Logits and running statistics, in the order of Keras."""
    from keras.applications.densenet import preprocess_input

    def call(trainable, others, image):
        return model.stateless_call(trainable, others, image, training=training)

    trainable = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]
    return jax.jit(call)(trainable, others, preprocess_input(pixels.copy()))


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    generator = np.random.default_rng(1)
    return generator.integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.float32)


@pytest.mark.slow
def test_logits_in_inference(model, network, variables, pixels) -> None:
    expected, _ = by_keras(model, pixels, training=False)
    found = jax.jit(network.logits)(variables, pixels / 127.5 - 1)
    assert np.std(expected) > 0.5
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)


@pytest.mark.slow
def test_logits_and_running_statistics_in_training(
    model, network, variables, pixels
) -> None:
    expected, moved = by_keras(model, pixels, training=True)
    devices = make_devices(DevicesConfig(count=1))
    step = devices.map_step(network.train_logits, in_axes=(None, 0), donate_state=False)
    found, statistics = step(variables, devices.shard(pixels / 127.5 - 1))
    assert np.std(expected) > 0.5
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)
    for ours, theirs in (("stem_norm", moved[:2]), ("last_norm", moved[-2:])):
        for kind, value in zip(("mean", "var"), theirs, strict=True):
            np.testing.assert_allclose(
                statistics[ours][kind], value, rtol=1e-4, atol=1e-5
            )
