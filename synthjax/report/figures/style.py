"""How every figure looks: deterministic SVG, one colour for real, one for synthetic."""

import io
import re
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

REAL = "#1c5d99"  # blue: real images and what was trained on them
SYNTHETIC = "#b8521a"  # orange: synthetic ones
INK = "#1d2530"
MUTED = "#5a6675"
PALE = "#8a97a6"  # a second line of a panel
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
    """Return the figure as SVG: no date, fixed ids, text as text in the reader's own font."""
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(
            buffer,
            format="svg",
            metadata={"Date": None, "Creator": None},
        )
    text = buffer.getvalue().decode()
    return re.sub(r"font-family: [^;\"]+", f"font-family: {_FONTS}", text).encode()


def arm_colour(arm: str) -> str:
    """Return blue for real, orange for synthetic, grey for every other arm."""
    return {"real": REAL, "synthetic": SYNTHETIC}.get(arm, MUTED)


def legend(axes: Axes) -> None:
    """Add a small legend where there is room."""
    axes.legend(loc="best", handlelength=1.4, borderaxespad=0.2)
