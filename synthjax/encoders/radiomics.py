"""Hand-made features of brightness, texture, scale and frequency, each with a name.

The kinds of feature that radiomics uses (Zwanenburg et al. 2020, arXiv:1612.07003) and
that the Fréchet radiomics distance compares (Konz et al. 2024, arXiv:2412.01496), of the
whole grey image. Nothing is learnt, so nothing is missing offline, and a feature that
differs says what differs.
"""

import itertools
import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from synthjax.core.errors import ConfigError
from synthjax.encoders.encoder import FunctionEncoder
from synthjax.metrics.encoder import Encoder

LEVELS = 256  # grey levels of the histogram
COARSE = 16  # grey levels of the co-occurrence matrices
DISTANCES = (1, 2)  # between the two pixels of a co-occurrence, pixels
DIRECTIONS = ((0, 1), (1, 1), (1, 0), (1, -1))  # of it: rows, columns
SCALES = 3  # of the wavelets
RINGS = 8  # of the power spectrum
SMALLEST = 8  # side of an image, pixels, at least
PERCENTILES = (1, 5, 10, 25, 50, 75, 90, 95, 99)
_TINY = np.float32(1e-6)

FIRST_ORDER = (
    *("mean", "deviation", "skewness", "kurtosis", "minimum", "maximum"),
    *(f"percentile {p}" for p in PERCENTILES),
    *("quartile range", "mean deviation", "entropy", "uniformity", "gradient mean"),
    "gradient deviation",
)
TEXTURE = (
    *("contrast", "dissimilarity", "homogeneity", "correlation"),
    *("energy", "entropy", "cluster shade", "cluster prominence"),
)
NAMES = (
    *(f"first order, {name}" for name in FIRST_ORDER),
    *(
        f"co-occurrence at {distance} px, {name}, {what} over directions"
        for distance in DISTANCES
        for what in ("mean", "range")
        for name in TEXTURE
    ),
    *(
        f"wavelet of scale {scale + 1}, {band}, log {what}"
        for scale in range(SCALES)
        for band in ("across", "down", "diagonal")
        for what in ("energy", "kurtosis")
    ),
    *(f"spectrum, log power of ring {ring + 1} of {RINGS}" for ring in range(RINGS)),
    *("spectrum, slope", "spectrum, share across", "spectrum, share down"),
)


def make_radiomics(resolution: int, channels: int) -> Encoder:
    """Returns the features of `NAMES`, of the mean of the channels; to be standardised.

    Raises:
      ConfigError: the images are too small.
    """
    if resolution < SMALLEST:
        raise ConfigError(
            f"the encoder 'radiomics' needs images of at least {SMALLEST} px, and these "
            f"have {resolution}"
        )
    params = {"rings": _rings(resolution), "window": _window(resolution)}

    def features(params: Any, image: Float[Array, "b h w c"]) -> Float[Array, "b d"]:
        grey = jnp.mean(image, axis=3)
        parts = [
            _first_order(grey),
            _co_occurrence(grey),
            _wavelets(grey),
            _spectrum(params, grey),
        ]
        return jnp.concatenate(parts, axis=1)

    name = f"radiomics, {len(NAMES)}d"
    return FunctionEncoder(name, len(NAMES), params, features, fit="standardise")


def _levels(grey: Float[Array, "b h w"], levels: int) -> Int[Array, "b h w"]:
    """Maps -1..1 to 0..levels-1, in intervals of equal width."""
    scaled = jnp.floor((grey + 1) * np.float32(levels / 2)).astype(jnp.int32)
    return jnp.clip(scaled, 0, levels - 1)


def _counts(value: Int[Array, "b n"], size: int) -> Float[Array, "b {size}"]:
    """Counts how often each number occurs; in integers, so that the order is no matter."""
    rows = jnp.arange(value.shape[0], dtype=jnp.int32)[:, None]
    found = jnp.zeros((value.shape[0], size), jnp.int32).at[rows, value].add(1)
    return found.astype(jnp.float32)


