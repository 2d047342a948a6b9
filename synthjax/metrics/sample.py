"""Features of a set of images, with what says which of them belong together."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Shaped


@dataclass(frozen=True)
class Sample:
    """Features of one set of images, and which of them belong together."""

    features: Float[np.ndarray, "n d"]
    patient: Shaped[np.ndarray, " n"] | None  # None where each image is its own
    group: Int[np.ndarray, " n"]  # of `assign_groups`

    def take(self, rows: Int[np.ndarray, " m"]) -> "Sample":
        """Return the sample of some of the images."""
        patient = None if self.patient is None else self.patient[rows]
        return Sample(self.features[rows], patient, self.group[rows])
