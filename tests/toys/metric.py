"""A metric as somebody outside would add one: how far the means are apart."""

import numpy as np

from synthjax.metrics.metric import Comparison, Metric, MetricValue
from synthjax.metrics.sample import Sample
from synthjax.statistics.interval import Interval
from synthjax.statistics.jackknife import GROUPS, jackknife_interval


def distance(a: Sample, b: Sample, level: float) -> Interval:
    """Return the distance of the means, with its delete-a-group jackknife."""

    def without(group: int) -> float:
        kept = [part.features[part.group != group] for part in (a, b)]
        return float(np.linalg.norm(kept[0].mean(axis=0) - kept[1].mean(axis=0)))

    left_out = np.array([without(group) for group in range(GROUPS)])
    return jackknife_interval(without(-1), left_out, level)


def compute(sets: Comparison) -> MetricValue:
    return MetricValue(
        distance(sets.real, sets.synthetic, sets.level),
        distance(sets.real, sets.held_out, sets.level),
    )


METRIC = Metric[Comparison](
    "toy", "Toy distance", "low", "how far the means are", compute
)
