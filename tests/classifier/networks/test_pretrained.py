"""ImageNet weights: torchvision's and timm's names, nothing left over or missing."""

import sys
from pathlib import Path

import numpy as np
import pytest

from synthjax.classifier.config import ClassifierConfig
from synthjax.classifier.networks.api import Network, make_network
from synthjax.classifier.networks.densenet import DenseNet, DenseNetConfig
from synthjax.classifier.networks.pretrained import read_pretrained
from synthjax.classifier.step import make_init
from synthjax.core import rng
from synthjax.core.errors import ConfigError, StudyError

TINY = {"layers": (2, 1, 1, 1), "growth": 4, "width": 8}


def tiny(n_labels: int = 3) -> Network:
    return Network(DenseNet(DenseNetConfig(), n_labels, **TINY), 32, 1)


def torch_shapes(
    layers=(6, 12, 24, 16), growth=32, width=64, labels=1000, counters=True
) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a PyTorch DenseNet's state, in its order."""
    shapes: dict[str, tuple[int, ...]] = {}

    def norm(name: str, channels: int) -> None:
        for kind in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.{kind}"] = (channels,)
        if counters:
            shapes[f"{name}.num_batches_tracked"] = ()

    shapes["features.conv0.weight"] = (width, 3, 7, 7)
    norm("features.norm0", width)
    channels = width
    for i, depth in enumerate(layers, 1):
        for j in range(1, depth + 1):
            name = f"features.denseblock{i}.denselayer{j}"
            norm(f"{name}.norm1", channels)
            shapes[f"{name}.conv1.weight"] = (4 * growth, channels, 1, 1)
            norm(f"{name}.norm2", 4 * growth)
            shapes[f"{name}.conv2.weight"] = (growth, 4 * growth, 3, 3)
            channels += growth
        if i < len(layers):
            norm(f"features.transition{i}.norm", channels)
            name = f"features.transition{i}.conv.weight"
            shapes[name] = (channels // 2, channels, 1, 1)
            channels //= 2
    norm("features.norm5", channels)
    shapes["classifier.weight"] = (labels, channels)
    shapes["classifier.bias"] = (labels,)
    return shapes


def draw(shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    return {
        name: np.array(5, np.int64)
        if name.endswith("num_batches_tracked")
        else generator.random(shape, np.float32)
        for name, shape in shapes.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "metadata", [None, {"format": "pt"}], ids=["torchvision", "timm"]
)
def test_densenet121_takes_every_tensor(
    tmp_path, capsys, write_safetensors, metadata
) -> None:
    """Both libraries use the same names; timm's files carry a note of the format."""
    config = ClassifierConfig(model="densenet121")
    network = make_network(config, n_labels=1000, resolution=32, channels=1)
    weights = draw(torch_shapes())
    found = read_pretrained(
        write_safetensors(tmp_path / "w.safetensors", weights, metadata), network
    )
    counters = [name for name in weights if name.endswith("tracked")]
    for name in counters:
        del weights[name]
    assert len(found) == len(weights) == 606
    assert sum(array.size for array in found.values()) == 7_978_856 + 83_648

    def total(arrays: dict) -> float:
        return sum(np.sum(array, dtype=np.float64) for array in arrays.values())

    np.testing.assert_allclose(total(found), total(weights), rtol=1e-12)
    said = capsys.readouterr().err
    assert "SHA-256" in said
    assert "606 tensors; with its head of 1000 labels" in said


PLACES = {
    "features.conv0.weight": "params/stem_conv/kernel",
    "features.norm0.bias": "params/stem_norm/bias",
    "features.denseblock1.denselayer1.conv2.weight": "params/blocks_0_0/conv_1/kernel",
    "features.denseblock1.denselayer2.norm1.weight": "params/blocks_0_1/norm_0/scale",
    "features.denseblock1.denselayer2.norm2.running_var": (
        "batch_stats/blocks_0_1/norm_1/var"
    ),
    "features.denseblock2.denselayer1.conv1.weight": "params/blocks_1_0/conv_0/kernel",
    "features.transition1.norm.running_mean": "batch_stats/transitions_0/norm/mean",
    "features.transition3.conv.weight": "params/transitions_2/conv/kernel",
    "features.norm5.running_mean": "batch_stats/last_norm/mean",
    "classifier.weight": "params/head/kernel",
    "classifier.bias": "params/head/bias",
}


@pytest.fixture
def weights() -> dict[str, np.ndarray]:
    return draw(torch_shapes(**TINY, labels=3, counters=False))


@pytest.fixture
def read(write_safetensors):
    """Writes arrays to a file in a folder, and reads them into a small network."""

    def written(folder: Path, arrays: dict[str, np.ndarray], n_labels: int = 3):
        path = write_safetensors(folder / "w.safetensors", arrays)
        return read_pretrained(path, tiny(n_labels))

    return written


@pytest.mark.slow
def test_each_tensor_has_its_place(tmp_path, read, weights) -> None:
    found = read(tmp_path, weights)
    for name, place in PLACES.items():
        array = weights[name]
        if array.ndim == 4:  # outputs, inputs, rows, columns
            array = np.einsum("oihw->hwio", array)
        array = array.T if array.ndim == 2 else array
        np.testing.assert_array_equal(found[tuple(place.split("/"))], array)


@pytest.mark.slow
def test_old_torchvision_names(tmp_path, read, weights) -> None:
    def old(name: str) -> str:
        for kind in ("norm", "conv"):
            for number in ("1", "2"):
                if "denselayer" in name:
                    name = name.replace(f".{kind}{number}.", f".{kind}.{number}.")
        return name

    renamed = {old(name): array for name, array in weights.items()}
    assert "features.denseblock1.denselayer1.norm.1.weight" in renamed
    want, found = read(tmp_path, weights), read(tmp_path, renamed)
    assert found.keys() == want.keys()
    for place, array in want.items():
        np.testing.assert_array_equal(found[place], array)


def test_half_precision_becomes_float32(tmp_path, read, weights) -> None:
    weights["classifier.bias"] = np.array([0.5, 1.5, -2], np.float16)
    bias = read(tmp_path, weights)["params", "head", "bias"]
    assert bias.dtype == np.float32
    np.testing.assert_array_equal(bias, [0.5, 1.5, -2])


@pytest.mark.slow
def test_a_head_of_other_labels_is_dropped_and_this_is_said(
    tmp_path, read, weights, capsys
) -> None:
    found = read(tmp_path, weights, n_labels=5)
    assert not [place for place in found if "head" in place]
    said = capsys.readouterr().err
    assert "its head of 3 labels is dropped, the one of 5 starts afresh" in said
    del weights["classifier.weight"], weights["classifier.bias"]
    assert read(tmp_path, weights).keys() == found.keys()
    assert "it has no head" in capsys.readouterr().err


LAYER = "features.denseblock2.denselayer1"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({f"{LAYER}.conv2.weight": None}, f"lacks {LAYER}.conv2.weight; .*nothing"),
        ({"classifier.bias": None}, "lacks classifier.bias; .*nothing"),
        ({"features.extra": np.zeros(2)}, "lacks nothing; .* besides features.extra"),
        (
            {"features.norm9.num_batches_tracked": np.array(0)},
            "besides features.norm9.num_batches_tracked",
        ),
        ({f"{LAYER}.norm1.bias": np.zeros(9)}, r"norm1.bias has shape \(9,\) where"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, read, weights, change, message) -> None:
    for name, array in change.items():
        if array is None:
            del weights[name]
        else:
            integer = array.dtype == np.int64
            weights[name] = array.astype(np.int64 if integer else np.float32)
    with pytest.raises(StudyError, match=message):
        read(tmp_path, weights)


def test_other_files_are_refused(tmp_path, monkeypatch) -> None:
    with pytest.raises(StudyError, match="there is no such file"):
        read_pretrained(tmp_path / "w.safetensors", tiny())
    path = tmp_path / "w.pth"
    path.write_bytes(b"pickle")
    with pytest.raises(StudyError, match=r"\.pth file can run code"):
        read_pretrained(path, tiny())
    path = tmp_path / "w.h5"
    path.write_bytes(b"HDF5")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(StudyError, match=r"pip install 'synthjax\[pretrained\]'"):
        read_pretrained(path, tiny())
    with pytest.raises(ConfigError, match="network small"):
        ClassifierConfig(pretrained="w.h5")


@pytest.mark.slow
def test_training_starts_from_the_weights(tmp_path, write_safetensors, weights) -> None:
    """The file's tensors in every draw; the dropped head is drawn."""
    path = write_safetensors(tmp_path / "w.safetensors", weights)
    config = ClassifierConfig(model="densenet121", pretrained=str(path))
    init = make_init(tiny(n_labels=4), config)
    states = [init(rng.key(seed, "init")) for seed in range(2)]
    for state in states:
        np.testing.assert_array_equal(
            state.params["stem_norm"]["bias"], weights["features.norm0.bias"]
        )
        np.testing.assert_array_equal(
            state.statistics["last_norm"]["var"], weights["features.norm5.running_var"]
        )
    heads = [state.params["head"]["kernel"] for state in states]
    assert np.all(heads[0] != heads[1])
