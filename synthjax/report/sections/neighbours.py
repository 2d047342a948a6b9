"""How near synthetic images lie to real training images."""

from typing import Any

from synthjax.report import figures as draw
from synthjax.report.figure_folder import FigureFolder
from synthjax.report.formatting import measured_percent, percent, plain, with_interval
from synthjax.report.section import SectionInputs, Values
from synthjax.report.sections.picture_groups import picture_groups

_SPACES = {"own": "Features of the real-trained classifier", "pixels": "Pixels"}


def neighbours(inputs: SectionInputs) -> Values:
    """Return the distances by which two spaces measure, and strips of near images."""
    stored = inputs.results["neighbours"]
    spaces = {"own": stored}
    if stored.get("pixels"):
        spaces["pixels"] = stored["pixels"]
    return {
        "encoder": stored["encoder"],
        "n": stored["n"],
        "spaces": [_space(key, space, inputs.figures) for key, space in spaces.items()],
        "groups": picture_groups(inputs, stored.get("sheet"), "neighbours"),
    }


def _space(key: str, stored: dict[str, Any], figures: FigureFolder) -> dict[str, Any]:
    sets = {
        "synthetic images": stored["synthetic_to_train"]["quantiles"],
        "real test images": stored["test_to_train"]["quantiles"],
    }
    lines = {
        name: [(float(q), d) for q, d in quantiles.items()]
        for name, quantiles in sets.items()
    }
    curve = stored.get("curve")
    if curve:
        for name, arm in zip(sets, ("synthetic", "test")):
            lines[name] = list(zip(curve["level"], curve[arm]))
    medians = {name: plain(quantiles.get("0.5")) for name, quantiles in sets.items()}
    alt = "Distance to the nearest real training image; median " + ", ".join(
        f"{value} of {name}" for name, value in medians.items()
    )
    # The near half: it is the near end that matters, and all would not fit beside.
    all_levels = sorted(set().union(*sets.values()), key=float)
    levels = [level for level in all_levels if float(level) <= 0.5]
    return {
        "name": _SPACES[key],
        "distance": stored.get("distance", ""),
        "figure": figures.add_svg(f"distances-{key}", draw.distances(lines), alt),
        "levels": [percent(float(level)) for level in levels],
        "rows": [
            {"name": name, "cells": [plain(quantiles.get(level)) for level in levels]}
            for name, quantiles in sets.items()
        ],
        "close": with_interval(stored["closer_than_real_1pct"], measured_percent),
    }
