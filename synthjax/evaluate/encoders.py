"""What turns images into features whose distributions are compared.

Nothing here is downloaded: an encoder is computed from its config, or is read from a
study's own classifier. Distances of different encoders do not compare, so each has a
name to print beside every number.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, UInt

from synthjax.classifier.predict import load_classifier
from synthjax.core import rng
from synthjax.core.errors import ConfigError, StudyError
from synthjax.data.transforms import to_image

GRID = 8  # side to which "pixels" averages an image
HIDDEN = 32  # channels of the random network
COARSEST = 4  # side of the images of its last scale, pixels, at least
FEATURES = 256  # about how many numbers the random network gives


@dataclasses.dataclass(frozen=True)
class EncoderConfig:
    """Which features images are compared by."""

    name: str = "random"  # a name in ENCODERS: pixels, random, classifier
    path: str = ""  # of "classifier": the folder classifier/<arm>/seed<k> of a study
    seed: int = 0  # of the weights of "random"

    def __post_init__(self) -> None:
        if self.name not in ENCODERS:
            raise ConfigError(
                f"name={self.name!r}: must be one of {', '.join(ENCODERS)}"
            )
        if self.name == "classifier" and not self.path:
            raise ConfigError(
                "path='': the encoder 'classifier' needs the folder of a trained "
                "classifier, <workdir>/classifier/real/seed0"
            )
        if self.name != "classifier" and self.path:
            raise ConfigError(
                f"path={self.path!r}: must be empty, since the encoder {self.name!r} "
                "reads nothing"
            )
        if self.seed < 0:
            raise ConfigError(f"seed={self.seed}: must be 0 or more")


@dataclasses.dataclass(frozen=True)
class Encoder:
    """A feature extractor; its parameters are always an argument."""

    name: str  # for people: kind, size, where from
    size: int  # features per image
    params: Any  # float32 arrays on the host
    features: Callable[[Any, Float[Array, "b h w c"]], Float[Array, "b d"]]

    def encode(
        self, params: Any, pixels: UInt[Array, "b h w c"]
    ) -> Float[Array, "b d"]:
        """Features of stored pixels of 8 or 16 bits, float32; traceable."""
        return self.features(params, to_image(pixels))


def make_encoder(config: EncoderConfig, resolution: int, channels: int) -> Encoder:
    """The encoder that the config names, for images of one kind.

    Args:
      config: which.
      resolution: height and width of the images, pixels.
      channels: of the images.

    Raises:
      StudyError: no classifier at the path, or one for other images.
    """
    return ENCODERS[config.name](config, resolution, channels)


def _pixels(config: EncoderConfig, resolution: int, channels: int) -> Encoder:
    """The image averaged to a few pixels: layout and brightness, nothing finer."""
    side = min(GRID, resolution)
    size = side * side * channels

    def features(params: Any, image: Array) -> Array:
        average = params["average"]
        precision = lax.Precision.HIGHEST
        image = jnp.einsum(
            "ih,bhwc,jw->bijc", average, image, average, precision=precision
        )
        return image.reshape(image.shape[0], size)

    params = {"average": area_average(resolution, side)}
    return Encoder(f"pixels {side}x{side}, {size}d", size, params, features)


def area_average(length: int, parts: int) -> Float[np.ndarray, "parts length"]:
    """The matrix that averages `length` pixels over `parts` equal intervals.

    A pixel that lies in two intervals counts in each by what lies there.
    """
    edges = np.linspace(0, length, parts + 1)
    left, right = edges[:-1, None], edges[1:, None]
    pixel = np.arange(length)
    overlap = np.minimum(right, pixel + 1) - np.maximum(left, pixel)
    return (np.maximum(overlap, 0) * (parts / length)).astype(np.float32)


def _random(config: EncoderConfig, resolution: int, channels: int) -> Encoder:
    """A convolutional network that was never trained, read off at every scale.

    Random features are no worse a measure than those learnt on photographs where
    images are nothing like photographs (Naeem et al. 2020, arXiv:2002.09797, section
    4.3). A feature is the mean of a rectified channel in a quarter of the image: how
    strongly a random pattern of some size shows there.
    """
    if resolution < COARSEST:
        raise ConfigError(
            f"config.data.resolution={resolution}: the encoder 'random' needs images "
            f"of at least {COARSEST} px"
        )
    scales = int(math.log2(resolution / COARSEST)) + 1
    read = FEATURES // (4 * scales)
    width = max(HIDDEN, read)

    def features(params: Any, image: Array) -> Array:
        parts = []
        for scale, kernel in enumerate(params["kernels"]):
            image = _halve(image) if scale else image
            image = jax.nn.relu(_conv(image, kernel))
            parts.append(_quarters(image[..., :read]))
        return jnp.concatenate(parts, axis=1)

    shapes = [(3, 3, width if scale else channels, width) for scale in range(scales)]
    params = {"kernels": _draw_kernels(config.seed, shapes)}
    size = 4 * read * scales
    name = f"random network of seed {config.seed}, {size}d"
    return Encoder(name, size, params, features)


def _draw_kernels(
    seed: int, shapes: Sequence[tuple[int, ...]]
) -> list[Float[np.ndarray, "3 3 i o"]]:
    """Normal kernels that keep the size of what passes a rectifier (He et al. 2015)."""
    kernels = []
    for scale, shape in enumerate(shapes):
        key = rng.key(seed, "random encoder", scale)
        deviation = np.float32((2 / math.prod(shape[:-1])) ** 0.5)
        kernels.append(np.asarray(jax.random.normal(key, shape, "float32")) * deviation)
    return kernels


def _conv(image: Array, kernel: Array) -> Array:
    return lax.conv_general_dilated(
        image,
        kernel,
        (1, 1),
        "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision=lax.Precision.HIGHEST,
    )


def _halve(image: Array) -> Array:
    """Means of 2x2 pixels; an odd last row or column is dropped."""
    zero, window = np.float32(0), (1, 2, 2, 1)
    return lax.reduce_window(image, zero, lax.add, window, window, "VALID") / 4


def _quarters(image: Array) -> Array:
    """Means over the four quarters of an image, [b 4c]; odd sides overlap."""
    height, width = image.shape[1:3]
    h, w = -(-height // 2), -(-width // 2)
    rows = (image[:, :h], image[:, height - h :])
    parts = [part[:, :, columns] for part in rows for columns in _halves(width, w)]
    return jnp.concatenate([jnp.mean(part, axis=(1, 2)) for part in parts], axis=1)


def _halves(width: int, half: int) -> tuple[slice, slice]:
    return slice(0, half), slice(width - half, width)


def _classifier(config: EncoderConfig, resolution: int, channels: int) -> Encoder:
    """What the last layer of a study's classifier sees.

    Use one trained on real training images: it knows what matters for the labels, and
    nothing else. It flatters a generator conditioned on the same labels.
    """
    directory = Path(config.path)
    network, params, _ = load_classifier(directory)
    have, want = (network.resolution, network.channels), (resolution, channels)
    if have != want:
        raise StudyError(
            f"{directory} is a classifier of images of {have[0]} px with {have[1]} "
            f"channel(s), but these have {want[0]} px and {want[1]}: give a classifier "
            "of a study at this resolution"
        )
    image = jax.ShapeDtypeStruct((1, resolution, resolution, channels), jnp.float32)
    size = jax.eval_shape(network.features, params, image).shape[1]
    where = "/".join(directory.parts[-2:])
    return Encoder(f"classifier {where}, {size}d", size, params, network.features)


# The one table of encoders: name in the config -> maker. A trained network given as a
# file of weights becomes a line here that reads `config.path`.
ENCODERS: dict[str, Callable[[EncoderConfig, int, int], Encoder]] = {
    "pixels": _pixels,
    "random": _random,
    "classifier": _classifier,
}