def _moments(values: Float[Array, "b n"]) -> list[Array]:
    """Returns mean, standard deviation, skewness and kurtosis (3 for a normal), each [b]."""
    mean = jnp.mean(values, axis=1)
    off = values - mean[:, None]
    deviation = jnp.sqrt(jnp.mean(off**2, axis=1))
    scaled = off / jnp.maximum(deviation, _TINY)[:, None]  # of a flat image: 0
    skewness, kurtosis = (jnp.mean(scaled**power, axis=1) for power in (3, 4))
    return [mean, deviation, skewness, kurtosis]


def _entropy(share: Float[Array, "b n"]) -> Float[Array, " b"]:
    return -jnp.sum(share * jnp.log2(jnp.maximum(share, _TINY)), axis=1)


def _first_order(grey: Float[Array, "b h w"]) -> Float[Array, "b f"]:
    """Measures FIRST_ORDER; percentiles are those of 256 grey levels, 0 to 255."""
    flat = grey.reshape(grey.shape[0], -1)
    counts = _counts(_levels(flat[..., None], LEVELS)[..., 0], LEVELS)
    below, n = jnp.cumsum(counts, axis=1), flat.shape[1]
    percentile = [
        jnp.sum(below < math.ceil(p / 100 * n), axis=1).astype(jnp.float32)
        for p in PERCENTILES
    ]
    quartiles = percentile[PERCENTILES.index(75)] - percentile[PERCENTILES.index(25)]
    moments = _moments(flat)
    across = grey[:, :-1, 1:] - grey[:, :-1, :-1]
    down = grey[:, 1:, :-1] - grey[:, :-1, :-1]
    gradient = jnp.sqrt(across**2 + down**2).reshape(grey.shape[0], -1)
    off = jnp.abs(flat - moments[0][:, None])
    rest = [
        quartiles,
        jnp.mean(off, axis=1),
        _entropy(counts / n),
        jnp.sum((counts / n) ** 2, axis=1),
        *_moments(gradient)[:2],
    ]
    ends = [jnp.min(flat, axis=1), jnp.max(flat, axis=1)]
    return jnp.stack([*moments, *ends, *percentile, *rest], axis=1)


def _co_occurrence(grey: Float[Array, "b h w"]) -> Float[Array, "b f"]:
    """Measures TEXTURE: mean and range over four directions (Haralick et al. 1973)."""
    level = _levels(grey, COARSE)
    parts = []
    for distance in DISTANCES:
        found = jnp.stack(
            [_texture(level, down * distance, right * distance)
             for down, right in DIRECTIONS]
        )  # fmt: skip
        parts += [jnp.mean(found, axis=0), jnp.max(found, axis=0) - jnp.min(found, 0)]
    return jnp.concatenate(parts, axis=1)


def _texture(level: Int[Array, "b h w"], down: int, right: int) -> Float[Array, "b 8"]:
    """Measures TEXTURE of one direction, on a symmetric co-occurrence matrix."""
    height, width = level.shape[1:]
    first = level[:, : height - down, max(0, -right) : width - max(0, right)]
    second = level[:, down:, max(0, right) : width - max(0, -right)]
    pair = (first * COARSE + second).reshape(level.shape[0], -1)
    table = _counts(pair, COARSE**2).reshape(-1, COARSE, COARSE)
    share = (table + jnp.swapaxes(table, 1, 2)) / (2 * pair.shape[1])
    i, j = np.mgrid[:COARSE, :COARSE].astype(np.float32)
    mean = jnp.sum(share * i, axis=(1, 2))
    off_i, off_j = i - mean[:, None, None], j - mean[:, None, None]

    def expected(values: Float[Array | np.ndarray, "*b l l"]) -> Float[Array, " b"]:
        return jnp.sum(share * values, axis=(1, 2))

    variance = expected(off_i**2)
    return jnp.stack(
        [
            expected((i - j) ** 2),
            expected(np.abs(i - j)),
            expected(1 / (1 + (i - j) ** 2)),
            # One grey level alone correlates fully, by convention.
            jnp.where(
                variance > _TINY,
                expected(off_i * off_j) / jnp.maximum(variance, _TINY),
                1.0,
            ),
            expected(share),
            _entropy(share.reshape(len(share), -1)),
            expected((off_i + off_j) ** 3),
            expected((off_i + off_j) ** 4),
        ],
        axis=1,
    )


