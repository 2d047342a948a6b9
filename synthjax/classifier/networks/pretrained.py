"""ImageNet weights of a DenseNet, read from a file of Keras, torchvision or timm.

A file is wholly understood or refused: every tensor that the network has must be in it
and every tensor in it must be one of the network's.
"""

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax.traverse_util import flatten_dict

from synthjax.classifier.networks.api import Network
from synthjax.classifier.networks.weight_file import (
    checksum,
    read_torch,
    require_names,
    require_shapes,
)
from synthjax.core.clock import say
from synthjax.core.errors import StudyError
from synthjax.core.files import open_regular
from synthjax.core.foreign import foreign

# A tensor's place in a network's variables: collection, modules, kind.
Place = tuple[str, ...]
_HEAD = "head"
_RATIO = 20  # of the bytes of a file's arrays to its own; weights hardly compress
_SMALL = 1 << 26  # bytes below which that does not matter
_TORCH = {
    "stem_conv": "features.conv0",
    "stem_norm": "features.norm0",
    "last_norm": "features.norm5",
    "head": "classifier",
    "kernel": "weight",
    "scale": "weight",
    "bias": "bias",
    "mean": "running_mean",
    "var": "running_var",
}
_KERAS = {
    "stem_conv": "conv1_conv",
    "stem_norm": "conv1_bn",
    "last_norm": "bn",
    "head": "predictions",
    "kernel": "kernel",
    "scale": "gamma",
    "mean": "moving_mean",
    "var": "moving_variance",
}
_KERAS_CLASS = {"conv": "conv2d", "norm": "batch_normalization", "head": "dense"}
_KERAS_ORDER = {"kernel": 0, "scale": 0, "bias": 1, "mean": 2, "var": 3}
# torchvision before 0.3 (its published files are still so): denselayer1.norm.1.weight
_OLD_TORCH = re.compile(r"(.*\.denselayer\d+\.(?:norm|conv))\.([12]\.\w+)")
SUFFIXES = (".h5", ".hdf5", ".safetensors")
SOURCES = "Keras publishes DenseNet weights as .h5, timm as .safetensors; copy one here"


def read_pretrained(
    path: Path,
    network: Network,
    *,
    key: str = "config.classifier.pretrained",
    model: str = "the network in config.classifier.model",
    head: bool = True,
) -> dict[Place, np.ndarray]:
    """Reads the tensors of a file of weights, by their place in the variables.

    The head is left out where it is not wanted, where the file has none or where it has
    one for another number of labels. What was read, its checksum and what became of the
    head are said on stderr.

    Args:
      path: Keras .h5 (of `save_weights` or `save`, of Keras 2 or 3, with or without
        top), or .safetensors in torchvision's or timm's naming.
      network: of a DenseNet.
      key: of the path in the config, for messages.
      model: what the network is, for messages.
      head: whether the head is wanted.

    Raises:
      StudyError: no such file, another kind of file, or another network's.
    """
    if not path.is_file():
        raise StudyError(f"{key}={path}: there is no such file. {SOURCES}")
    if path.suffix not in SUFFIXES:
        raise StudyError(
            f"{key}={path}: must end in .h5 or .safetensors. A .pth file can run code "
            "when it is read, so none is: convert it with safetensors.torch.save_file"
        )
    like = flatten_dict(jax.eval_shape(network.init, jax.random.key(0)))
    found, names = _read(path, like)
    heads = {name for name, place in names.items() if place[1] == _HEAD}
    want = set(names) if heads & set(found) else set(names) - heads
    require_names(path, model, set(found), want)
    loaded = {names[name]: array for name, array in found.items()}
    note = _settle_head(loaded, like, head)
    kept = {name: found[name] for name in found if names[name] in loaded}
    shapes = {name: like[place].shape for name, place in names.items()}
    require_shapes(path, model, kept, shapes)
    say(f"weights of {path} (SHA-256 {checksum(path)}): {len(loaded)} tensors; {note}")
    return {place: array.astype(np.float32) for place, array in loaded.items()}


def _read(
    path: Path, like: Mapping[Place, Any]
) -> tuple[dict[str, np.ndarray], dict[str, Place]]:
    """Reads the file; returns its tensors, and the place of each that should be there."""
    if path.suffix == ".safetensors":
        read = read_torch(path).items()
        return {_new_name(name): array for name, array in read}, _torch_names(like)
    found = read_keras(path)
    numbered = any(name.startswith("layers/") for name in found)
    return found, (_numbered_names if numbered else _keras_names)(like)


def _settle_head(
    loaded: dict[Place, np.ndarray], like: Mapping[Place, Any], wanted: bool
) -> str:
    """Drops a head that is of no use; returns what to say of the head."""
    kernel, bias = ("params", _HEAD, "kernel"), ("params", _HEAD, "bias")
    if not wanted:
        loaded.pop(kernel, None), loaded.pop(bias, None)
        return "without its head"
    want = like[bias].shape[0]
    if kernel not in loaded:
        return f"it has no head, the one of {want} labels starts afresh"
    have = loaded[bias].shape[-1]
    if have == want:
        return f"with its head of {want} labels"
    del loaded[kernel], loaded[bias]
    return f"its head of {have} labels is dropped, the one of {want} starts afresh"


