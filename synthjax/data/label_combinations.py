"""The combinations of labels that occur in a set; an unknown label is a value too."""

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

_UNKNOWN = -1.0  # stands for NaN where labels are compared


def label_combinations(
    label: Float[np.ndarray, "n y"],
) -> tuple[Float32[np.ndarray, "m y"], Int[np.ndarray, " m"]]:
    """Return the distinct rows of a label table, sorted, and how often each occurs.

    Unknown labels (NaN) are equal to each other, and sorted before 0.
    """
    coded = np.nan_to_num(label, nan=_UNKNOWN).astype(np.float32)
    distinct, counts = np.unique(coded, axis=0, return_counts=True)
    return np.where(distinct == _UNKNOWN, np.float32(np.nan), distinct), counts


def has_combination(
    label: Float[np.ndarray, "n y"], combination: Float[np.ndarray, " y"]
) -> Bool[np.ndarray, " n"]:
    """Return for each row of a label table whether it is this combination."""
    known = np.nan_to_num(label, nan=_UNKNOWN)
    return np.all(known == np.nan_to_num(combination, nan=_UNKNOWN), axis=1)
