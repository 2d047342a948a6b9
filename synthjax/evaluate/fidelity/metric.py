"""A number of results.json with its floor."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from synthjax.statistics.interval import Interval


def metric(name: str, values: Sequence[Interval], better: str) -> dict[str, Any]:
    """What results.json says of a metric.

    Args:
        name: of the metric.
        values: of the synthetic images, and its floor: of real images of other patients
            in their place.
        better: "low" or "high"; past the floor it is no better.
    """
    synthetic, floor = values
    return {
        "name": name,
        "synthetic": _numbers(synthetic),
        "floor": _numbers(floor),
        "better": better,
    }


def _numbers(interval: Interval) -> dict[str, float | None]:
    return {
        key: float(value) if np.isfinite(value) else None
        for key, value in vars(interval).items()
    }
