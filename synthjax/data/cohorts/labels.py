"""What the labels must be like for a cohort to be drawn by them."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float32

from synthjax.core.errors import ConfigError, StudyError


def check_known(label: Float32[np.ndarray, "n y"]) -> None:
    """Raise ConfigError if a label is unknown (NaN)."""
    unknown = int(np.isnan(label).any(axis=1).sum())
    if unknown:
        raise ConfigError(
            f"{unknown} of {len(label)} images have an unknown label, but cohorts are "
            "drawn by combinations of known ones: let the source decide them, such as "
            "config.data.chexpert.uncertainty=ones, or set config.data.cohort=''"
        )


def without_finding(
    labels: Sequence[str], label: Float32[np.ndarray, "n y"]
) -> Bool[np.ndarray, " n"]:
    """Tell which images have the label "no finding".

    Raises:
        ConfigError: no label has this name.
        StudyError: it contradicts the other labels of an image.
    """
    names = [name.lower().replace("_", " ") for name in labels]
    if "no finding" not in names:
        raise ConfigError(
            "modality='brain': its cohorts need the label 'no finding', of images "
            f"without any of the others; the labels are {', '.join(labels)}"
        )
    column = names.index("no finding")
    none = label[:, column] == 1
    wrong = none == np.any(np.delete(label, column, axis=1) == 1, axis=1)
    if wrong.any():
        raise StudyError(
            f"'no finding' contradicts the other labels of {wrong.sum()} images, "
            f"first of image {np.argmax(wrong)} (from 0): it must be 1 where all "
            "others are 0, and 0 elsewhere. Correct the labels."
        )
    return none
