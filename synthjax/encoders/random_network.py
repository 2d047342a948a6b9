"""A convolutional network that was never trained."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from synthjax.core import rng
from synthjax.core.errors import ConfigError
from synthjax.encoders.encoder import FunctionEncoder
from synthjax.metrics.encoder import Encoder

HIDDEN = 32  # channels of the random network
COARSEST = 4  # side of the images of its last scale, pixels, at least
FEATURES = 256  # about how many numbers the random network gives


def make_random(seed: int, resolution: int, channels: int) -> Encoder:
    """Returns a convolutional network that was never trained, read off at every scale.

    Random features are no worse a measure than those learnt on photographs where
    images are nothing like photographs (Naeem et al. 2020, arXiv:2002.09797, section
    4.3). A feature is the mean of a rectified channel in a quarter of the image: how
    strongly a random pattern of some size shows there.

    Args:
      seed: of the weights.
      resolution: image side, pixels.
      channels: of the images.

    Raises:
      ConfigError: the images are too small.
    """
    if resolution < COARSEST:
        raise ConfigError(
            f"the encoder 'random' needs images of at least {COARSEST} px, and these "
            f"have {resolution}"
        )
    scales = int(math.log2(resolution / COARSEST)) + 1
    read = FEATURES // (4 * scales)
    width = max(HIDDEN, read)

    def features(params: Any, image: Float[Array, "b h w c"]) -> Float[Array, "b d"]:
        parts = []
        for scale, kernel in enumerate(params["kernels"]):
            image = _average_pool(image) if scale else image
            image = jax.nn.relu(_conv(image, kernel))
            parts.append(_quarters(image[..., :read]))
        return jnp.concatenate(parts, axis=1)

    shapes = [(3, 3, width if scale else channels, width) for scale in range(scales)]
    params = {"kernels": _draw_kernels(seed, shapes)}
    size = 4 * read * scales
    name = f"random network of seed {seed}, {size}d"
    return FunctionEncoder(name, size, params, features)


def _draw_kernels(
    seed: int, shapes: Sequence[tuple[int, ...]]
) -> list[Float[np.ndarray, "3 3 i o"]]:
    """Draws normal kernels that keep the size of what passes a rectifier (He et al. 2015)."""
    kernels = []
    for scale, shape in enumerate(shapes):
        key = rng.key(seed, "random encoder", scale)
        deviation = np.float32((2 / math.prod(shape[:-1])) ** 0.5)
        kernels.append(np.asarray(jax.random.normal(key, shape, "float32")) * deviation)
    return kernels


def _conv(
    image: Float[Array, "b h w i"], kernel: Float[Array, "k k i o"]
) -> Float[Array, "b h w o"]:
    return lax.conv_general_dilated(
        image,
        kernel,
        (1, 1),
        "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision=lax.Precision.HIGHEST,
    )


def _average_pool(image: Float[Array, "b h w c"]) -> Float[Array, "b i j c"]:
    """Returns means of 2x2 pixels; an odd last row or column is dropped."""
    zero, window = np.float32(0), (1, 2, 2, 1)
    return lax.reduce_window(image, zero, lax.add, window, window, "VALID") / 4


def _quarters(image: Float[Array, "b h w c"]) -> Float[Array, "b {4*image.shape[-1]}"]:
    """Returns means over the four quarters of an image; odd sides overlap."""
    height, width = image.shape[1:3]
    h, w = -(-height // 2), -(-width // 2)
    rows = (image[:, :h], image[:, height - h :])
    parts = [part[:, :, columns] for part in rows for columns in _halves(width, w)]
    return jnp.concatenate([jnp.mean(part, axis=(1, 2)) for part in parts], axis=1)


def _halves(width: int, half: int) -> tuple[slice, slice]:
    return slice(0, half), slice(width - half, width)
