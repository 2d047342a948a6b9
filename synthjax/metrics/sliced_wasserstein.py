"""The sliced Wasserstein distance of two sets of images."""

import numpy as np
from jaxtyping import Float, Int

from synthjax.metrics.metric import ImageComparison, Metric, MetricValue
from synthjax.metrics.sample import Sample
from synthjax.statistics.interval import Interval
from synthjax.statistics.jackknife import GROUPS, jackknife_interval


def draw_directions(
    size: int, count: int, generator: np.random.Generator
) -> Float[np.ndarray, "d p"]:
    """Draw `count` random unit vectors of `size` numbers each."""
    drawn = generator.normal(size=(size, count))
    return drawn / np.linalg.norm(drawn, axis=0)


def sliced_wasserstein(
    a: Float[np.ndarray, "n d"],
    b: Float[np.ndarray, "m d"],
    group_a: Int[np.ndarray, " n"],
    group_b: Int[np.ndarray, " m"],
    axes: Float[np.ndarray, "d p"],
    level: float,
) -> Interval:
    """Average the Wasserstein-1 distance of the projections over directions.

    Rabin et al. 2012; Bonneel et al. 2015. Of equally many numbers it is the mean
    absolute difference of the sorted ones; of unequally many, the larger set gives as
    many of its quantiles. Two samples of one distribution are not at 0: compare with
    the real-real baseline. Interval: delete-a-group jackknife.

    Args:
        a: one set, as vectors.
        b: the other.
        group_a: of `assign_groups`; group_b likewise.
        axes: of `draw_directions`.
        level: coverage of the interval.
    """
    projected = [part.astype(np.float64) @ axes for part in (a, b)]
    order = [np.argsort(part, axis=0) for part in projected]
    value = [
        np.take_along_axis(*both, axis=0).T
        for both in zip(projected, order, strict=True)
    ]
    group = [group_a[order[0]].T, group_b[order[1]].T]
    whole = _distance(value[0], value[1])
    left_out = []
    for g in range(GROUPS):
        kept = [
            v[where != g].reshape(len(v), -1)
            for v, where in zip(value, group, strict=True)
        ]
        left_out.append(_distance(*kept) if all(k.size for k in kept) else np.nan)
    return jackknife_interval(whole, np.array(left_out), level, bounds=(0.0, np.inf))


def _distance(a: Float[np.ndarray, "p n"], b: Float[np.ndarray, "p m"]) -> float:
    """Average the distances of rows of sorted numbers."""
    count = min(a.shape[1], b.shape[1])
    middle = (np.arange(count) + 0.5) / count
    a, b = (part[:, (middle * part.shape[1]).astype(int)] for part in (a, b))
    return float(np.mean(np.abs(a - b)))


def _value(sets: ImageComparison) -> MetricValue:
    """Measure the synthetic and the held-out images along the same directions."""
    real = sets.real
    axes = draw_directions(real.features.shape[1], sets.directions, sets.generator)

    def distance(other: Sample) -> Interval:
        return sliced_wasserstein(
            real.features, other.features, real.group, other.group, axes, sets.level
        )

    counts = {"n_real": len(real.group), "n_synthetic": len(sets.synthetic.group)}
    return MetricValue(distance(sets.synthetic), distance(sets.held_out), counts)


SLICED_WASSERSTEIN = Metric[ImageComparison](
    name="sliced_wasserstein",
    title="Sliced Wasserstein distance",
    better="low",
    meaning="distance of both sets of pixels along random directions",
    compute=_value,
)