def _wavelets(grey: Float[Array, "b h w"]) -> Float[Array, "b f"]:
    """Measures Haar wavelets; an odd last row or column is dropped."""
    found = []
    for _ in range(SCALES):
        h, w = (side // 2 * 2 for side in grey.shape[1:])
        a, b = grey[:, :h:2, :w:2], grey[:, :h:2, 1:w:2]
        c, d = grey[:, 1:h:2, :w:2], grey[:, 1:h:2, 1:w:2]
        for band in (a - b + c - d, a + b - c - d, a - b - c + d):
            values = (band / 2).reshape(len(band), -1)
            energy = jnp.mean(values**2, axis=1)
            fourth = jnp.mean(values**4, axis=1) / (energy**2 + _TINY**2)
            found += [jnp.log(energy + _TINY), jnp.log(fourth + _TINY)]
        grey = (a + b + c + d) / 4
    return jnp.stack(found, axis=1)


def _rings(resolution: int) -> Float[np.ndarray, "f m"]:
    """Returns which frequencies of the half spectrum are in each ring, across, and down.

    A frequency that stands for two (its negative is not stored) counts twice.
    """
    down = np.fft.fftfreq(resolution)[:, None] * np.ones(resolution // 2 + 1)
    across = np.fft.rfftfreq(resolution) * np.ones((resolution, 1))
    weight = np.where((across == 0) | (across == 0.5), 1.0, 2.0)
    radius = np.hypot(down, across)
    edges = np.geomspace(1 / resolution, 0.5, RINGS + 1)
    edges[0], edges[-1] = 0.5 / resolution, 1
    inside = [
        (low <= radius) & (radius < high) for low, high in itertools.pairwise(edges)
    ]
    sector = [(radius > 0) & (np.abs(across) > 2 * np.abs(down))]
    sector += [(radius > 0) & (np.abs(down) > 2 * np.abs(across))]
    table = np.stack([part * weight for part in [*inside, *sector, radius > 0]])
    table = table.reshape(len(table), -1)
    table[:RINGS] /= np.maximum(table[:RINGS].sum(axis=1, keepdims=True), 1)
    return table.astype(np.float32)


def _window(resolution: int) -> Float[np.ndarray, "h w"]:
    """Returns a fade to the edges, whose jump would else be in every frequency (Hann)."""
    side = np.sin(np.pi * (np.arange(resolution) + 0.5) / resolution) ** 2
    return np.outer(side, side).astype(np.float32)


def _spectrum(params: Any, grey: Float[Array, "b h w"]) -> Float[Array, "b f"]:
    """Measures mean power in rings of equal ratio, its slope, and where it points."""
    mean = jnp.mean(grey, axis=(1, 2), keepdims=True)
    power = jnp.abs(jnp.fft.rfft2((grey - mean) * params["window"])) ** 2
    power = power.reshape(len(grey), -1) / np.float32(grey.shape[1] ** 2)
    found = jnp.matmul(power, params["rings"].T, precision=lax.Precision.HIGHEST)
    ring = jnp.log(found[:, :RINGS] + _TINY)
    place = np.arange(RINGS, dtype=np.float32) - np.float32((RINGS - 1) / 2)
    slope = ring @ (place / np.sum(place**2))
    share = found[:, RINGS : RINGS + 2] / (found[:, RINGS + 2 :] + _TINY)
    return jnp.concatenate([ring, slope[:, None], share], axis=1)
