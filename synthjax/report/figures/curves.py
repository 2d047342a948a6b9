"""Lines: ROC, precision and recall, calibration, distances, training."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from synthjax.report.figures.style import (
    HAIRLINE,
    INK,
    MUTED,
    PALE,
    REAL,
    STYLE,
    SYNTHETIC,
    arm_colour,
    legend,
)


def _square() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(1.7, 1.65), layout="constrained")
    axes = figure.add_subplot()
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.set_xticks([0, 0.5, 1], ["0", ".5", "1"])
    axes.set_yticks([0, 0.5, 1], ["0", ".5", "1"])
    axes.tick_params(labelsize=7, length=2)
    return figure, axes


def _arms(
    axes: Axes, x: Sequence[float], real: Sequence[float], synthetic: Sequence[float]
) -> None:
    # Real is thicker and below, so that both show where they coincide.
    axes.plot(x, real, color=REAL, linewidth=2.4)
    axes.plot(x, synthetic, color=SYNTHETIC, linewidth=1.3)


def roc(
    fpr: Sequence[float], real: Sequence[float], synthetic: Sequence[float]
) -> Figure:
    """Draw one small panel: true over false positive rates of both arms."""
    with matplotlib.rc_context(STYLE):
        figure, axes = _square()
        axes.plot([0, 1], [0, 1], color=HAIRLINE, linewidth=0.9)
        _arms(axes, fpr, real, synthetic)
    return figure


def precision_recall(
    recall: Sequence[float],
    real: Sequence[float],
    synthetic: Sequence[float],
    prevalence: float,
) -> Figure:
    """Draw one small panel: precision over recall of both arms, chance as a dashed line."""
    with matplotlib.rc_context(STYLE):
        figure, axes = _square()
        axes.axhline(prevalence, color=MUTED, linewidth=0.8, linestyle=(0, (3, 2)))
        _arms(axes, recall, real, synthetic)
    return figure


def reliability(arm: str, curve: Mapping[str, Sequence[float]]) -> Figure:
    """Draw one small panel: how often a finding was present, over the probability.

    Args:
      arm: gives the colour.
      curve: {"confidence", "observed"}, a point for each bin; None where it is empty.
    """
    with matplotlib.rc_context(STYLE):
        figure, axes = _square()
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (3, 2)))
        points = [
            pair
            for pair in zip(curve["confidence"], curve["observed"])
            if None not in pair
        ]
        axes.plot(
            [x for x, _ in points],
            [y for _, y in points],
            color=arm_colour(arm),
            linewidth=1.2,
            marker="o",
            markersize=3,
        )
    return figure


def distances(sets: Mapping[str, Sequence[tuple[float, float]]]) -> Figure:
    """Draw how many images lie at least as near to a training image.

    Args:
      sets: label -> pairs of a share of the images (0 to 1) and the distance that so
        many keep to; at most two sets, the synthetic one first.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.4, 2.2), layout="constrained")
        axes = figure.add_subplot()
        for (label, pairs), colour in zip(sets.items(), (SYNTHETIC, REAL)):
            known = sorted(pair for pair in pairs if None not in pair)
            x, y = [d for _, d in known], [100 * q for q, _ in known]
            (line,) = axes.plot(x, y, color=colour, label=label)
            line.set_linestyle("-" if colour == REAL else (0, (5, 1.5)))
            if len(x) < 10:
                line.set(marker="o", markersize=4)
        axes.set_xlabel("distance to the nearest real training image")
        axes.set_title("Percent of images that lie at least as near")
        axes.set_ylim(bottom=0)
        axes.set_xlim(left=0)
        axes.grid(axis="both")
        legend(axes)
    return figure


def gan_curves(panels: Sequence[dict[str, Any]]) -> Figure:
    """Draw training curves over kimg, one panel under the other.

    Args:
      panels: {"title", "lines": {label: (kimg, values)}}; at most two lines each.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.4, 1.5 * len(panels) + 0.3), layout="constrained")
        grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False)
        for axes, panel in zip(grid[:, 0], panels):
            for (label, line), colour in zip(panel["lines"].items(), (INK, PALE)):
                axes.plot(*line, color=colour, label=label)
            axes.set_title(panel["title"])
            axes.yaxis.set_major_locator(MaxNLocator(4))
            axes.grid(axis="y")
            if len(panel["lines"]) > 1:
                legend(axes)
        grid[-1, 0].set_xlabel("kimg (thousands of real images seen)")
    return figure


def validation_curves(
    arms: Mapping[str, Sequence[tuple[list[float], list[float]]]],
) -> Figure:
    """Draw the validation mean AUROC of every seed of both arms over updates."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.4, 2.6), layout="constrained")
        axes = figure.add_subplot()
        for arm, runs in arms.items():
            for k, (x, y) in enumerate(runs):
                label = f"trained on {arm}" if k == 0 else None
                axes.plot(x, y, color=arm_colour(arm), linewidth=1.2, label=label)
        axes.set_xlabel("updates")
        axes.set_title("Mean AUROC on validation images, one line per seed")
        axes.grid(axis="y")
        legend(axes)
    return figure
