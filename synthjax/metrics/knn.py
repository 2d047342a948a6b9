"""The nearest neighbours of feature vectors: exact, in tiles, a group left out.

An accelerator searches in float32 for a few more neighbours than are asked for; these
are measured again in float64, and where float32 could have hidden a nearer one the query
is searched anew in float64. So the answer is the exact one on any device, and a copy is
at a distance of exactly 0.
"""

import functools
from collections.abc import Iterator
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Int32, Shaped

from synthjax.core.errors import StudyError

DistanceName = Literal["euclidean", "cosine"]

_SPARE = 11  # neighbours beyond k that float32 hands over to float64
_EPS = float(np.finfo(np.float32).eps)
_BLOCK = 4_000_000  # float64 numbers that a step on the host makes at a time


def nearest(
    query: Float[np.ndarray, "q d"],
    reference: Float[np.ndarray, "n d"],
    *,
    k: int,
    metric: DistanceName = "euclidean",
    query_group: Shaped[np.ndarray, " q"] | None = None,
    reference_group: Shaped[np.ndarray, " n"] | None = None,
    chunk: int = 2048,
) -> tuple[Float[np.ndarray, "q k"], Int[np.ndarray, "q k"]]:
    """Find the k nearest references of each query, nearest first, ties by the lower row.

    Beside its arguments it holds tiles of `chunk` vectors and of chunk x chunk
    distances, whatever q and n are.

    Args:
        query: finite features, any floating type; may be memory-mapped.
        reference: finite features of the same encoder.
        k: how many, 1 or more.
        metric: "euclidean", or "cosine" for one minus the cosine (0 to 2; a vector of
            zeros is at 1 from all others and at 0 from its like).
        query_group: patient of each query; with `reference_group`, references of
            the query's own patient are left out.
        reference_group: patient of each reference; both or neither.
        chunk: vectors of a tile; the result does not depend on it.

    Returns:
        Distances (float64) and rows of `reference` (int64), both [q k]. Where fewer than
        k references are left, the rest is inf and -1.

    Raises:
        StudyError: sizes that do not fit, or features that are not finite.
    """
    group = group_codes(query_group, reference_group, len(query), len(reference))
    _check_features(query, reference, k, chunk)
    centre = _middle(reference, metric)
    count, length = k + _SPARE, tile_length(max(len(query), len(reference)), chunk)
    distance = np.full((len(query), k), np.inf)
    index = np.full((len(query), k), -1, np.int64)
    for rows in slices(len(query), length):
        vectors = _prepare(query[rows], metric)
        value, place, bound = _candidates(
            vectors, reference, metric, centre, group, rows, length, count
        )
        exact, order = _measure_again(vectors, reference, metric, place)
        place = np.take_along_axis(place, order, axis=1)
        # Whatever float32 left out is no nearer than this.
        safe = value[:, -1].astype(np.float64) - bound
        doubtful = np.flatnonzero((exact[:, k - 1] >= safe) & np.isfinite(safe))
        for part in slices(len(doubtful), max(1, _BLOCK // max(1, len(reference)))):
            again = doubtful[part]
            barred = group[0][rows][again, None] == group[1]
            exact[again, :k], place[again, :k] = _search(
                vectors[again], reference, metric, centre, barred, k
            )
        distance[rows], index[rows] = exact[:, :k], place[:, :k]
    distance = distance / 2 if metric == "cosine" else np.sqrt(distance)
    return distance, np.where(np.isinf(distance), -1, index)


def tile_length(n: int, chunk: int) -> int:
    """Return how many vectors a tile holds, so that few shapes are ever compiled.

    128 times a power of four that `n` vectors fit in, or `chunk` if that is less.
    """
    return min(chunk, 128 * 4 ** (max(0, (n - 1) // 128).bit_length() + 1 >> 1))


def padded(array: np.ndarray, length: int) -> np.ndarray:
    """Fill a tile with vectors, or what belongs to each: zeros behind, floats as float32.

    Vectors are lengthened to a multiple of 64 numbers as well, which changes no product
    or distance, and shares a compiled step between encoders.
    """
    kind = np.float32 if array.dtype == np.float64 else array.dtype
    shape = [length, *(-(-size // 64) * 64 for size in array.shape[1:])]
    tile = np.zeros(shape, kind)
    tile[tuple(slice(size) for size in array.shape)] = array
    return tile


def _check_features(
    query: np.ndarray, reference: np.ndarray, k: int, chunk: int
) -> None:
    """Raise StudyError where sizes do not fit or features are not finite."""
    if query.ndim != 2 or reference.ndim != 2 or query.shape[1] != reference.shape[1]:
        raise StudyError(
            f"neighbours of features {query.shape} among {reference.shape}: both must "
            "be [images, features] of one encoder"
        )
    if k < 1 or chunk < 1:
        raise StudyError(f"k={k} and chunk={chunk} must be at least 1")
    for name, features in (("query", query), ("reference", reference)):
        for rows in slices(len(features), chunk):
            if not np.isfinite(features[rows]).all():
                raise StudyError(
                    f"the {name} features are not finite: check the encoder's weights, "
                    "and that they were made for images of this kind"
                )


def group_codes(
    query: np.ndarray | None, reference: np.ndarray | None, q: int, n: int
) -> tuple[Int32[np.ndarray, " q"], Int32[np.ndarray, " n"]]:
    """Turn groups into numbers; -1 and -2, which differ, where there are none."""
    if query is None and reference is None:
        return np.full(q, -1, np.int32), np.full(n, -2, np.int32)
    if query is None or reference is None or (len(query), len(reference)) != (q, n):
        raise StudyError(
            "query_group and reference_group are given together, a group for each image"
        )
    both = np.concatenate([np.asarray(query), np.asarray(reference)])
    code = np.unique(both, return_inverse=True)[1].ravel().astype(np.int32)
    return code[:q], code[q:]


def slices(n: int, size: int) -> Iterator[slice]:
    """Cut 0..n into runs of `size`; the last may be shorter."""
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def _prepare(features: np.ndarray, metric: DistanceName) -> Float[np.ndarray, "b d"]:
    """Make float64 vectors whose squared distance tells the metric.

    Half the squared distance of unit vectors is one minus their cosine. A vector of
    zeros becomes a direction of its own.
    """
    vectors = np.asarray(features, np.float64)
    if metric == "euclidean":
        return vectors
    scale = np.abs(vectors).max(axis=1, keepdims=True, initial=0)  # none under- or
    vectors = vectors / np.where(scale > 0, scale, 1)  # overflows when squared
    norm = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(norm > 0, norm, 1)
    return np.concatenate([unit, np.where(norm > 0, 0.0, 1.0)], axis=1)


def _middle(reference: np.ndarray, metric: DistanceName) -> Float[np.ndarray, " d"]:
    """Return a point near the middle of the references: float32 is finer around zero."""
    vectors = _prepare(reference[:4096], metric)
    return vectors.sum(axis=0) / max(1, len(vectors))


def _candidates(
    vectors: np.ndarray,
    reference: np.ndarray,
    metric: DistanceName,
    centre: np.ndarray,
    group: tuple[np.ndarray, np.ndarray],
    rows: slice,
    length: int,
    count: int,
) -> tuple[Float[np.ndarray, "b m"], Int[np.ndarray, "b m"], Float[np.ndarray, " b"]]:
    """Find the `count` nearest by float32, and how far float32 may be off.

    Returns:
        Squared distances ascending, inf where there are no more; their rows, -1 there;
        and a bound of the error of a squared distance: of a sum of d
        rounded products, (d + 8) eps (|q| + |r|)^2 (Higham 2002, section 3.1, with
        eight more roundings for the rest).
    """
    size, b = vectors.shape[1], len(vectors)
    query = padded(vectors - centre, length)
    code = padded(group[0][rows], length)
    best = (
        jnp.full((length, count), jnp.inf, jnp.float32),
        jnp.full((length, count), -1, jnp.int32),
    )
    longest = 0.0
    for tile in slices(len(reference), length):
        part = _prepare(reference[tile], metric) - centre
        longest = max(longest, float(np.sum(part**2, axis=1).max()))
        present = padded(np.ones(len(part), bool), length)
        best = _merge(
            best,
            query,
            code,
            padded(part, length),
            padded(group[1][tile], length),
            present,
            np.int32(tile.start),
        )
    reach = np.sqrt(np.sum((vectors - centre) ** 2, axis=1)) + longest**0.5
    value = np.asarray(best[0][:b])
    place = np.where(np.isinf(value), -1, np.asarray(best[1][:b]))
    return value, place, (size + 8) * _EPS * reach**2


@functools.partial(jax.jit, donate_argnums=0)
def _merge(
    best: tuple[Float[Array, "b m"], Int32[Array, "b m"]],
    query: Float[Array, "b d"],
    code: Int32[Array, " b"],
    part: Float[Array, "t d"],
    part_code: Int32[Array, " t"],
    present: Bool[Array, " t"],
    start: Int32[Array, ""],
) -> tuple[Float[Array, "b m"], Int32[Array, "b m"]]:
    """Merge the nearest so far with those of another tile of references."""
    value, place = best
    product = jnp.matmul(query, part.T, precision=lax.Precision.HIGHEST)
    square = jnp.sum(query**2, axis=1)[:, None] + jnp.sum(part**2, axis=1) - 2 * product
    barred = ~present | (code[:, None] == part_code)
    square = jnp.where(barred, jnp.inf, square)
    nearest_here, where = lax.top_k(-square, min(value.shape[1], square.shape[1]))
    value = jnp.concatenate([value, -nearest_here], axis=1)
    place = jnp.concatenate([place, where.astype(jnp.int32) + start], axis=1)
    kept, order = lax.top_k(-value, best[0].shape[1])
    return -kept, jnp.take_along_axis(place, order, axis=1)


def _measure_again(
    vectors: np.ndarray, reference: np.ndarray, metric: DistanceName, place: np.ndarray
) -> tuple[Float[np.ndarray, "b m"], Int[np.ndarray, "b m"]]:
    """Return squared distances of the candidates in float64, sorted, and their order."""
    b, m = place.shape
    exact = np.full((b, m), np.inf)
    for rows in slices(b, max(1, _BLOCK // (m * vectors.shape[1]))):
        chosen = place[rows]
        part = _prepare(reference[np.maximum(chosen, 0).ravel()], metric)
        part = part.reshape(*chosen.shape, -1) - vectors[rows, None]
        exact[rows] = np.where(chosen < 0, np.inf, np.sum(part**2, axis=2))
    order = np.lexsort((place, exact), axis=1)
    return np.take_along_axis(exact, order, axis=1), order


def _search(
    vectors: np.ndarray,
    reference: np.ndarray,
    metric: DistanceName,
    centre: np.ndarray,
    barred: np.ndarray,
    k: int,
) -> tuple[Float[np.ndarray, "b k"], Int[np.ndarray, "b k"]]:
    """Find the k nearest, squared distances by a float64 product; n > k.

    References that tie to the rounding of the product are taken by the lower index: of
    many equal ones, none can be told from another.
    """
    query = vectors - centre
    norm = np.sum(query**2, axis=1)
    square = np.empty((len(query), len(reference)))
    longest = 0.0
    for tile in slices(len(reference), max(1, _BLOCK // query.shape[1])):
        part = _prepare(reference[tile], metric) - centre
        own = np.sum(part**2, axis=1)
        longest = max(longest, float(own.max()))
        square[:, tile] = norm[:, None] + own - 2 * (query @ part.T)
    square[barred] = np.inf
    last = np.partition(square, k - 1, axis=1)[:, k - 1 : k]
    reach = np.sqrt(norm) + longest**0.5
    tied = (query.shape[1] + 8) * np.finfo(np.float64).eps * reach[:, None] ** 2
    place = np.full((len(query), 2 * k), -1)
    for row, (nearer, equal) in enumerate(
        zip(square < last - tied, square <= last + tied, strict=True)
    ):
        chosen = np.union1d(np.flatnonzero(nearer), np.flatnonzero(equal)[:k])
        place[row, : len(chosen)] = chosen
    exact, order = _measure_again(vectors, reference, metric, place)
    return exact[:, :k], np.take_along_axis(place, order, axis=1)[:, :k]
