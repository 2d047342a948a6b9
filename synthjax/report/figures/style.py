"""How every figure looks: deterministic SVG, one colour for real, one for synthetic."""

import io
import re
import warnings
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
    "text.parse_math": False,  # a dollar in a label's name is a dollar
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
_BREAKS = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")
# Control characters, and what XML cannot hold: half of a surrogate pair, for example.
_NO_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"


def svg(figure: Figure) -> bytes:
    """Return the figure as SVG: no date, fixed ids, text as text in the reader's own font."""
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        # The reader's own font draws the text; ours only says how long it is.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
        figure.savefig(
            buffer,
            format="svg",
            metadata={"Date": None, "Creator": None},
        )
    text = buffer.getvalue().decode()
    return re.sub(r"font-family: [^;\"]+", f"font-family: {_FONTS}", text).encode()


def plain_text(text: str) -> str:
    """Return a name of the study's as a figure can show it, on one line.

    Line breaks become blanks; control characters, which an SVG cannot hold, become the
    replacement character. Every text that is not this project's own goes through here;
    `STYLE` sees to its dollars.
    """
    return _NO_TEXT.sub("\ufffd", _BREAKS.sub(" ", text))


def arm_colour(arm: str) -> str:
    """Return blue for real, orange for synthetic, grey for every other arm."""
    return {"real": REAL, "synthetic": SYNTHETIC}.get(arm, MUTED)


def legend(axes: Axes) -> None:
    """Add a small legend where there is room."""
    axes.legend(loc="best", handlelength=1.4, borderaxespad=0.2)
