"""The gap among the patients of one sex, of an age, and in one view."""

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np
from jaxtyping import Array, Bool, Shaped

from synthjax.core.errors import StudyError
from synthjax.data.listing import Metadata
from synthjax.evaluate.config import EvaluateConfig
from synthjax.evaluate.predictions import Predictions
from synthjax.evaluate.results.arms import Subgroup
from synthjax.evaluate.utility.comparison import compare_arms
from synthjax.statistics.bootstrap import mean_over_labels, resample
from synthjax.statistics.patient_counts import count_patients
from synthjax.statistics.roc import undefined_reason

MIN_PATIENTS = 20  # patients of a group that is measured


def same_images(metadata: Metadata, ids: np.ndarray) -> Metadata:
    """Return the metadata of these images, in their order.

    Raises:
        StudyError: an image is not among them.
    """
    position = {name: number for number, name in enumerate(metadata.id.tolist())}
    missing = [name for name in ids.tolist() if name not in position]
    if missing:
        raise StudyError(
            f"the predictions are of {len(missing)} images that the test split does not "
            f"have, such as {missing[0]!r}: they were made from other data; run the "
            "classifier stage again"
        )
    return metadata.take([position[name] for name in ids.tolist()])


def measure_subgroups(
    config: EvaluateConfig,
    predictions: Predictions,
    metadata: Metadata,
    multiplicity: Shaped[np.ndarray, "n draws"] | Shaped[Array, "n draws"],
) -> tuple[Subgroup, ...]:
    """Measure mean AUROCs and gap of each group of test images, by the same draws.

    Args:
        config: the section config.evaluate.
        predictions: logits on the test images.
        metadata: of the same images in the same order: sex, age and view.
        multiplicity: draws of patients.

    Returns:
        An entry for each group of an attribute that has two or more; one with too few
        patients or no defined label has a reason in place of numbers.
    """
    return tuple(
        _measure(config, predictions, by, group, member, multiplicity)
        for by, group, member in _groups(config, metadata)
    )


def _measure(
    config: EvaluateConfig,
    predictions: Predictions,
    by: str,
    group: str,
    member: Bool[np.ndarray, " n"],
    multiplicity: Shaped[np.ndarray, "n draws"] | Shaped[Array, "n draws"],
) -> Subgroup:
    test = predictions.test
    patients = len(np.unique(test.patient_id[member]))
    label = np.where(member[:, None], test.label, np.nan)
    defined = sum(undefined_reason(column) is None for column in label.T)
    empty = Subgroup(
        by=by,
        group=group,
        n=int(member.sum()),
        patients=patients,
        real=None,
        synthetic=None,
        gap=None,
    )
    if patients < MIN_PATIENTS:
        reason = f"fewer than {MIN_PATIENTS} patients"
        return dataclasses.replace(empty, reason=reason)
    if not defined:
        return dataclasses.replace(empty, reason="no finding has both classes")
    areas = [
        mean_over_labels(resample(label, test.logit[arm], multiplicity).auroc)
        for arm in predictions.compared
    ]
    means = compare_arms(areas, config.level, count_patients(label, test.patient_id))
    return dataclasses.replace(
        empty,
        real=means.real,
        synthetic=means.synthetic,
        gap=means.gap,
        findings=defined,
    )


def _groups(
    config: EvaluateConfig, metadata: Metadata
) -> Iterator[tuple[str, str, Bool[np.ndarray, " n"]]]:
    """Yield (attribute, group, member); an image without the attribute is in none."""
    for by, values, order in (
        ("sex", metadata.sex, None),
        ("age", *_bands(config.age_bands, metadata.age)),
        ("view", metadata.view, None),
    ):
        present = set(values.tolist()) - {""}
        if len(present) > 1:
            for group in sorted(present, key=order.index if order else None):
                yield by, group, values == group


def _bands(starts: tuple[float, ...], age: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Return the band of each age, "" where unknown, and all bands in order."""
    if not starts:
        return np.full(len(age), ""), []
    first, last = f"under {starts[0]:g}", f"{starts[-1]:g} and over"
    between = [f"{low:g} to under {high:g}" for low, high in itertools.pairwise(starts)]
    names = [first, *between, last]
    band = np.array(names)[
        np.searchsorted(starts, age, side="right").clip(0, len(starts))
    ]
    return np.where(np.isnan(age), "", band), names