def _torch_names(places: Mapping[Place, Any]) -> dict[str, Place]:
    def name(module: str, part: str) -> str:
        if module in _TORCH:
            return _TORCH[module]
        block, layer = _numbers(module)
        if layer is None:
            return f"features.transition{block + 1}.{part}"
        kind, number = part.split("_")
        unit = f"{kind}{int(number) + 1}"
        return f"features.denseblock{block + 1}.denselayer{layer + 1}.{unit}"

    return _named(places, name, lambda place: _TORCH[place[-1]], ".")


def _new_name(name: str) -> str:
    old = _OLD_TORCH.fullmatch(name)
    return f"{old[1]}{old[2]}" if old else name


def _keras_names(places: Mapping[Place, Any]) -> dict[str, Place]:
    def name(module: str, part: str) -> str:
        if module in _KERAS:
            return _KERAS[module]
        block, layer = _numbers(module)
        if layer is None:
            return f"pool{block + 2}_{_keras_unit(part)}"
        kind, number = part.split("_")
        # In a layer norms have the numbers 0 and 1, convolutions 1 and 2.
        index = int(number) + (kind == "conv")
        return f"conv{block + 2}_block{layer + 1}_{index}_{_keras_unit(kind)}"

    def leaf(place: Place) -> str:
        if place[-1] == "bias":
            return "bias" if place[1] == _HEAD else "beta"
        return _KERAS[place[-1]]

    return _named(places, name, leaf, "/")


def _keras_unit(kind: str) -> str:
    return {"norm": "bn", "conv": "conv"}[kind]


def _numbered_names(places: Mapping[Place, Any]) -> dict[str, Place]:
    """Returns names as in Keras 3's .weights.h5: layers counted by class, as used."""
    units: dict[str, list[tuple[str, ...]]] = {kind: [] for kind in _KERAS_CLASS}
    for unit in sorted({place[1:-1] for place in places}, key=_order):
        kind = next(kind for kind in units if kind in unit[-1])
        units[kind].append(unit)
    numbers = {unit: n for found in units.values() for n, unit in enumerate(found)}
    names = {}
    for place in places:
        unit = place[1:-1]
        kind = next(kind for kind in _KERAS_CLASS if kind in unit[-1])
        count = f"_{numbers[unit]}" if numbers[unit] else ""
        index = _KERAS_ORDER[place[-1]]
        names[f"layers/{_KERAS_CLASS[kind]}{count}/vars/{index}"] = place
    return names


def _order(unit: tuple[str, ...]) -> tuple[Any, ...]:
    """Returns a key that sorts the units of one kind as the network uses them."""
    if unit[0] in ("stem_conv", "stem_norm"):
        return (-1,)
    if unit[0] in ("last_norm", _HEAD):
        return (math.inf,)
    block, layer = _numbers(unit[0])
    return (block, layer is None, layer or 0, unit[1])


def _numbers(module: str) -> tuple[int, int | None]:
    """Returns block and layer of blocks_2_5, the block alone of transitions_1."""
    _, block, *layer = module.split("_")
    return int(block), int(layer[0]) if layer else None


def _named(
    places: Mapping[Place, Any],
    unit: Callable[[str, str], str],
    leaf: Callable[[Place], str],
    separator: str,
) -> dict[str, Place]:
    return {
        f"{unit(place[1], place[2])}{separator}{leaf(place)}": place for place in places
    }


def read_keras(path: Path) -> dict[str, np.ndarray]:
    """Reads arrays of an .h5 file as <layer>/<weight>, or layers/<class>/vars/<number>.

    Files of Keras 2 repeat the layer's name and end in ":0"; the published ones say
    conv1/conv and fc1000 for conv1_conv and predictions; those of `save` have the
    weights in the group model_weights, beside the optimizer's.

    Raises:
      StudyError: h5py is not installed, or it is no whole HDF5 file of numbers.
    """
    try:
        import h5py
    except ImportError:
        raise StudyError(
            f"reading {path} needs h5py: pip install 'synthjax[pretrained]', or give a "
            ".safetensors file"
        ) from None
    found: dict[str, np.ndarray] = {}

    def visit(name: str, item: Any) -> None:
        if not isinstance(item, h5py.Dataset):
            return
        if not name.startswith("layers/"):
            *layer, weight = name.removesuffix(":0").split("/")
            half = len(layer) // 2
            if layer[:half] == layer[half:]:
                unit = "_".join(layer[:half])
                unit = "predictions" if unit == "fc1000" else unit
                name = f"{unit}/{weight}"
        found[name] = _read_array(
            path, name, item, sum(a.nbytes for a in found.values())
        )

    with (
        foreign(path, "is not a whole HDF5 file", "get it again"),
        open_regular(path) as opened,
        h5py.File(opened, "r") as file,
    ):
        file.get("model_weights", file).visititems(visit)
    return found


def _read_array(path: Path, name: str, item: Any, before: int) -> np.ndarray:
    """Reads an array of an HDF5 file, unless it asks for more than the file can hold.

    Args:
        before: bytes of the arrays that were read before.
    """
    if item.dtype.kind not in "fiub":
        raise ValueError(f"{name} has the type {item.dtype}, which is no number")
    if item.external:
        raise ValueError(f"{name} lies in another file")
    most = max(_SMALL, _RATIO * path.stat().st_size)
    if before + item.nbytes > most:
        raise ValueError(f"{name} takes {item.nbytes} bytes, more than the file holds")
    return np.asarray(item[()])
