"""The number by which a checkpoint is chosen: mean AUROC of a validation split."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from synthjax.core.errors import StudyError
from synthjax.data.store.loader import Table


def mean_auroc(
    label: Float[np.ndarray, "n y"], logit: Float[np.ndarray, "n y"]
) -> float | None:
    """Mean AUROC over the labels that have both classes; None if there is none."""
    areas = []
    for truth, score in zip(label.T, logit.T, strict=True):
        positive, negative = score[truth == 1], np.sort(score[truth == 0])
        if len(positive) and len(negative):
            below = np.searchsorted(negative, positive, side="left")
            not_above = np.searchsorted(negative, positive, side="right")
            areas.append(np.mean(below + not_above) / (2 * len(negative)))
    return float(np.mean(areas)) if areas else None


def check_valid(tables: Mapping[str, Table]) -> None:
    """Raises StudyError for a set whose validation split has no label with both classes.

    Args:
      tables: the validation splits, by name of their set.
    """
    for name, table in tables.items():
        if mean_auroc(table.label, np.zeros_like(table.label)) is None:
            raise StudyError(
                f"config.classifier.schedule=plateau: no label of the {name} set has "
                "both classes in the validation split, so nothing says when to stop; "
                "use schedule=cosine or a larger validation split"
            )
