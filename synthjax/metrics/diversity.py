"""How different the images of one set are from each other."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt

from synthjax.data.images.transforms import to_image
from synthjax.statistics.interval import Interval
from synthjax.statistics.jackknife import GROUPS, jackknife_interval

WINDOW = 11  # pixels of the Gaussian window of structural similarity
SIGMA = 1.5  # of it, pixels
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, finest first
_BATCH = 64  # pairs at a time


def vendi_score(
    features: Float[np.ndarray, "n d"], group: Int[np.ndarray, " n"], level: float
) -> Interval:
    """The effective number of different images, 1 to n.

    The exponential of the entropy of the eigenvalues of K / n, K the cosines of the
    features (Friedman and Dieng 2023, arXiv:2210.02410, eq. 2); the eigenvalues are
    those of the d x d matrix of the same features. It grows with n: compare at equal n.
    Interval: delete-a-group jackknife, of patients where the images are real.

    Args:
        features: of one set, about zero; a row of zeros counts as like nothing.
        group: of `assign_groups`.
        level: coverage of the interval.
    """
    parts, counts = [], []
    for g in range(GROUPS):
        rows = features[group == g].astype(np.float64)
        norm = np.linalg.norm(rows, axis=1, keepdims=True)
        unit = rows / np.where(norm > 0, norm, 1)
        parts.append(unit.T @ unit)
        counts.append(len(rows))
    gram, n = np.array(parts), np.array(counts)

    def score(matrix: np.ndarray, count: int) -> float:
        if not count:
            return float("nan")
        value = np.linalg.eigvalsh(matrix / count)
        value = value[value > 0]
        return float(np.exp(-np.sum(value * np.log(value))))

    whole = gram.sum(axis=0)
    left_out = [score(whole - gram[g], int(n.sum() - n[g])) for g in range(GROUPS)]
    top = float(max(1, n.sum()))
    value = score(whole, int(n.sum()))
    return jackknife_interval(value, np.array(left_out), level, bounds=(1, top))


def draw_pairs(
    patient: np.ndarray,
    group: Int[np.ndarray, " n"],
    most: int,
    generator: np.random.Generator,
) -> Int[np.ndarray, "p 2"]:
    """Pairs of images of different patients of one group; no image is in two pairs."""
    pairs = []
    for g in range(GROUPS):
        rows = generator.permutation(np.flatnonzero(group == g))
        # Images of a patient side by side, then halves: no two of one patient meet
        # unless it has more than half of the images.
        rows = rows[np.argsort(patient[rows], kind="stable")]
        half = len(rows) // 2
        first, second = rows[:half], rows[half : 2 * half]
        pairs.append(
            np.stack([first, second], axis=1)[patient[first] != patient[second]]
        )
    found = generator.permutation(np.concatenate(pairs))
    return found[:most]


def scales(resolution: int) -> int:
    """Of multi-scale similarity: as many as leave room for the window, 5 at most."""
    return min(len(WEIGHTS), int(np.log2(resolution / WINDOW)) + 1)


def similarity_of_pairs(
    first: UInt[np.ndarray, "p h w c"], second: UInt[np.ndarray, "p h w c"]
) -> Float[np.ndarray, " p"]:
    """Multi-scale structural similarity of each pair, -1 to 1 (1: equal).

    Wang, Simoncelli and Bovik 2003: a Gaussian window where it fits wholly, K1 = 0.01
    and K2 = 0.03 of the range, means of 2 x 2 pixels between the scales, negative means
    taken as 0. Images below 176 px have fewer scales, whose weights sum to 1 again.
    """
    found = []
    for start in range(0, len(first), _BATCH):
        parts = []
        for images in (first, second):
            tile = np.zeros((_BATCH, *images.shape[1:]), images.dtype)
            some = images[start : start + _BATCH]
            tile[: len(some)] = some
            parts.append(tile)
        value = np.asarray(_similarity(*parts, scales(first.shape[1])), np.float64)
        found.append(value[: len(some)])
    return np.concatenate(found)


def _band(length: int) -> Float[np.ndarray, "m n"]:
    """The window at every place where it fits, as a matrix."""
    offset = np.arange(WINDOW) - WINDOW // 2
    window = np.exp(-(offset**2) / (2 * SIGMA**2))
    window /= window.sum()
    band = np.zeros((length - WINDOW + 1, length))
    for row in range(len(band)):
        band[row, row : row + WINDOW] = window
    return band.astype(np.float32)


@functools.partial(jax.jit, static_argnums=2)
def _similarity(first: Array, second: Array, levels: int) -> Float[Array, " b"]:
    x, y = (to_image(first) + 1) / 2, (to_image(second) + 1) / 2
    weights = np.array(WEIGHTS[:levels], np.float32)
    weights /= weights.sum()
    low, mid = np.float32(0.01**2), np.float32(0.03**2)
    result = jnp.ones(x.shape[0], jnp.float32)
    for level in range(levels):
        band = jnp.asarray(_band(x.shape[1]))

        def smooth(image: Array, band: Array = band) -> Array:
            return jnp.einsum(
                "ih,bhwc,jw->bijc", band, image, band, precision="highest"
            )

        mean_x, mean_y = smooth(x), smooth(y)
        variance = smooth(x * x) + smooth(y * y) - mean_x**2 - mean_y**2
        covariance = smooth(x * y) - mean_x * mean_y
        structure = (2 * covariance + mid) / (variance + mid)
        if level == levels - 1:
            luminance = (2 * mean_x * mean_y + low) / (mean_x**2 + mean_y**2 + low)
            structure = structure * luminance
        mean = jnp.maximum(jnp.mean(structure, axis=(1, 2, 3)), 0.0)
        result = result * mean ** weights[level]
        x, y = _halve(x), _halve(y)
    return result


def _halve(image: Array) -> Array:
    h, w = (side // 2 * 2 for side in image.shape[1:3])
    rows = image[:, :h:2, :w] + image[:, 1:h:2, :w]
    return (rows[:, :, ::2] + rows[:, :, 1::2]) / 4


def mean_similarity(
    similarity: Float[np.ndarray, " p"], group: Int[np.ndarray, " p"], level: float
) -> Interval:
    """Mean over pairs; the less, the more diverse. Delete-a-group jackknife.

    Args:
        similarity: of pairs of `draw_pairs`.
        group: of each pair.
        level: coverage of the interval.
    """
    kept = [similarity[group != g] for g in range(GROUPS)]
    left_out = [float(part.mean()) if len(part) else np.nan for part in kept]
    value = float(similarity.mean()) if len(similarity) else float("nan")
    return jackknife_interval(value, np.array(left_out), level)
