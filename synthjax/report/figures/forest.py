"""Estimates with their intervals under each other."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from synthjax.report.figures.style import HAIRLINE, INK, MUTED, STYLE, plain_text

Numbers = Mapping[str, Any]  # {"value", "low", "high"}; the ends may be None


def forest(
    rows: Sequence[Mapping[str, Any]],
    lead: Numbers | None = None,
    *,
    field: str = "gap",
    axis: str = "AUROC, real minus synthetic",
    reference: float | None = 0.0,
    margin: float | None = None,
    lead_name: str = "Mean",
) -> Figure:
    """Draw one estimate with its interval for each row, in the order of the rows.

    A filled dot is an estimate; a row that says `significant` is false has a hollow one.

    Args:
      rows: {"name", `field`: {"value", "low", "high"}}, and maybe "significant" and
        "colour"; low and high are None where there is no interval.
      lead: {"value", "low", "high"} drawn on top as a diamond.
      field: the key of the estimate in a row.
      axis: what the estimates are.
      reference: where a vertical line stands.
      margin: where a dashed one stands.
      lead_name: what the diamond is called.
    """
    with matplotlib.rc_context(STYLE):
        marks = [
            (row["name"], row[field], row.get("significant"), row.get("colour", INK))
            for row in rows
        ]
        if lead is not None:
            marks.insert(0, (lead_name, lead, None, INK))
        n = len(marks)
        extra = 0 if margin is None else 0.2  # inches for the legend
        size = (4.1, 0.6 + extra + 0.3 * max(n, 1))
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        for y, (_, numbers, significant, colour) in enumerate(marks):
            is_lead = y == 0 and lead is not None
            _mark(axes, y, numbers, significant is not False, is_lead, colour)
        if reference is not None:
            axes.axvline(reference, color=MUTED, linewidth=0.9, zorder=1)
        if margin is not None:
            line = axes.axvline(margin, color=MUTED, linewidth=1.1, zorder=1)
            line.set_linestyle((0, (4, 2)))
            line.set_label(f"margin {margin:g}")
            figure.legend(loc="outside upper right", handlelength=2, borderpad=0)
        _frame(axes, [plain_text(name) for name, *_ in marks], bold=lead is not None)
        axes.set_xlabel(axis)
    return figure


def _mark(
    axes: Axes, y: int, numbers: Numbers, filled: bool, is_lead: bool, colour: str
) -> None:
    if numbers["low"] is not None:
        axes.plot(
            [numbers["low"], numbers["high"]],
            [y, y],
            color=colour,
            linewidth=2.2 if is_lead else 1.2,
            solid_capstyle="butt",
        )
    axes.plot(
        numbers["value"],
        y,
        marker="D" if is_lead else "o",
        color=colour,
        markerfacecolor=colour if filled else "white",
        markersize=6.5 if is_lead else 5,
    )


def _frame(axes: Axes, names: list[str], *, bold: bool) -> None:
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=9)
    if bold:
        axes.axhline(0.5, color=HAIRLINE, linewidth=0.8)
        axes.get_yticklabels()[0].set_fontweight("bold")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
