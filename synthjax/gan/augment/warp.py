"""Affine resampling of a batch, each image by its own transform, in one pass.

Cubic spline interpolation (Unser 1999, doi:10.1109/79.799930) of the mirrored image:
a linear filter gives the spline's coefficients, then each pixel is a weighted sum of a
window of 4 x 4 of them. With the same 16 reads as the usual cubic kernel it keeps far
more of the fine detail: at a shift by half a pixel 97 % of a wave of four pixels
(Catmull-Rom 88 %, bilinear 71 %) and 76 % of one of 2.7 (55 %, 38 %).
"""

from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

Positions = Float[Array, "b h w 2"]  # row and column in the input, pixels
Weights = Float[Array, "b h w 4"]  # of the coefficients of a window along an axis

BEFORE, AFTER = 1, 2  # coefficients that a window needs beyond the image's edges


def warp(
    image: Float[Array, "b h w c"], inverse: Float[Array, "b 3 3"]
) -> Float[Array, "b h w c"]:
    """Moves every image by an affine transform, mirrored beyond its edges.

    Args:
      image: sides of at least 2 pixels.
      inverse: from (row, column, 1) of an output pixel to that of the input position
        whose value it takes, in pixels from the image's centre. No gradient flows
        into it.

    Returns:
      The images; one whose transform is the identity comes back as it was, to the bit.
      Shrinking is not antialiased.
    """
    height, width = image.shape[1:3]
    coefficients = spline_coefficients(image)
    moved = sample(coefficients, _positions(inverse, height, width))
    return jnp.where(_moves(inverse)[:, None, None, None], moved, image)


def _moves(inverse: Float[Array, "b 3 3"]) -> Bool[Array, " b"]:
    return jnp.any(inverse != jnp.eye(3, dtype=jnp.float32), axis=(1, 2))


def _positions(inverse: Float[Array, "b 3 3"], height: int, width: int) -> Positions:
    """Returns where each output pixel comes from, mirrored into the image."""
    row = jnp.arange(height, dtype=jnp.float32)[:, None] - (height - 1) / 2
    column = jnp.arange(width, dtype=jnp.float32) - (width - 1) / 2

    def along(axis: int, size: int) -> Array:
        # Multiplied out: a matrix product may run in less than float32.
        by_row, by_column, shift = jnp.moveaxis(inverse[:, axis, :, None, None], 1, 0)
        position = by_row * row + by_column * column + shift + (size - 1) / 2
        last = size - 1
        return last - jnp.abs(last - jnp.mod(position, 2.0 * last))

    return jnp.stack([along(0, height), along(1, width)], axis=-1)


@lru_cache
def _coefficient_matrix(size: int) -> np.ndarray:
    """Returns the map from a line's samples to its coefficients, also beyond its edges.

    The cubic spline takes 1/6, 4/6, 1/6 of three neighbouring coefficients at a
    sample; mirrored, they are as many as the samples, and the matrix is inverted.
    """
    mirrored = np.pad(np.eye(size), ((1, 1), (0, 0)), mode="reflect")
    samples = (mirrored[:-2] + 4 * mirrored[1:-1] + mirrored[2:]) / 6
    beyond = ((BEFORE, AFTER), (0, 0))
    return np.pad(np.linalg.inv(samples), beyond, mode="reflect").astype(np.float32)


def spline_coefficients(image: Float[Array, "b h w c"]) -> Float[Array, "b i j c"]:
    """Coefficients of the mirrored cubic spline through the pixels, [h + 3, w + 3].

    A product with a constant matrix along each axis, whose gradient is one as well:
    that of padding and a filter of 25 taps took 8 to 50 times longer on CPU.
    """
    rows, columns = (_coefficient_matrix(size) for size in image.shape[1:3])
    product = partial(jnp.einsum, precision=lax.Precision.HIGHEST)
    image = product("im,bmnc->binc", jnp.asarray(rows), image)
    return product("jn,binc->bijc", jnp.asarray(columns), image)


def _windows(
    position: Positions,
) -> tuple[Int[Array, "b h w 2"], Weights, Weights]:
    """Returns each window's first coefficient, and its rows' and columns' weights."""
    start = jnp.floor(position)
    after = position - start
    before = 1.0 - after
    weight = (
        before**3 / 6,
        2 / 3 - after**2 * (1 - after / 2),
        2 / 3 - before**2 * (1 - before / 2),
        after**3 / 6,
    )
    rows, columns = jnp.moveaxis(jnp.stack(weight, axis=-1), -2, 0)
    return start.astype(jnp.int32), rows, columns


@jax.custom_vjp
def sample(
    coefficients: Float[Array, "b i j c"], position: Positions
) -> Float[Array, "b h w c"]:
    """Values of the spline at positions inside the image.

    Linear in the coefficients, with `spread` as its exact transpose at any order; the
    positions get no gradient. Sixteen reads in one expression, which XLA makes one
    loop of; the transpose adds whole windows, since sixteen additions to single
    coefficients cost 2 to 3 times more.
    """
    count, tall, wide, channels = coefficients.shape
    start, rows, columns = _windows(position)
    flat = coefficients.reshape(count, tall * wide, channels)
    first = start[..., 0] * wide + start[..., 1]

    def read(flat: Array, index: Array) -> Array:
        return flat.at[index].get(mode="promise_in_bounds")

    value = jnp.zeros((*first.shape, channels), coefficients.dtype)
    for i in range(4):
        line = jnp.zeros_like(value)
        for j in range(4):
            taken = jax.vmap(read)(flat, first + (i * wide + j))
            line = line + columns[..., j, None] * taken
        value = value + rows[..., i, None] * line
    return value


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def spread(
    value: Float[Array, "b h w c"], position: Positions, tall: int, wide: int
) -> Float[Array, "b i j c"]:
    """Adds each value to the coefficients that `sample` reads at its position."""
    start, rows, columns = _windows(position)
    weight = rows[..., :, None, None] * columns[..., None, :, None]
    windows = weight * value[..., None, None, :]
    numbers = lax.ScatterDimensionNumbers(
        update_window_dims=(2, 3, 4),
        inserted_window_dims=(),
        scatter_dims_to_operand_dims=(0, 1),
    )

    def add(start: Array, windows: Array) -> Array:
        empty = jnp.zeros((tall, wide, value.shape[-1]), value.dtype)
        mode = lax.GatherScatterMode.PROMISE_IN_BOUNDS
        return lax.scatter_add(empty, start, windows, numbers, mode=mode)

    return jax.vmap(add)(start, windows)


def _sample_forward(
    coefficients: Array, position: Positions
) -> tuple[Array, tuple[Positions, tuple[int, ...]]]:
    return sample(coefficients, position), (position, coefficients.shape[1:3])


def _sample_backward(
    saved: tuple[Positions, tuple[int, ...]], cotangent: Array
) -> tuple[Array, Positions]:
    position, (tall, wide) = saved
    return spread(cotangent, position, tall, wide), jnp.zeros_like(position)


def _spread_forward(
    value: Array, position: Positions, tall: int, wide: int
) -> tuple[Array, Positions]:
    return spread(value, position, tall, wide), position


def _spread_backward(
    tall: int, wide: int, position: Positions, cotangent: Array
) -> tuple[Array, Positions]:
    return sample(cotangent, position), jnp.zeros_like(position)


sample.defvjp(_sample_forward, _sample_backward)
spread.defvjp(_spread_forward, _spread_backward)
