"""The verdict of a study in a sentence or two."""

from typing import Any


def verdict(
    mean: dict[str, Any],
    primary: dict[str, Any],
    *,
    level: float,
    findings: int,
    undefined: list[str],
    images: int,
    patients: int,
    seeds: int,
) -> str:
    """The gap with its interval, what it rests on, and whether it is small enough.

    Args:
        mean: {"real", "synthetic", "gap"}, as in results.json.
        primary: "margin", "p_noninferior" and "noninferior", as there.
        level: of the interval.
        findings: labels in the mean.
        undefined: names of the labels left out.
        images, patients: of the real test set.
        seeds: trained in each arm.
    """
    gap = mean["gap"]
    real, synthetic = (f"{mean[arm]['value']:.3f}" for arm in ("real", "synthetic"))
    # The sign is that of the rounded number, so that -0.0004 does not read as a gain.
    shown = round(gap["value"], 3)
    change = f"loses {shown:.3f}" if shown >= 0 else f"gains {-shown:.3f}"
    text = (
        f"A classifier trained on synthetic images {change} mean AUROC "
        f"({_interval(gap, level, shown)}; {_many(findings, 'finding')}, "
        f"n = {images:,} real test images of {_many(patients, 'patient')}, "
        f"{_many(seeds, 'seed')}): {real} real against {synthetic} synthetic. "
        f"Non-inferiority at the margin of {primary['margin']:g} is "
        f"{'shown' if primary['noninferior'] else 'not shown'} "
        f"({_p(primary['p_noninferior'])})."
    )
    if undefined:
        text += f" Left out, because undefined: {', '.join(undefined)}."
    return text


def _interval(gap: dict[str, Any], level: float, shown: float) -> str:
    if gap["low"] is None:
        return "no interval"
    ends = (gap["low"], gap["high"])
    ends = ends if shown >= 0 else (-ends[1], -ends[0])
    low, high = (round(end, 3) + 0.0 for end in ends)
    return f"{100 * level:g} % interval {low:.3f} to {high:.3f}"


def _p(p: float | None) -> str:
    if p is None:
        return "p undefined"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
