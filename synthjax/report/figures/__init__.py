"""Figures of the report: plain lists of a study's JSON in, a matplotlib figure out.

`svg` turns a figure into bytes that are the same on every run.
"""

from synthjax.report.figures.curves import (
    distances,
    gan_curves,
    precision_recall,
    reliability,
    roc,
    validation_curves,
)
from synthjax.report.figures.forest import forest
from synthjax.report.figures.sheets import sheet
from synthjax.report.figures.style import (
    INK,
    MUTED,
    REAL,
    SYNTHETIC,
    arm_colour,
    svg,
)

__all__ = [
    "INK",
    "MUTED",
    "REAL",
    "SYNTHETIC",
    "arm_colour",
    "distances",
    "forest",
    "gan_curves",
    "precision_recall",
    "reliability",
    "roc",
    "sheet",
    "svg",
    "validation_curves",
]
