"""Figures of the report: deterministic SVG, one colour for real, one for synthetic.

Every function takes plain lists, as they stand in the JSON files of a study, and gives
a matplotlib figure; `svg` turns it into bytes that are the same on every run.
"""

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from jaxtyping import UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

REAL = "#1c5d99"  # blue: real images and what was trained on them
SYNTHETIC = "#c2571a"  # orange: synthetic ones
INK = "#1d2530"
MUTED = "#5a6675"
HAIRLINE = "#d9dee5"

STYLE: dict[Any, Any] = {
    "svg.hashsalt": "synthjax",
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "grid.color": HAIRLINE,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.5,
    "legend.frameon": False,
    "legend.fontsize": 8,
}
_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"


def svg(figure: Figure) -> bytes:
    """The figure as SVG: no date, fixed ids, text as text in the reader's own font."""
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(
            buffer,
            format="svg",
            metadata={"Date": None, "Creator": None},
        )
    text = buffer.getvalue().decode()
    return re.sub(r"font-family: [^;\"]+", f"font-family: {_FONTS}", text).encode()


def forest(rows: Sequence[dict[str, Any]], mean: dict[str, float]) -> Figure:
    """Gap (real minus synthetic) with its interval for each finding, largest first.

    Args:
      rows: {"name", "gap": {"value", "low", "high"}}, sorted as they shall stand; low
        and high are None where there is no interval.
      mean: {"value", "low", "high"} of the mean over the findings, drawn on top.
    """
    with matplotlib.rc_context(STYLE):
        n = len(rows) + 1
        figure = Figure(figsize=(4.1, 0.6 + 0.3 * n), layout="constrained")
        axes = figure.add_subplot()
        for y, row in enumerate([{"name": "Mean", "gap": mean}, *rows]):
            gap, is_mean = row["gap"], y == 0
            if gap["low"] is not None:
                axes.plot(
                    [gap["low"], gap["high"]],
                    [y, y],
                    color=INK,
                    linewidth=2.2 if is_mean else 1.2,
                    solid_capstyle="butt",
                )
            axes.plot(
                gap["value"],
                y,
                marker="D" if is_mean else "o",
                color=INK,
                markersize=6.5 if is_mean else 4.5,
            )
        axes.axvline(0, color=MUTED, linewidth=0.9)
        axes.axhline(0.5, color=HAIRLINE, linewidth=0.8)
        axes.set_ylim(n - 0.4, -0.6)
        axes.set_yticks(range(n), ["Mean", *(row["name"] for row in rows)])
        axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=9)
        axes.get_yticklabels()[0].set_fontweight("bold")
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.grid(axis="x")
        axes.set_axisbelow(True)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("AUROC, real minus synthetic")
    return figure


def roc(
    fpr: Sequence[float], real: Sequence[float], synthetic: Sequence[float]
) -> Figure:
    """One small panel: true positive rates of both arms over false positive rates."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(1.7, 1.65), layout="constrained")
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=HAIRLINE, linewidth=0.9)
        # Real is thicker and below, so that both show where they coincide.
        axes.plot(fpr, real, color=REAL, linewidth=2.4)
        axes.plot(fpr, synthetic, color=SYNTHETIC, linewidth=1.3)
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
        axes.set_xticks([0, 0.5, 1], ["0", ".5", "1"])
        axes.set_yticks([0, 0.5, 1], ["0", ".5", "1"])
        axes.tick_params(labelsize=7, length=2)
    return figure


def gan_curves(panels: Sequence[dict[str, Any]]) -> Figure:
    """Training curves over kimg, one panel under the other.

    Args:
      panels: {"title", "lines": {label: (kimg, values)}}; at most two lines each.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.4, 1.5 * len(panels) + 0.3), layout="constrained")
        grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False)
        for axes, panel in zip(grid[:, 0], panels):
            for (label, line), colour in zip(panel["lines"].items(), (INK, "#8a97a6")):
                axes.plot(*line, color=colour, label=label)
            axes.set_title(panel["title"])
            axes.yaxis.set_major_locator(MaxNLocator(4))
            axes.grid(axis="y")
            if len(panel["lines"]) > 1:
                _legend(axes)
        grid[-1, 0].set_xlabel("kimg (thousands of real images shown)")
    return figure


def validation_curves(
    arms: Mapping[str, Sequence[tuple[list[float], list[float]]]],
) -> Figure:
    """Validation mean AUROC of every seed of both arms over updates."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.4, 2.6), layout="constrained")
        axes = figure.add_subplot()
        for arm, runs in arms.items():
            colour = {"real": REAL, "synthetic": SYNTHETIC}.get(arm, MUTED)
            for k, (x, y) in enumerate(runs):
                label = f"trained on {arm}" if k == 0 else None
                axes.plot(x, y, color=colour, linewidth=1.2, label=label)
        axes.set_xlabel("updates")
        axes.set_title("Mean AUROC on validation images, one line per seed")
        axes.grid(axis="y")
        _legend(axes)
    return figure


def sheet(
    images_u8: UInt8[np.ndarray, "..."], captions: Sequence[str], title: str = ""
) -> Figure:
    """A grid of images, every pixel visible, with a caption under each column.

    Args:
      images_u8: the grid [h w], [h w 1] or [h w 3], columns of equal width.
      captions: one for each column.
      title: set above the grid.
    """
    with matplotlib.rc_context(STYLE):
        height, width = images_u8.shape[:2]
        figure = Figure(figsize=(8, 8 * height / width + 1), layout="constrained")
        axes = figure.add_subplot()
        grey = images_u8.ndim == 2 or images_u8.shape[-1] == 1
        pixels = images_u8.reshape(height, width) if grey else images_u8
        axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        step = width / len(captions)
        centres = [step * (i + 0.5) - 0.5 for i in range(len(captions))]
        tilted = max(map(len, captions)) > 6
        axes.set_xticks(
            centres,
            captions,
            rotation=35 if tilted else 0,
            ha="right" if tilted else "center",
        )
        axes.set_yticks([])
        axes.tick_params(length=0, labelcolor=INK)
        axes.spines[:].set_visible(False)
        axes.set_title(title)
    return figure


def _legend(axes: Axes) -> None:
    axes.legend(loc="best", handlelength=1.4, borderaxespad=0.2)
