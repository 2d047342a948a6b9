"""The verdict of a study in a sentence or two."""

import math

from synthjax.evaluate.results.utility import Primary, Utility
from synthjax.statistics.interval import Interval


def write_verdict(
    utility: Utility,
    primary: Primary,
    *,
    level: float,
    images: int,
    patients: int,
    seeds: int,
) -> str:
    """Say the gap with its interval, what it rests on, and whether it is small enough.

    Args:
        utility: of both arms and their gap.
        primary: the test of the gap.
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
        f"A classifier trained on synthetic images {change} mean AUROC "
        f"({_interval(gap, level, shown)}; {_many(len(labels) - len(undefined), 'finding')}, "
        f"n = {images:,} real test images of {_many(patients, 'patient')}, "
        f"{_many(seeds, 'seed')}): {real} real against {synthetic} synthetic. "
        f"Non-inferiority at the margin of {primary.margin:g} is "
        f"{'shown' if primary.noninferior else 'not shown'} "
        f"({_p(primary.p_noninferior)})."
    )
    if undefined:
        text += f" Left out, because undefined: {', '.join(undefined)}."
    return text


def _interval(gap: Interval, level: float, shown: float) -> str:
    if not math.isfinite(gap.low):
        return "no interval"
    ends = (gap.low, gap.high)
    ends = ends if shown >= 0 else (-ends[1], -ends[0])
    low, high = (round(end, 3) + 0.0 for end in ends)
    return f"{100 * level:g} % interval {low:.3f} to {high:.3f}"


def _p(p: float) -> str:
    if not math.isfinite(p):
        return "p undefined"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
