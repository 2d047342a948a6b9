"""What a metric is: its words, and how it is computed from the sets that are compared.

Every metric is measured twice: of the synthetic images, and of real images in their
place. The second is its real-real baseline, which says how good a synthetic set can be
expected to be.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Generic, Literal, TypeVar

import numpy as np
from jaxtyping import Int, Shaped, UInt

from synthjax.metrics.sample import Sample
from synthjax.statistics.interval import Interval

Better = Literal["low", "high"]
Result = TypeVar("Result")
Compared = TypeVar("Compared", "Comparison", "ImageComparison")


@dataclasses.dataclass(frozen=True)
class MetricValue:
    """A metric of one comparison, with intervals."""

    synthetic: Interval
    baseline: Interval  # real images in the synthetic ones' place
    # Of what it was measured, where that is not every image of the comparison.
    counts: Mapping[str, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Undefined:
    """A metric that cannot be measured of this comparison."""

    reason: str  # for people: what it would need


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """Features of the sets that are compared, all by one encoder and scaled alike.

    The first three hold equally many images, since most metrics depend on the number.
    """

    real: Sample  # of one half of the real test patients
    synthetic: Sample
    held_out: Sample  # real, of the other half: makes the baseline
    train: Sample  # all real images that the generator was trained on
    level: float  # coverage of the intervals
    neighbours: int = 5  # that a ball reaches in precision, recall, density, coverage
    _shared: dict[Callable[..., Any], Any] = dataclasses.field(
        default_factory=dict, init=False, repr=False
    )

    def once(self, compute: Callable[["Comparison"], Result]) -> Result:
        """Return `compute(self)`, computed at the first call only.

        Metrics that are parts of one computation share it by this.
        """
        if compute not in self._shared:
            self._shared[compute] = compute(self)
        return self._shared[compute]


@dataclasses.dataclass(frozen=True)
class Images:
    """A set of images that are read when they are needed."""

    # Stored pixels of 8 or 16 bits of the images at these rows.
    read: Callable[[Int[np.ndarray, " m"]], UInt[np.ndarray, "m h w c"]]
    patient: Shaped[np.ndarray, " n"]
    group: Int[np.ndarray, " n"]  # of `assign_groups`


@dataclasses.dataclass(frozen=True, eq=False)
class ImageComparison:
    """The sets that are compared as images, without an encoder."""

    real: Sample  # pixels of small copies, -1 to 1, in place of features
    synthetic: Sample
    held_out: Sample  # real, of other patients: makes the baseline
    real_images: Images  # all real test images
    synthetic_images: Images
    level: float  # coverage of the intervals
    generator: np.random.Generator  # metrics draw from it in the order of the table
    pairs: int = 1000  # pairs of images whose similarity is measured, at most
    directions: int = 128  # of the sliced Wasserstein distance


@dataclasses.dataclass(frozen=True)
class Metric(Generic[Compared]):
    """A line of the table of metrics (metrics/registry.py)."""

    name: str  # in results.json
    title: str  # in the report
    better: Better  # past the baseline, it is no better
    meaning: str  # for people, in half a line
    compute: Callable[[Compared], MetricValue | Undefined]
    by_label: bool = False  # also of the images with each label, which are few
