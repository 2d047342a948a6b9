"""The image averaged to a few pixels: layout and brightness, nothing finer."""

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from synthjax.encoders.encoder import FunctionEncoder
from synthjax.metrics.encoder import Encoder, Fit

GRID = 8  # side to which "pixels" averages an image
MAX_NUMBERS = 1024  # of an image, of which "pixel_pca" finds the axes


def make_pixels(resolution: int, channels: int) -> Encoder:
    """Returns block means on a grid of 8 x 8."""
    side = min(GRID, resolution)
    return _averaging(resolution, side, channels)


def make_pixel_pca(resolution: int, channels: int) -> Encoder:
    """Returns block means on a grid of 32 x 32 (grey), to be turned to their principal axes."""
    return make_thumbnail(resolution, channels, fit="axes")


def make_thumbnail(resolution: int, channels: int, fit: Fit = "") -> Encoder:
    """Returns the image itself, averaged to at most 1,024 numbers."""
    side = min(resolution, math.isqrt(MAX_NUMBERS // channels))
    return _averaging(resolution, side, channels, fit)


def _averaging(resolution: int, side: int, channels: int, fit: Fit = "") -> Encoder:
    size = side * side * channels

    def features(params: Any, image: Float[Array, "b h w c"]) -> Float[Array, "b d"]:
        average = params["average"]
        precision = lax.Precision.HIGHEST
        image = jnp.einsum(
            "ih,bhwc,jw->bijc", average, image, average, precision=precision
        )
        return image.reshape(image.shape[0], size)

    params = {"average": area_average(resolution, side)}
    return FunctionEncoder(
        f"pixels {side}x{side}, {size}d", size, params, features, fit
    )


def area_average(length: int, parts: int) -> Float[np.ndarray, "{parts} {length}"]:
    """Returns the matrix that averages `length` pixels over `parts` equal intervals.

    A pixel that lies in two intervals counts in each by what lies there.
    """
    edges = np.linspace(0, length, parts + 1)
    left, right = edges[:-1, None], edges[1:, None]
    pixel = np.arange(length)
    overlap = np.minimum(right, pixel + 1) - np.maximum(left, pixel)
    return (np.maximum(overlap, 0) * (parts / length)).astype(np.float32)
