"""Balls around images against plain tables of distances; the traps they fall into."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from synthjax.metrics.ball_counts import ball_counts
from synthjax.metrics.prdc import (
    ALPHAS,
    authenticity,
    nearest_without,
    prdc,
)
from synthjax.metrics.sample import Sample
from synthjax.statistics.jackknife import GROUPS, assign_groups

K = 3


def make(features, random, patient=None):
    each = np.arange(len(features)) if patient is None else patient
    return Sample(features.astype(np.float32), patient, assign_groups(each, random))


@pytest.fixture(scope="module")
def pair():
    """Real patients with two images each, and synthetic images, some of them copies."""
    random = np.random.default_rng(0)
    real = np.repeat(random.normal(size=(60, 6)), 2, axis=0)
    real += 0.2 * random.normal(size=real.shape)
    synthetic = 0.2 + random.normal(size=(100, 6))
    synthetic[:5] = real[:5]
    patient = np.repeat(np.arange(60), 2)
    return make(real, random, patient), make(synthetic, random)


def plain(real, synthetic, k):
    """By whole tables in float64, no group left out."""
    a, b = (part.features.astype(np.float64) for part in (real, synthetic))
    same = np.arange(len(a)) if real.patient is None else real.patient
    aa = np.where(same[:, None] == same, np.inf, cdist(a, a))
    bb = np.where(np.eye(len(b), dtype=bool), np.inf, cdist(b, b))
    ab = cdist(a, b)
    ball_a = np.sort(aa, axis=1)[:, k - 1]
    ball_b = np.sort(bb, axis=1)[:, k - 1]
    inside = ab <= ball_a[:, None]
    closeness = []
    centre_a, centre_b = a.mean(0), b.mean(0)
    to_a = [np.linalg.norm(part - centre_a, axis=1) for part in (a, b)]
    to_b = np.linalg.norm(b - centre_b, axis=1)
    hit, near = inside.any(axis=1), ab.argmin(axis=1)
    for inner, outer, and_also in ((*to_a, True), (to_b, to_b[near], hit)):
        curve = [
            np.mean((outer <= np.quantile(inner, alpha)) & and_also) for alpha in ALPHAS
        ]
        closeness.append(1 - np.abs(ALPHAS - curve).sum() / ALPHAS.sum())
    return {
        "precision": inside.any(axis=0).mean(),
        "recall": (ab <= ball_b).any(axis=1).mean(),
        "density": inside.sum() / (k * len(b)),
        "coverage": hit.mean(),
        "alpha_precision": closeness[0],
        "core_recall": closeness[1],
    }


@pytest.mark.slow
def test_all_equal_plain_tables(pair):
    found = prdc(pair[0], pair[1:], k=K, level=0.95)[0]
    expected = plain(*pair, K)
    assert list(found) == list(expected)
    for name, interval in found.items():
        assert interval.value == pytest.approx(expected[name], abs=1e-9), name
        assert interval.low <= interval.value <= interval.high
        assert interval.high > interval.low


def test_what_is_left_out_is_as_if_it_had_not_been(pair):
    """Column 1 + g of neighbours and of counts, against the sets without group g."""
    real, synthetic = pair
    reach, place = nearest_without(real, real, K)
    gap, closest = nearest_without(real, synthetic, 1)
    radius = np.where(real.group[:, None] == np.arange(GROUPS), -1, reach[:, 1:])
    radius = np.concatenate([reach[:, :1], radius], axis=1)
    count = ball_counts(synthetic.features, real.features, radius, chunk=32)
    whole = ball_counts(synthetic.features, real.features, radius)
    np.testing.assert_array_equal(count[:, 0], whole[:, 0])
    for g in range(GROUPS):
        keep, kept = real.group != g, synthetic.group != g
        table = cdist(real.features[keep], real.features[keep])
        same = real.patient[keep][:, None] == real.patient[keep]
        ball = np.sort(np.where(same, np.inf, table), axis=1)[:, K - 1]
        np.testing.assert_allclose(reach[keep, g + 1], ball, rtol=1e-6)
        across = cdist(real.features[keep], synthetic.features[kept])
        np.testing.assert_allclose(gap[keep, g + 1], across.min(axis=1), rtol=1e-6)
        assert (synthetic.group[closest[keep, g + 1]] != g).all()
        inside = (across <= ball[:, None]).sum(axis=0)
        # The first five are copies of real images, on the rims of their neighbours.
        differ = np.flatnonzero(count[kept, g + 1] != inside)
        assert set(np.flatnonzero(kept)[differ]) <= set(range(5))
    assert (real.patient[place[:, 0]] != real.patient).all()


def honest(random, size, images=1, copies=0.0):
    """Training images, and generated ones, some of them other views of patients."""
    people = random.normal(size=(2, 600 // images, size))
    noise = 0.3 * random.normal(size=(2, 600, size))
    train, new = np.repeat(people, images, axis=1) + noise
    again = random.random(600) < copies
    view = np.repeat(people[0], images, axis=0) + 0.3 * random.normal(size=(600, size))
    return train, np.where(again[:, None], view, new)


@pytest.mark.slow
def test_authenticity_is_not_1_for_an_honest_sampler():
    random = np.random.default_rng(2)
    train, new = honest(random, 16)
    one, other = make(train, random), make(new, random)
    found = authenticity(one, [other], level=0.95)[0]
    spacing = np.sort(cdist(one.features, one.features), axis=1)[:, 1]
    table = cdist(other.features, one.features)
    expected = np.mean(table.min(axis=1) > spacing[table.argmin(axis=1)])
    assert found.value == pytest.approx(expected, abs=1e-12)
    assert 0.5 < found.low < found.value < found.high < 0.8


@pytest.mark.slow
def test_authenticity_is_blind_to_copies_unless_patients_are_left_out():
    """Three images per patient, and a tenth of the output further views of them."""
    random = np.random.default_rng(3)
    patient = np.repeat(np.arange(200), 3)
    values = {}
    for copies in (0.0, 0.1):
        train, new = honest(random, 64, images=3, copies=copies)
        for name, who in (("blind", None), ("seeing", patient)):
            sample = make(train, np.random.default_rng(0), who)
            out = [make(new, random)]
            values[name, copies] = authenticity(sample, out, level=0.95)[0]
    assert values["blind", 0.0].value > 0.99
    assert values["blind", 0.1].value > 0.93
    assert 0.65 < values["seeing", 0.0].value < 0.95
    assert values["seeing", 0.0].value - values["seeing", 0.1].value > 0.05


@pytest.mark.slow
def test_density_and_coverage_lack_what_a_patients_own_images_take():
    random = np.random.default_rng(4)
    train, new = honest(random, 64, images=3)
    patient = np.repeat(np.arange(200), 3)
    groups = np.random.default_rng(0)
    blind, seeing = (
        prdc(make(train, groups, who), [make(new, random)], k=5, level=0.95)[0]
        for who in (None, patient)
    )
    assert blind["density"].value < 0.85 < seeing["density"].value
    assert blind["coverage"].value < seeing["coverage"].value - 0.03
    # Equal distributions do not reach 1 in precision and recall.
    assert 0.3 < seeing["precision"].value < 0.95
