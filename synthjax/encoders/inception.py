"""The network whose features the published Fréchet inception distances compare.

Inception v3 (Szegedy et al. 2016, arXiv:1512.00567) as it was trained in 2015 and as
Heusel et al. 2017 (arXiv:1706.08500) took it. It differs from the Inception v3 of other
libraries: average pools count no padding, and the last block has a max pool where they
have an average. Modules have the names of torchvision's, so that a file's are a path.
"""

import functools
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from jax import lax
from jaxtyping import Array, Float

from synthjax.classifier.networks.resize import resize
from synthjax.classifier.networks.weight_file import (
    checksum,
    read_torch,
    require_names,
    require_shapes,
)
from synthjax.core.clock import say
from synthjax.core.errors import StudyError
from synthjax.encoders.encoder import FunctionEncoder, in_parts
from synthjax.metrics.encoder import Encoder

# Where people get the weights; nothing is downloaded.
SOURCE = (
    "The project pytorch-fid publishes these weights as "
    "pt_inception-2015-12-05-6726825d.pth, which can run code when it is read; where "
    "PyTorch is installed, convert it with safetensors.torch.save_file(torch.load("
    "'pt_inception-2015-12-05-6726825d.pth', weights_only=True), "
    "'inception.safetensors')"
)
SIDE = 299  # of the images that the network takes, pixels
CLASSES = 1008  # of its head in 2015; the later Inception v3 has 1000
FEATURES = 2048
# What a file calls a tensor of a unit, by collection, layer and kind.
_LEAF = {
    ("params", "conv", "kernel"): "conv.weight",
    ("params", "bn", "scale"): "bn.weight",
    ("params", "bn", "bias"): "bn.bias",
    ("batch_stats", "bn", "mean"): "bn.running_mean",
    ("batch_stats", "bn", "var"): "bn.running_var",
}
# Heads of the network that its features do not need.
_HEADS = ("fc.", "AuxLogits.")

Size = int | tuple[int, int]  # of a kernel: of both sides, or rows and columns


class Unit(nn.Module):
    """A convolution without bias, batch norm by the running statistics, a rectifier."""

    channels: int
    size: Size = 1
    stride: int = 1
    padding: str = "SAME"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b i j d"]:
        size = (self.size,) * 2 if isinstance(self.size, int) else self.size
        x = nn.Conv(
            self.channels,
            size,
            (self.stride, self.stride),
            self.padding,
            use_bias=False,
            precision=lax.Precision.HIGHEST,
            name="conv",
        )(x)
        norm = nn.BatchNorm(use_running_average=True, epsilon=1e-3, name="bn")
        return nn.relu(norm(x))


_Last = functools.partial(Unit, size=3, stride=2, padding="VALID")  # halves the sides


def _chain(x: Array, name: str, *units: tuple[int, Size]) -> Array:
    """Units `name`_1, `name`_2, ... one after another: channels and size of each."""
    for number, (channels, size) in enumerate(units, 1):
        x = Unit(channels, size, name=f"{name}_{number}")(x)
    return x


def _average_pool(x: Array) -> Array:
    return nn.avg_pool(x, (3, 3), padding="SAME", count_include_pad=False)


def _max_pool(x: Array) -> Array:
    return nn.max_pool(x, (3, 3), padding="SAME")


def _max_pool_halving(x: Array) -> Array:
    return nn.max_pool(x, (3, 3), (2, 2))


def _join(*parts: Array) -> Array:
    return jnp.concatenate(parts, axis=-1)


class BlockA(nn.Module):
    """Figure 5 of the paper, the 5x5 kept."""

    pooled: int  # channels behind the pool

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        return _join(
            Unit(64, name="branch1x1")(x),
            _chain(x, "branch5x5", (48, 1), (64, 5)),
            _chain(x, "branch3x3dbl", (64, 1), (96, 3), (96, 3)),
            Unit(self.pooled, name="branch_pool")(_average_pool(x)),
        )


class BlockB(nn.Module):
    """Halves the sides, as figure 10."""

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b i j d"]:
        double = _chain(x, "branch3x3dbl", (64, 1), (96, 3))
        return _join(
            _Last(384, name="branch3x3")(x),
            _Last(96, name="branch3x3dbl_3")(double),
            _max_pool_halving(x),
        )


class BlockC(nn.Module):
    """Figure 6, n = 7."""

    width: int  # channels between the long kernels

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        width, across, down = self.width, (1, 7), (7, 1)
        double = ((width, 1), (width, down), (width, across), (width, down))
        return _join(
            Unit(192, name="branch1x1")(x),
            _chain(x, "branch7x7", (width, 1), (width, across), (192, down)),
            _chain(x, "branch7x7dbl", *double, (192, across)),
            Unit(192, name="branch_pool")(_average_pool(x)),
        )


class BlockD(nn.Module):
    """Halves the sides."""

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b i j d"]:
        long = _chain(x, "branch7x7x3", (192, 1), (192, (1, 7)), (192, (7, 1)))
        return _join(
            _Last(320, name="branch3x3_2")(_chain(x, "branch3x3", (192, 1))),
            _Last(192, name="branch7x7x3_4")(long),
            _max_pool_halving(x),
        )


