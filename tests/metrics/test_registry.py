"""The table of metrics: each is measured, and one from outside fits in."""

import numpy as np
import pytest

from synthjax.metrics.diversity import SMALLEST
from synthjax.metrics.frechet_extrapolated import frechet_intervals, frechet_sample
from synthjax.metrics.kid import kid
from synthjax.metrics.metric import (
    Comparison,
    ImageComparison,
    Images,
    MetricValue,
    Undefined,
)
from synthjax.metrics.prdc import authenticity, prdc
from synthjax.metrics.registry import IMAGE_METRICS, METRICS
from synthjax.metrics.sample import Sample
from synthjax.statistics.jackknife import assign_groups
from tests.toys.metric import METRIC as TOY

N = 60


def sample(random, shift=0.0, per_patient=2, size=6) -> Sample:
    features = (shift + random.normal(size=(N, size))).astype(np.float32)
    patient = np.arange(N) // per_patient
    group = assign_groups(patient, random)
    return Sample(features, patient if per_patient > 1 else None, group)


@pytest.fixture(scope="module")
def sets() -> Comparison:
    random = np.random.default_rng(0)
    real, held_out, train = (sample(random) for _ in range(3))
    return Comparison(
        real=real,
        synthetic=sample(random, shift=0.5, per_patient=1),
        held_out=held_out,
        train=train,
        level=0.9,
        neighbours=3,
    )


def image_sets(side: int, seed: int = 0) -> ImageComparison:
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (2, N, side, side, 1)).astype(np.uint8)
    real, synthetic, held_out = (sample(random) for _ in range(3))
    images = [
        Images(lambda rows, part=part: part[rows], np.arange(N), one.group)
        for part, one in zip(pixels, (real, synthetic), strict=True)
    ]
    return ImageComparison(
        real=real,
        synthetic=synthetic,
        held_out=held_out,
        real_images=images[0],
        synthetic_images=images[1],
        level=0.9,
        generator=np.random.default_rng(seed),
        pairs=10,
        directions=8,
    )


@pytest.mark.slow
def test_every_metric_says_what_it_is_and_is_measured(sets) -> None:
    for name, metric in METRICS.items():
        assert (metric.name, bool(metric.title), bool(metric.meaning)) == (
            name,
            True,
            True,
        )
        value = metric.compute(sets)
        assert isinstance(value, MetricValue)
        for interval in (value.synthetic, value.baseline):
            assert interval.low <= interval.value <= interval.high, name


def test_the_values_are_those_of_the_functions(sets) -> None:
    others = (sets.synthetic, sets.held_out)

    def values(name: str) -> list:
        value = METRICS[name].compute(sets)
        return [value.synthetic, value.baseline]

    assert values("kid") == kid(sets.real, others, level=0.9)
    moments = [frechet_sample(p.features, p.group) for p in (sets.real, *others)]
    plain, limit = zip(
        *(frechet_intervals(moments[0], other, 0.9) for other in moments[1:]),
        strict=True,
    )
    assert values("frechet") == list(plain)
    assert values("frechet_infinity") == list(limit)
    for name, interval in prdc(sets.real, others, k=3, level=0.9)[0].items():
        assert values(name)[0] == interval
    # Authenticity's baseline is of the real images that synthetic ones are compared to.
    own = authenticity(sets.train, (sets.synthetic, sets.real), level=0.9)
    assert values("authenticity") == own


def test_shared_work_is_done_once(sets) -> None:
    calls = []

    def work(given: Comparison) -> int:
        calls.append(given)
        return len(calls)

    assert [sets.once(work), sets.once(work)] == [1, 1]
    assert calls == [sets]


def test_metrics_of_images_are_measured_or_say_why_not() -> None:
    found = {name: m.compute(image_sets(SMALLEST)) for name, m in IMAGE_METRICS.items()}
    assert list(found) == ["sliced_wasserstein", "ms_ssim"]
    assert found["sliced_wasserstein"].counts == {"n_real": N, "n_synthetic": N}
    pairs = found["ms_ssim"].counts
    assert pairs == {"pairs_synthetic": 10, "pairs_real": 10}
    for value in found.values():
        assert value.synthetic.low <= value.synthetic.value <= value.synthetic.high
    small = IMAGE_METRICS["ms_ssim"].compute(image_sets(SMALLEST - 1))
    assert small == Undefined("images of 31 px; at least 32 are needed")


def test_a_metric_from_outside_fits_in(sets, monkeypatch) -> None:
    monkeypatch.setitem(METRICS, "toy", TOY)
    value = METRICS["toy"].compute(sets)
    assert value.baseline.value < value.synthetic.value
    assert value.synthetic.low > 0
    assert list(METRICS)[-1] == "toy"
