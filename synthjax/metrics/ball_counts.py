"""How many balls hold each vector: exact, in tiles, for several radii of each ball."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from synthjax.metrics.knn import padded, slices, tile_length

_EPS = float(np.finfo(np.float32).eps)
_NUMBERS = 4_000_000  # float64 numbers of the pairs that are measured again at a time


def ball_counts(
    query: Float[np.ndarray, "q d"],
    centre: Float[np.ndarray, "n d"],
    radius: Float[np.ndarray, "n r"],
    *,
    chunk: int = 2048,
) -> Int[np.ndarray, "q r"]:
    """Count the balls of each column of radii that hold each query, rims included.

    Float32 decides where it safely can; for the first column, what it cannot decide is
    measured in float64, as `nearest` measures radii, so that a vector on a rim is found
    to be there. The other columns are within a few counts.

    Args:
        query: finite features.
        centre: of the balls, features of the same encoder.
        radius: several for each ball; a negative one holds nothing.
        chunk: vectors of a tile; the result does not depend on it.
    """
    middle = centre[:4096].mean(axis=0, dtype=np.float64)
    length = tile_length(max(len(query), len(centre)), chunk)
    total = np.zeros((len(query), radius.shape[1]), np.int64)
    square = np.where(radius < 0, -np.inf, radius.astype(np.float64) ** 2)
    for rows in slices(len(query), length):
        vectors = query[rows].astype(np.float64) - middle
        tile = padded(vectors, length)
        for part in slices(len(centre), length):
            balls = centre[part].astype(np.float64) - middle
            norm = np.sqrt(max(np.sum(v**2, axis=1).max() for v in (vectors, balls)))
            slack = (balls.shape[1] + 8) * _EPS * (2 * norm) ** 2
            rim = np.full((radius.shape[1], length), -np.inf, np.float32)
            rim[:, : len(balls)] = square[part].T
            count, doubtful = _count(
                tile, padded(balls, length), rim, np.float32(slack)
            )
            total[rows] += np.asarray(count)[: len(vectors)]
            i, j = np.nonzero(np.asarray(doubtful)[: len(vectors)])
            for run in slices(len(i), max(1, _NUMBERS // balls.shape[1])):
                first, second = query[rows][i[run]], centre[part][j[run]]
                off = first.astype(np.float64) - second
                # As the radius was made: a square root, which rounds likewise.
                inside = np.sqrt(np.sum(off**2, axis=1)) <= radius[part][j[run], 0]
                np.add.at(total[rows][:, 0], i[run][inside], 1)
    return total


@functools.partial(jax.jit)
def _count(
    query: Float[Array, "b d"],
    centre: Float[Array, "t d"],
    square: Float[Array, "r t"],
    slack: Float[Array, ""],
) -> tuple[Int[Array, "b r"], Bool[Array, "b t"]]:
    """Count, in column 0 only what is surely inside; and say what is not sure."""
    product = jnp.matmul(query, centre.T, precision=lax.Precision.HIGHEST)
    apart = jnp.sum(query**2, axis=1)[:, None] + jnp.sum(centre**2, axis=1)
    apart = apart - 2 * product
    sure = jnp.sum(apart < square[0] - slack, axis=1, dtype=jnp.int32)
    doubtful = jnp.abs(apart - square[0]) <= slack
    rest = lax.map(
        lambda rim: jnp.sum(apart <= rim, axis=1, dtype=jnp.int32), square[1:]
    )
    return jnp.concatenate([sure[None], rest]).T, doubtful
