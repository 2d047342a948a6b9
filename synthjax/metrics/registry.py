"""The table of metrics, in the order of results.json.

To add one: write its module, which ends with its `Metric`; add its line here; test it.
"""

from synthjax.metrics import (
    diversity,
    frechet_extrapolated,
    kid,
    prdc,
    sliced_wasserstein,
)
from synthjax.metrics.metric import Comparison, ImageComparison, Metric

METRICS: dict[str, Metric[Comparison]] = {
    metric.name: metric
    for metric in (
        frechet_extrapolated.FRECHET,
        frechet_extrapolated.FRECHET_INFINITY,
        kid.KID,
        diversity.VENDI,
        prdc.PRECISION,
        prdc.RECALL,
        prdc.DENSITY,
        prdc.COVERAGE,
        prdc.ALPHA_PRECISION,
        prdc.CORE_RECALL,
        prdc.AUTHENTICITY,
    )
}
"""Metrics of features, measured for every encoder."""

IMAGE_METRICS: dict[str, Metric[ImageComparison]] = {
    metric.name: metric
    for metric in (sliced_wasserstein.SLICED_WASSERSTEIN, diversity.MS_SSIM)
}
"""Metrics of the images themselves, measured once."""
