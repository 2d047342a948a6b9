"""The verdict of a study in a few sentences."""

import math
from collections.abc import Sequence

import numpy as np

from synthjax.evaluate.predictions import Logits, Predictions
from synthjax.evaluate.results.utility import MeanUtility, Primary, Utility
from synthjax.statistics.interval import Interval
from synthjax.statistics.noninferiority import MIN_PATIENTS, Outcome
from synthjax.statistics.patient_counts import count_patients

# What an arm is trained on, in words; the others go by their names.
_TRAINED_ON = {
    "synthetic": "synthetic images",
    "synthetic_teacher": (
        "synthetic images with the soft labels of classifiers trained on real images"
    ),
}
_SAME_SCORE = 1e-6  # logits that differ by less are one score, rounded


def write_verdict(
    utility: Utility,
    primary: Primary,
    *,
    level: float,
    images: int,
    patients: int,
    seeds: int,
) -> str:
    """Say the gap with its interval, what it rests on, and what may be concluded.

    Args:
        utility: of both arms and their gap.
        primary: the test of the gap, with the sentence that explains its outcome.
        level: of the interval.
        images, patients: of the real test set.
        seeds: trained in each arm.
    """
    mean, labels = utility.mean, utility.labels
    undefined = [label.name for label in labels if label.gap is None]
    gap = mean.gap.auroc
    real, synthetic = (f"{arm.auroc.value:.3f}" for arm in (mean.real, mean.synthetic))
    # The sign is that of the rounded number, so that -0.0004 does not read as a gain.
    shown = round(gap.value, 3)
    change = f"loses {shown:.3f}" if shown >= 0 else f"gains {-shown:.3f}"
    text = (
        f"A classifier trained on {_trained_on(primary)} {change} mean AUROC "
        f"({_interval(gap, level, shown)}; {_many(len(labels) - len(undefined), 'finding')}, "
        f"n = {images:,} real test images of {_many(patients, 'patient')}, "
        f"{_many(seeds, 'seed')}): {real} real against {synthetic} synthetic. "
        f"{primary.conclusion}"
    )
    if undefined:
        text += f" Left out, because undefined: {', '.join(undefined)}."
    return text


def _trained_on(primary: Primary) -> str:
    arm = primary.arm if isinstance(primary.arm, str) else "synthetic"
    return _TRAINED_ON.get(arm, f"the images of the arm {arm}")


def explain_outcome(
    outcome: Outcome, mean: MeanUtility, *, margin: float, p: float, level: float
) -> str:
    """Say in a sentence or two what may be concluded, and if nothing, where to look.

    Args:
        outcome: of the primary endpoint.
        mean: of both arms.
        margin: of the gap.
        p: one-sided, that the gap is the margin or more.
        level: of the interval.
    """
    if outcome is Outcome.NOTHING_LEARNED:
        real = mean.real.auroc
        return (
            "Nothing was learned from the real images, so nothing can be said of the "
            f"synthetic ones: the classifiers trained on real images, at {real.value:.3f} "
            f"({_interval(real, level, real.value)}), are not shown to be better than "
            "chance, and there is nothing that could be lost. Look at the images, at "
            "whether the labels are to be seen in them, and at "
            "config.classifier.steps."
        )
    if outcome is Outcome.TOO_FEW_PATIENTS:
        return (
            f"There are too few patients to tell: a verdict needs {MIN_PATIENTS} test "
            "patients or more with each finding and as many without it."
        )
    if outcome is Outcome.TOO_FEW_SEEDS:
        return (
            "No claim is made of one training seed in each arm, which says nothing of "
            "the chance of training: set config.classifier.seeds to 3 or more."
        )
    return f"Non-inferiority at the margin of {margin:g} is {outcome} ({_p(p)})."


def few_patients(test: Logits, names: Sequence[str]) -> str:
    """Name the findings that have too few patients for a verdict; empty if none has."""
    few = []
    for y, name in enumerate(names):
        count = count_patients(test.label[:, [y]], test.patient_id).rarest
        if 0 < count < MIN_PATIENTS:
            few.append(f"{name} has {count} of the rarer class")
    if not few:
        return ""
    more = f" and {len(few) - 3} more findings have too few" if len(few) > 3 else ""
    return f"{', '.join(few[:3])}{more}: give more test patients, or leave the finding out."


def constant_scores(predictions: Predictions) -> str:
    """Say which classifiers give every test image the same scores; empty if none does."""
    found = []
    for arm in predictions.compared:
        span = np.ptp(predictions.test.logit[arm], axis=1).max(axis=1)
        count = int((span <= _SAME_SCORE).sum())
        if count:
            found.append(
                f"{count} of {_many(len(span), 'classifier')} of the arm {arm}"
            )
    if not found:
        return ""
    return f"All test images have the same scores from {' and '.join(found)}."


def _interval(value: Interval, level: float, shown: float) -> str:
    if not math.isfinite(value.low):
        return "no interval"
    ends = (value.low, value.high)
    ends = ends if shown >= 0 else (-ends[1], -ends[0])
    low, high = (round(end, 3) + 0.0 for end in ends)
    return f"{100 * level:g} % interval {low:.3f} to {high:.3f}"


def _p(p: float) -> str:
    if not math.isfinite(p):
        return "p undefined"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
