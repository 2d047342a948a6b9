"""The kernel distance against whole tables of kernels."""

import numpy as np
import pytest

from synthjax.metrics.kid import kid
from synthjax.metrics.sample import Sample
from synthjax.statistics.jackknife import GROUPS, assign_groups, jackknife_interval


def sample(features, random, per_patient=1):
    patient = np.arange(len(features)) // per_patient
    return Sample(features.astype(np.float32), patient, assign_groups(patient, random))


def plain_kid(a, b, mine=None, theirs=None):
    d = a.shape[1]
    kernel = [(x @ y.T / d + 1) ** 3 for x, y in ((a, a), (b, b), (a, b))]
    pairs = []
    for table, patient in zip(kernel, (mine, theirs, None), strict=False):
        keep = np.ones(table.shape, bool)
        if patient is not None:
            keep = patient[:, None] != patient
        pairs.append(table[keep].mean())
    return pairs[0] + pairs[1] - 2 * pairs[2]


@pytest.mark.slow
@pytest.mark.parametrize("chunk", [64, 2048])
def test_kernel_distance_equals_all_pairs_whatever_the_chunk(chunk):
    random = np.random.default_rng(4)
    a = sample(random.normal(size=(150, 70)), random, per_patient=3)
    b = sample(0.2 + 1.3 * random.normal(size=(110, 70)), random)
    found = kid(a, [b], level=0.95, chunk=chunk)[0]
    exact = [part.features.astype(np.float64) for part in (a, b)]
    assert found.value == pytest.approx(plain_kid(*exact, a.patient, b.patient), 1e-5)
    keep = [part.group != 4 for part in (a, b)]
    left = plain_kid(
        *(f[k] for f, k in zip(exact, keep, strict=True)),
        *(p.patient[k] for p, k in zip((a, b), keep, strict=True)),
    )
    others = [
        plain_kid(
            *(f[p.group != g] for f, p in zip(exact, (a, b), strict=True)),
            *(p.patient[p.group != g] for p in (a, b)),
        )
        for g in range(GROUPS)
    ]
    assert left == others[4]
    interval = jackknife_interval(found.value, np.array(others), 0.95)
    assert found.low == pytest.approx(interval.low, rel=1e-4)


@pytest.mark.slow
def test_kernel_distance_is_unbiased_and_not_clipped():
    """Equal distributions: below 0 about half of the time, 0 on average."""
    values, inside = [], 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        a, b = (sample(random.normal(size=(60, 16)), random) for _ in range(2))
        found = kid(a, [b], level=0.95)[0]
        values.append(found.value)
        inside += found.low <= 0 <= found.high
    error = np.std(values) / 40**0.5
    assert abs(np.mean(values)) < 3 * error
    assert 10 < np.sum(np.array(values) < 0) < 30
    assert inside >= 35
