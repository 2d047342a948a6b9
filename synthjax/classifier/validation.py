"""How good a classifier is on its validation split, by which the best is chosen."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from synthjax.classifier.networks.api import Variables
from synthjax.statistics.roc import auroc


@dataclass(frozen=True)
class Best:
    """The variables with the best validation AUROC so far, on the host."""

    variables: Variables
    step: int | None = None  # updates after which they were taken
    auroc: float | None = None  # their mean validation AUROC; None: undefined

    def is_below(self, auroc: float) -> bool:
        """Returns whether variables of this AUROC (NaN: undefined) take the place."""
        return self.auroc is None or auroc > self.auroc

    def replaced(self, variables: Variables, step: int, auroc: float) -> "Best":
        """Returns the new best."""
        return Best(variables, step, None if math.isnan(auroc) else auroc)

    def message(self) -> str:
        """Says how good they are."""
        if self.auroc is None:
            return (
                "validation AUROC undefined (no label has both classes), last update "
                "used"
            )
        return f"best validation AUROC {self.auroc:.3f} after {self.step} updates"


def mean_auroc(
    label: Float[np.ndarray, "n y"], logit: Float[np.ndarray, "n y"]
) -> float:
    """Returns the mean AUROC over labels that have both classes; NaN if none has."""
    areas = [auroc(*columns) for columns in zip(label.T, logit.T, strict=True)]
    defined = [area for area in areas if not math.isnan(area)]
    return float(np.mean(defined)) if defined else math.nan


def mean_cross_entropy(
    label: Float[np.ndarray, "n y"], logit: Float[np.ndarray, "n y"]
) -> float:
    """Returns the mean binary cross-entropy of the known labels; NaN if none is."""
    known = ~np.isnan(label)
    sign = np.where(label == 1, -1.0, 1.0)
    cross_entropy = np.logaddexp(0.0, sign * logit)[known]
    return float(cross_entropy.mean()) if known.any() else math.nan
