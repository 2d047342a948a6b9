"""Features of a set of images, with what says which of them belong together."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class Sample:
    """Features of one set."""

    features: Float[np.ndarray, "n d"]
    patient: np.ndarray | None  # [n] of each image; None where each is its own
    group: Int[np.ndarray, " n"]  # of jackknife.assign_groups

    def take(self, rows: Int[np.ndarray, " m"]) -> "Sample":
        """Some of the images."""
        patient = None if self.patient is None else self.patient[rows]
        return Sample(self.features[rows], patient, self.group[rows])
