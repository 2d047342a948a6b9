"""Images at the side that a network takes, as two small matrix products."""

import functools

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

# The names in the config; `resize_matrix` says what they do.
METHODS = ("antialias", "paper")


@functools.lru_cache(maxsize=32)
def resize_matrix(
    length: int, size: int, method: str
) -> Float[np.ndarray, "{size} {length}"]:
    """Returns the float32 matrix that makes `size` pixels of a line of `length`.

    Args:
      length: pixels there are.
      size: pixels wanted.
      method: "antialias" weighs by a triangle about each new pixel's centre, which is
        as wide as the new pixels are when they are the larger, so that nothing is
        skipped; at the border the weights are made to sum to 1. "paper" is what
        TensorFlow 1's resize_images did (bilinear, align_corners off): new pixel i lies
        at i * length / size with no half-pixel shift, between two old pixels however
        many it spans, and beyond the last one it repeats it.
    """
    scale = length / size
    old = np.arange(length)
    if method == "paper":
        centre = np.minimum(np.arange(size) * scale, length - 1)
        reach = 1.0
    else:
        centre = (np.arange(size) + 0.5) * scale - 0.5
        reach = max(scale, 1.0)
    weight = np.maximum(0.0, 1 - np.abs(centre[:, None] - old) / reach)
    weight = weight / weight.sum(axis=1, keepdims=True)
    return weight.astype(np.float32)


def resize(
    image: Float[Array, "b h w c"], size: int, method: str
) -> Float[Array, "b {size} {size} c"]:
    """Resizes images to `size` on both sides; their aspect ratio is not kept.

    Args:
      image: any values, float32.
      size: pixels.
      method: one of METHODS, see `resize_matrix`.
    """
    if image.shape[1:3] == (size, size):
        return image
    rows, columns = (resize_matrix(n, size, method) for n in image.shape[1:3])
    return jnp.einsum(
        "ih,bhwc,jw->bijc", rows, image, columns, precision=lax.Precision.HIGHEST
    )
