"""What results.json says of a metric of the table in metrics/registry.py."""

from collections.abc import Mapping
from typing import Any, TypeVar

from synthjax.evaluate.results.fidelity import MetricResult
from synthjax.metrics.metric import Comparison, ImageComparison, Metric, Undefined

Compared = TypeVar("Compared", Comparison, ImageComparison)


def measure_metrics(
    metrics: Mapping[str, Metric[Compared]], compared: Compared
) -> tuple[MetricResult, ...]:
    """Measure all metrics of a table, in its order."""
    return tuple(_measure(metric, compared) for metric in metrics.values())


def _measure(metric: Metric[Compared], compared: Compared) -> MetricResult:
    value = metric.compute(compared)
    if isinstance(value, Undefined):
        return MetricResult(name=metric.name, reason=value.reason)
    counts: dict[str, Any] = dict(value.counts)
    return MetricResult(
        name=metric.name,
        synthetic=value.synthetic,
        floor=value.baseline,
        better=metric.better,
        **counts,
    )