class BlockE(nn.Module):
    """Figure 7."""

    last: bool  # whether it is the one with the max pool

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        single = _chain(x, "branch3x3", (384, 1))
        double = _chain(x, "branch3x3dbl", (448, 1), (384, 3))
        pooled = _max_pool(x) if self.last else _average_pool(x)
        return _join(
            Unit(320, name="branch1x1")(x),
            Unit(384, (1, 3), name="branch3x3_2a")(single),
            Unit(384, (3, 1), name="branch3x3_2b")(single),
            Unit(384, (1, 3), name="branch3x3dbl_3a")(double),
            Unit(384, (3, 1), name="branch3x3dbl_3b")(double),
            Unit(192, name="branch_pool")(pooled),
        )


class Inception(nn.Module):
    """Pooled features of colour images as `fid_input` makes them, 75 px at least."""

    @nn.compact
    def __call__(self, x: Float[Array, "b h w 3"]) -> Float[Array, "b 2048"]:
        x = _Last(32, name="Conv2d_1a_3x3")(x)
        x = Unit(32, 3, padding="VALID", name="Conv2d_2a_3x3")(x)
        x = _max_pool_halving(Unit(64, 3, name="Conv2d_2b_3x3")(x))
        x = Unit(80, name="Conv2d_3b_1x1")(x)
        x = _max_pool_halving(Unit(192, 3, padding="VALID", name="Conv2d_4a_3x3")(x))
        for letter, pooled in (("b", 32), ("c", 64), ("d", 64)):
            x = BlockA(pooled, name=f"Mixed_5{letter}")(x)
        x = BlockB(name="Mixed_6a")(x)
        for letter, width in (("b", 128), ("c", 160), ("d", 160), ("e", 192)):
            x = BlockC(width, name=f"Mixed_6{letter}")(x)
        x = BlockD(name="Mixed_7a")(x)
        x = BlockE(last=False, name="Mixed_7b")(x)
        x = BlockE(last=True, name="Mixed_7c")(x)
        return jnp.mean(x, axis=(1, 2))


def fid_input(image: Float[Array, "b h w c"]) -> Float[Array, "b 299 299 3"]:
    """Returns images in -1..1 as the published graph makes its input of bytes.

    It resizes as TensorFlow 1 did, bilinear and not antialiased, and takes (byte - 128)
    / 128 for the value of a pixel. Grey is shown as colour.
    """
    small = resize(image, SIDE, "paper")
    value = small * np.float32(127.5 / 128) - np.float32(0.5 / 128)
    return jnp.broadcast_to(value, (*value.shape[:3], 3))


def read_inception(path: Path) -> dict[str, Any]:
    """Reads the network's variables from a file; says on stderr what it was.

    Heads are left out: of the classes, and the auxiliary one.

    Args:
      path: .safetensors, in the names of torchvision's Inception3.

    Raises:
      StudyError: no such file, another kind of file, or another network's.
    """
    key = f"the encoder 'inception', path={path}"
    if not path.is_file():
        raise StudyError(f"{key}: there is no such file. {SOURCE}")
    if path.suffix != ".safetensors":
        raise StudyError(f"{key}: must end in .safetensors. {SOURCE}")
    names = _names()
    tensors = read_torch(path)
    found = {name: a for name, a in tensors.items() if not name.startswith(_HEADS)}
    require_names(path, "Inception v3", set(found), set(names))
    shapes = {name: shape for name, (_, shape) in names.items()}
    require_shapes(path, "Inception v3", found, shapes)
    note = _head_note(tensors)
    say(f"weights of {path} (SHA-256 {checksum(path)}): {len(found)} tensors; {note}")
    return unflatten_dict(
        {names[name][0]: array.astype(np.float32) for name, array in found.items()}
    )


@functools.cache
def _names() -> dict[str, tuple[tuple[str, ...], tuple[int, ...]]]:
    """Returns each tensor's place in the variables and shape, by its name in a file.

    Mixed_5b.branch1x1.conv.weight is at ("params", "Mixed_5b", "branch1x1", "conv",
    "kernel").
    """
    image = jax.ShapeDtypeStruct((1, SIDE, SIDE, 3), jnp.float32)
    like = flatten_dict(jax.eval_shape(Inception().init, jax.random.key(0), image))
    return {
        ".".join((*place[1:-2], _LEAF[(place[0], *place[-2:])])): (place, leaf.shape)
        for place, leaf in like.items()
    }


def _head_note(tensors: dict[str, np.ndarray]) -> str:
    """Says what the head tells of the weights' origin: all else looks alike."""
    if "fc.bias" not in tensors:
        return "no head, so that whose Inception v3 it is cannot be told"
    classes = len(tensors["fc.bias"])
    if classes == CLASSES:
        return f"its head of {classes} classes is dropped"
    return (
        f"its head has {classes} classes where the network of the published distances "
        f"has {CLASSES}: these are other weights, and their distances do not compare"
    )


def make_inception(path: str, resolution: int, channels: int) -> Encoder:
    """Returns the features that the literature's Fréchet distances compare.

    They were learnt on photographs and say little of medical detail.

    Args:
      path: the weights, as `read_inception` takes them.
      resolution: image side, pixels; any.
      channels: of the images, 1 or 3.

    Raises:
      StudyError: there are no such weights, or they are of another network.
    """
    file = Path(path)
    variables = read_inception(file)
    network: Any = Inception()

    def features(params: Any, image: Float[Array, "b h w c"]) -> Float[Array, "b 2048"]:
        return network.apply(params, fid_input(image))

    name = f"inception_v3 (weights {checksum(file)[:8]}), {FEATURES}d"
    return FunctionEncoder(
        name, FEATURES, variables, in_parts(features), published=True
    )
