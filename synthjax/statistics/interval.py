"""An estimate with its interval."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """A point estimate and its interval."""

    value: float  # estimate on the sample itself
    low: float  # lower end of the interval, NaN if there is none
    high: float  # upper end of the interval, NaN if there is none

    def numbers(self) -> dict[str, float | None]:
        """Return {"value", "low", "high"} as JSON has them: None (null) for NaN."""
        return {name: number(end) for name, end in vars(self).items()}


def number(value: float) -> float | None:
    """Return the number as JSON has it: None (null) where it is not finite."""
    return float(value) if math.isfinite(value) else None
