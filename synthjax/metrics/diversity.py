"""How different the images of one set are from each other."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Shaped, UInt

from synthjax.metrics.metric import (
    Comparison,
    ImageComparison,
    Images,
    Metric,
    MetricValue,
    Undefined,
)
from synthjax.statistics.interval import Interval
from synthjax.statistics.jackknife import GROUPS, jackknife_interval

WINDOW = 11  # pixels of the Gaussian window of structural similarity
SIGMA = 1.5  # of it, pixels
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, finest first
SMALLEST = 32  # side, pixels, from which structural similarity has two scales
_READ = 256  # pairs of images in memory


def vendi_score(
    features: Float[np.ndarray, "n d"], group: Int[np.ndarray, " n"], level: float
) -> Interval:
    """Return the effective number of different images, 1 to n.

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
    return jackknife_interval(value, np.array(left_out), level, bounds=(1.0, top))


def draw_pairs(
    patient: Shaped[np.ndarray, " n"],
    group: Int[np.ndarray, " n"],
    max_pairs: int,
    generator: np.random.Generator,
) -> Int[np.ndarray, "p 2"]:
    """Draw pairs of images of different patients of one group, each image once at most.

    Args:
        patient: of each image.
        group: of `assign_groups`.
        max_pairs: how many there are, unless the images make fewer.
        generator: draws them.
    """
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
    return generator.permutation(np.concatenate(pairs))[:max_pairs]


def scales(resolution: int) -> int:
    """Return how many scales leave room for the window, 5 at most."""
    return min(len(WEIGHTS), int(np.log2(resolution / WINDOW)) + 1)


def similarity_of_pairs(
    first: UInt[np.ndarray, "p h w c"],
    second: UInt[np.ndarray, "p h w c"],
    *,
    chunk: int = 64,
) -> Float[np.ndarray, " p"]:
    """Return the multi-scale structural similarity of each pair, 0 to 1 (1: equal).

    Wang, Simoncelli and Bovik 2003: a Gaussian window where it fits wholly, K1 = 0.01
    and K2 = 0.03 of the range, means of 2 x 2 pixels between the scales, negative means
    taken as 0. Each channel has its own, and their mean counts. Images below 176 px have fewer scales, whose weights sum to 1 again.

    Args:
        first: images of 8 or 16 bits.
        second: of each, the other of the pair.
        chunk: pairs at a time; the result does not depend on it.
    """
    result = np.empty(len(first))
    for start in range(0, len(first), chunk):
        stop = min(start + chunk, len(first))
        tiles = []
        for images in (first, second):
            tile = np.zeros((chunk, *images.shape[1:]), images.dtype)
            tile[: stop - start] = images[start:stop]
            tiles.append(tile)
        value = np.asarray(_similarity(*tiles, scales(first.shape[1])), np.float64)
        result[start:stop] = value[: stop - start]
    return result


def _band(length: int) -> Float[np.ndarray, "m n"]:
    """Return the window at every place where it fits, as a matrix."""
    offset = np.arange(WINDOW) - WINDOW // 2
    window = np.exp(-(offset**2) / (2 * SIGMA**2))
    window /= window.sum()
    band = np.zeros((length - WINDOW + 1, length))
    for row in range(len(band)):
        band[row, row : row + WINDOW] = window
    return band.astype(np.float32)


@functools.partial(jax.jit, static_argnums=2)
def _similarity(
    first: UInt[Array, "b h w c"], second: UInt[Array, "b h w c"], levels: int
) -> Float[Array, " b"]:
    """Compute the similarity of each pair on `levels` scales."""
    x, y = _unit(first), _unit(second)
    weights = np.array(WEIGHTS[:levels], np.float32)
    weights /= weights.sum()
    low, mid = np.float32(0.01**2), np.float32(0.03**2)
    result = jnp.ones((x.shape[0], x.shape[3]), jnp.float32)
    for level in range(levels):
        band = jnp.asarray(_band(x.shape[1]))

        def smooth(
            image: Float[Array, "b h w c"], band: Float[Array, "m h"] = band
        ) -> Float[Array, "b m m c"]:
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
        mean = jnp.maximum(jnp.mean(structure, axis=(1, 2)), 0.0)
        result = result * mean ** weights[level]
        x, y = _halve(x), _halve(y)
    return jnp.mean(result, axis=1)


def _unit(pixels: UInt[Array, "b h w c"]) -> Float[Array, "b h w c"]:
    """Map pixels to 0..1, by the -1..1 that networks see: it decides the last digit."""
    half = jnp.iinfo(pixels.dtype).max / 2
    return (jnp.asarray(pixels, jnp.float32) / half - 1.0 + 1) / 2


def _halve(image: Float[Array, "b h w c"]) -> Float[Array, "b i j c"]:
    """Average squares of 2 x 2 pixels; an odd last row or column is dropped."""
    h, w = (side // 2 * 2 for side in image.shape[1:3])
    rows = image[:, :h:2, :w] + image[:, 1:h:2, :w]
    return (rows[:, :, ::2] + rows[:, :, 1::2]) / 4


def mean_similarity(
    similarity: Float[np.ndarray, " p"], group: Int[np.ndarray, " p"], level: float
) -> Interval:
    """Average over pairs; the less, the more diverse. Delete-a-group jackknife.

    Args:
        similarity: of pairs of `draw_pairs`.
        group: of each pair.
        level: coverage of the interval.
    """
    kept = [similarity[group != g] for g in range(GROUPS)]
    left_out = [float(part.mean()) if len(part) else np.nan for part in kept]
    value = float(similarity.mean()) if len(similarity) else float("nan")
    return jackknife_interval(value, np.array(left_out), level)


def _vendi_value(sets: Comparison) -> MetricValue:
    """Measure the score of one set; the baseline is the score of the real images."""
    parts = (sets.synthetic, sets.real)
    scores = (vendi_score(part.features, part.group, sets.level) for part in parts)
    synthetic, baseline = scores
    return MetricValue(synthetic, baseline)


def _similarity_value(sets: ImageComparison) -> MetricValue | Undefined:
    """Measure random pairs of one set; the baseline is of pairs of real images."""
    side = sets.real_images.read(np.array([0])).shape[1]
    if side < SMALLEST:
        return Undefined(f"images of {side} px; at least {SMALLEST} are needed")
    synthetic, n_synthetic = _drawn_similarity(sets, sets.synthetic_images)
    real, n_real = _drawn_similarity(sets, sets.real_images)
    counts = {"pairs_synthetic": n_synthetic, "pairs_real": n_real}
    return MetricValue(synthetic, real, counts)


def _drawn_similarity(sets: ImageComparison, images: Images) -> tuple[Interval, int]:
    """Return the mean similarity of random pairs of one set, and how many they are."""
    pairs = draw_pairs(images.patient, images.group, sets.pairs, sets.generator)
    value = [
        similarity_of_pairs(images.read(chunk[:, 0]), images.read(chunk[:, 1]))
        for chunk in np.array_split(pairs, -(-len(pairs) // _READ) or 1)
    ]
    group = images.group[pairs[:, 0]]
    return mean_similarity(np.concatenate(value), group, sets.level), len(pairs)


VENDI = Metric[Comparison](
    name="vendi",
    title="Vendi score",
    better="high",
    meaning="effective number of different images",
    compute=_vendi_value,
)
MS_SSIM = Metric[ImageComparison](
    name="ms_ssim",
    title="MS-SSIM of pairs",
    better="low",
    meaning="how alike two images of a set are; 1 is the same",
    compute=_similarity_value,
)
