"""Hand-made features against plain numpy, one image at a time."""

import jax
import numpy as np
import pytest
import scipy.stats

from synthjax.encoders import EncoderConfig, make_encoder
from synthjax.encoders.radiomics import NAMES, PERCENTILES

SIDE = 24


@pytest.fixture(scope="module")
def images():
    random = np.random.default_rng(0)
    smooth = np.cumsum(random.normal(0, 6, (4, SIDE, SIDE)), axis=2) + 110
    return np.clip(smooth, 0, 255).astype(np.uint8)[..., None]


@pytest.fixture(scope="module")
def found(images):
    encoder = make_encoder(EncoderConfig("radiomics"), SIDE, 1, fitted=True)
    values = np.asarray(jax.jit(encoder.encode)(encoder.params, images))
    assert values.shape == (4, len(NAMES)) == (4, encoder.size)
    return [dict(zip(NAMES, row, strict=True)) for row in values]


def test_names_are_all_different():
    assert len(set(NAMES)) == len(NAMES) == 82


@pytest.mark.slow
def test_first_order(images, found):
    for stored, features in zip(images[..., 0], found, strict=True):
        image = stored / 127.5 - 1
        flat, levels = image.ravel(), stored.ravel().astype(int)
        share = np.bincount(levels, minlength=256) / levels.size
        gradient = np.hypot(
            image[:-1, 1:] - image[:-1, :-1], image[1:, :-1] - image[:-1, :-1]
        )
        expected = {
            "mean": flat.mean(),
            "deviation": flat.std(),
            "skewness": scipy.stats.skew(flat),
            "kurtosis": scipy.stats.kurtosis(flat, fisher=False),
            "minimum": flat.min(),
            "maximum": flat.max(),
            "mean deviation": np.abs(flat - flat.mean()).mean(),
            "entropy": scipy.stats.entropy(share, base=2),
            "uniformity": np.sum(share**2),
            "gradient mean": gradient.mean(),
            "gradient deviation": gradient.std(),
        }
        # Of 256 intervals of equal width, one grey level each but for rounding.
        for p in PERCENTILES:
            at = np.percentile(levels, p, method="inverted_cdf")
            assert abs(features[f"first order, percentile {p}"] - at) <= 1
        for name, value in expected.items():
            got = features[f"first order, {name}"]
            assert got == pytest.approx(value, rel=2e-3, abs=1e-4), name


def table_of(image, down, right):
    """The symmetric co-occurrence matrix, pixel by pixel."""
    level = np.clip(np.floor((image + 1) * 8), 0, 15).astype(int)
    table = np.zeros((16, 16))
    for y in range(SIDE - down):
        for x in range(max(0, -right), SIDE - max(0, right)):
            i, j = level[y, x], level[y + down, x + right]
            table[i, j] += 1
            table[j, i] += 1
    return table / table.sum()


@pytest.mark.slow
def test_co_occurrence(images, found):
    i, j = np.mgrid[:16, :16]
    for stored, features in zip(images[:2, ..., 0], found, strict=False):
        each = []
        for down, right in ((0, 2), (2, 2), (2, 0), (2, -2)):
            p = table_of(stored / 127.5 - 1, down, right)
            mean = np.sum(p * i)
            variance = np.sum(p * (i - mean) ** 2)
            each.append(
                {
                    "contrast": np.sum(p * (i - j) ** 2),
                    "homogeneity": np.sum(p / (1 + (i - j) ** 2)),
                    "correlation": np.sum(p * (i - mean) * (j - mean)) / variance,
                    "energy": np.sum(p**2),
                    "entropy": scipy.stats.entropy(p.ravel(), base=2),
                    "cluster shade": np.sum(p * (i + j - 2 * mean) ** 3),
                }
            )
        for name in each[0]:
            values = [one[name] for one in each]
            where = f"co-occurrence at 2 px, {name}"
            got = features[f"{where}, mean over directions"]
            assert got == pytest.approx(np.mean(values), rel=1e-3, abs=1e-4), name
            got = features[f"{where}, range over directions"]
            assert got == pytest.approx(np.ptp(values), rel=1e-3, abs=1e-3), name


def test_wavelets_and_spectrum(images, found):
    image = images[0, ..., 0] / 127.5 - 1
    a, b, c, d = (image[y::2, x::2] for y in (0, 1) for x in (0, 1))
    energy = np.mean(((a - b - c + d) / 2) ** 2)
    got = found[0]["wavelet of scale 1, diagonal, log energy"]
    assert got == pytest.approx(np.log(energy + 1e-6), rel=1e-4)
    side = np.sin(np.pi * (np.arange(SIDE) + 0.5) / SIDE) ** 2
    power = np.abs(np.fft.fft2((image - image.mean()) * np.outer(side, side))) ** 2
    down, across = np.meshgrid(*[np.fft.fftfreq(SIDE)] * 2, indexing="ij")
    radius = np.hypot(down, across)
    edges = np.geomspace(1 / SIDE, 0.5, 9)
    ring = (edges[5] <= radius) & (radius < edges[6])
    got = found[0]["spectrum, log power of ring 6 of 8"]
    assert got == pytest.approx(np.log(power[ring].mean() / SIDE**2 + 1e-6), rel=1e-4)
    share = power[(np.abs(across) > 2 * np.abs(down))].sum() / power[radius > 0].sum()
    assert found[0]["spectrum, share across"] == pytest.approx(share, rel=1e-3)


@pytest.mark.slow
def test_a_flat_image_has_finite_features():
    encoder = make_encoder(EncoderConfig("radiomics"), 16, 3, fitted=True)
    flat = np.full((2, 16, 16, 3), 90, np.uint8)
    assert np.isfinite(jax.jit(encoder.encode)(encoder.params, flat)).all()
