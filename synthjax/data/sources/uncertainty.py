"""Labels that were read off reports: positive, negative, uncertain, not mentioned.

CheXpert and MIMIC-CXR-JPG write them as 1, 0, -1 and blank. What an uncertain label
counts as is a policy of Irvin et al. 2019 (CheXpert), section 3.1: U-Ones, U-Zeros,
U-Ignore, or one of these for each label.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32

from synthjax.core.config import Config, field
from synthjax.core.errors import ConfigError
from synthjax.core.findings import CHEST

UNCERTAIN = -1.0
_STATED = {"1": 1.0, "0": 0.0, "-1": UNCERTAIN, "": math.nan}
_STATED |= {"1.0": 1.0, "0.0": 0.0, "-1.0": UNCERTAIN}


@dataclasses.dataclass(frozen=True)
class ReportLabelsConfig(Config):
    """What CheXpert's 14 labels count as; the defaults are those of the paper."""

    uncertainty: str = field(
        "ones",
        "what an uncertain label (-1) counts as; ignore: unknown, per-label: as the "
        "two keys below say",
        one_of=("ones", "zeros", "ignore", "per-label"),
    )
    uncertain_ones: tuple[str, ...] = field(
        (), "with per-label: labels that are 1 where they are uncertain"
    )
    uncertain_zeros: tuple[str, ...] = field(
        (), "with per-label: labels that are 0 where uncertain; the rest is unknown"
    )
    blanks: str = field(
        "zeros",
        "what a label that a report does not mention counts as",
        one_of=("zeros", "unknown"),
    )
    drop_empty: bool = field(
        True, "leave out images whose labels are all 0, or all unknown"
    )

    def check(self) -> None:
        """Raises ConfigError if the lists of labels do not fit the policy."""
        named = (*self.uncertain_ones, *self.uncertain_zeros)
        if self.uncertainty == "per-label" and not named:
            raise ConfigError(
                "uncertainty=per-label needs labels in uncertain_ones or "
                "uncertain_zeros"
            )
        if self.uncertainty != "per-label" and named:
            raise ConfigError(
                "uncertain_ones and uncertain_zeros are for uncertainty=per-label, not "
                f"for {self.uncertainty}"
            )
        for name in named:
            if name not in CHEST:
                raise ConfigError(
                    f"{name!r} in uncertain_ones or uncertain_zeros is not a label; "
                    f"the labels are {', '.join(CHEST)}"
                )
            if named.count(name) > 1:
                raise ConfigError(
                    f"{name!r} comes twice in uncertain_ones and uncertain_zeros"
                )

    def counts_as(self, label: str) -> float:
        """Returns what an uncertain `label` becomes: 1, 0 or NaN (unknown)."""
        if self.uncertainty == "ones" or label in self.uncertain_ones:
            return 1.0
        if self.uncertainty == "zeros" or label in self.uncertain_zeros:
            return 0.0
        return math.nan


def parse_stated(texts: Sequence[str]) -> tuple[float, ...] | str:
    """Returns the cells of 14 labels as 1, 0, -1 (uncertain) or NaN (not mentioned).

    If one is none of these: what is wrong, a clause.
    """
    values = tuple(map(_STATED.get, texts))
    if None in values:
        place = values.index(None)
        return (
            f"the label {CHEST[place]!r} is {texts[place]!r}; it must be 1, 0, -1 or "
            "blank"
        )
    return values  # type: ignore[return-value]


def resolve(
    config: ReportLabelsConfig, stated: Float32[np.ndarray, "n y"]
) -> tuple[Float32[np.ndarray, "n y"], Bool[np.ndarray, " n"], dict[str, Any]]:
    """Applies the policy to the labels, and says what it did.

    Args:
        stated: 1, 0, -1 or NaN, in the order of CheXpert's labels.

    Returns:
        Labels of 0, 1 and NaN; False where `drop_empty` leaves an image out; counts,
        JSON-ready.
    """
    uncertain, blank = stated == UNCERTAIN, np.isnan(stated)
    values = np.array([config.counts_as(name) for name in CHEST], np.float32)
    label = np.where(uncertain, values, stated)
    if config.blanks == "zeros":
        label = np.where(blank, np.float32(0), label)
    unknown = np.isnan(label).all(axis=1)
    zeros = (label == 0).all(axis=1)
    facts: dict[str, Any] = {
        "uncertainty": config.uncertainty,
        "uncertain labels counted as 1": int(uncertain[:, values == 1].sum()),
        "uncertain labels counted as 0": int(uncertain[:, values == 0].sum()),
        "uncertain labels unknown": int(uncertain[:, np.isnan(values)].sum()),
        "blanks": config.blanks,
        "blank labels": int(blank.sum()),
    }
    if not config.drop_empty:
        return label, np.ones(len(label), bool), facts
    facts["left out: all labels 0"] = int(zeros.sum())
    facts["left out: all labels unknown"] = int(unknown.sum())
    return label, ~(zeros | unknown), facts
