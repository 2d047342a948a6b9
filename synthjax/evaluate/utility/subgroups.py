"""The gap among the patients of one sex, of an age, and in one view."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Array, Bool, Shaped

from synthjax.core.errors import StudyError
from synthjax.data.listing import Metadata
from synthjax.evaluate.config import EvaluateConfig
from synthjax.evaluate.predictions import ARMS, Logits
from synthjax.statistics.bootstrap import mean_over_labels, resample
from synthjax.statistics.roc import undefined_reason
from synthjax.statistics.seed_patient_variance import estimate

FEWEST = 20  # patients of a group that is measured


def same_images(rows: Metadata, ids: np.ndarray) -> Metadata:
    """The rows of these images, in their order.

    Raises:
        StudyError: an image is not among the rows.
    """
    place = {name: number for number, name in enumerate(rows.id.tolist())}
    missing = [name for name in ids.tolist() if name not in place]
    if missing:
        raise StudyError(
            f"the predictions are of {len(missing)} images that the test split does not "
            f"have, such as {missing[0]!r}: they were made from other data; run the "
            "classifier stage again"
        )
    return rows.take([place[name] for name in ids.tolist()])


def subgroups(
    config: EvaluateConfig,
    test: Logits,
    rows: Metadata,
    multiplicity: Shaped[np.ndarray, "n draws"] | Shaped[Array, "n draws"],
) -> list[dict[str, Any]]:
    """Mean AUROCs and gap of each group of test images, by the draws of the whole.

    Args:
        config: the section config.evaluate.
        test: logits on the test images.
        rows: sex, age and view of the same images in the same order.
        multiplicity: draws of patients.

    Returns:
        An entry for each group of an attribute that has two or more; one with too few
        patients or no defined label has a reason in place of numbers.
    """
    found = []
    for by, group, member in _groups(config, rows):
        patients = len(np.unique(test.patient_id[member]))
        entry: dict[str, Any] = {
            "by": by,
            "group": group,
            "n": int(member.sum()),
            "patients": patients,
            "real": None,
            "synthetic": None,
            "gap": None,
        }
        label = np.where(member[:, None], test.label, np.nan)
        defined = sum(undefined_reason(column) is None for column in label.T)
        if patients < FEWEST:
            found.append(entry | {"reason": f"fewer than {FEWEST} patients"})
            continue
        if not defined:
            found.append(entry | {"reason": "no finding has both classes"})
            continue
        real, synthetic = (
            mean_over_labels(resample(label, test.logit[arm], multiplicity).auroc)
            for arm in ARMS
        )
        gap = estimate(real, synthetic, n_effective=patients)
        found.append(
            entry
            | {
                "findings": defined,
                "gap": gap.clipped_interval(config.level).numbers(),
                **{
                    arm: estimate(areas, n_effective=patients)
                    .logit_interval(config.level)
                    .numbers()
                    for arm, areas in zip(ARMS, (real, synthetic), strict=True)
                },
            }
        )
    return found


def _groups(
    config: EvaluateConfig, rows: Metadata
) -> Iterator[tuple[str, str, Bool[np.ndarray, " n"]]]:
    """(attribute, group, member); images with an unknown attribute are in no group."""
    for by, values, order in (
        ("sex", rows.sex, None),
        ("age", *_bands(config.age_bands, rows.age)),
        ("view", rows.view, None),
    ):
        present = set(values.tolist()) - {""}
        if len(present) > 1:
            for group in sorted(present, key=order.index if order else None):
                yield by, group, values == group


def _bands(starts: tuple[float, ...], age: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """The band of each age, "" where unknown, and the names of all bands in order."""
    if not starts:
        return np.full(len(age), ""), []
    first, last = f"under {starts[0]:g}", f"{starts[-1]:g} and over"
    between = [f"{low:g} to under {high:g}" for low, high in itertools.pairwise(starts)]
    names = [first, *between, last]
    band = np.array(names)[
        np.searchsorted(starts, age, side="right").clip(0, len(starts))
    ]
    return np.where(np.isnan(age), "", band), names
