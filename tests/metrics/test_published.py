"""FID and KID as published, against other libraries."""

import numpy as np
import pytest
from scipy import linalg
from sklearn.metrics.pairwise import polynomial_kernel

from synthjax.metrics.published import fid, published_kid


@pytest.fixture(scope="module")
def features():
    generator = np.random.default_rng(0)
    mix = generator.normal(size=(24, 24))
    real = np.abs(generator.normal(size=(300, 24)) @ mix)
    synthetic = np.abs(generator.normal(size=(260, 24)) @ mix + 0.3)
    return real.astype(np.float32), synthetic.astype(np.float32)


def test_fid_is_that_of_the_root_of_the_product(features):
    real, synthetic = (part.astype(np.float64) for part in features)
    first, second = (np.cov(part, rowvar=False) for part in (real, synthetic))
    root = linalg.sqrtm(first @ second).real
    expected = np.sum((real.mean(0) - synthetic.mean(0)) ** 2)
    expected += np.trace(first + second - 2 * root)
    found, warning = fid(*features)
    assert found == pytest.approx(expected, rel=1e-6)
    assert not warning


def test_fid_says_when_there_are_fewer_images_than_features(features):
    real, synthetic = features
    _, warning = fid(real[:20], synthetic)
    assert "20 images in 24 dimensions" in warning


def test_kid_is_the_mean_over_subsets(features):
    real, synthetic = features
    draw = np.random.RandomState(2020)
    values = []
    for _ in range(5):
        x = synthetic[draw.choice(260, 50, replace=False)].astype(np.float64)
        y = real[draw.choice(300, 50, replace=False)].astype(np.float64)
        tables = [polynomial_kernel(*pair, 3) for pair in ((x, x), (y, y), (x, y))]
        off = [(table.sum() - np.trace(table)) / (50 * 49) for table in tables[:2]]
        values.append(sum(off) - 2 * tables[2].mean())
    found = published_kid(real, synthetic, subsets=5, subset_size=50)
    assert found.mean == pytest.approx(np.mean(values), rel=1e-4)
    assert found.deviation == pytest.approx(np.std(values), rel=1e-4)
    assert found.subset_size == 50
    assert published_kid(real, synthetic, subsets=1).subset_size == 260
