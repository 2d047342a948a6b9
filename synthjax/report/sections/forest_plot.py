"""How a section gets a forest plot, with the words that describe it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from synthjax.report import figures as draw
from synthjax.report.figure_folder import FigureFolder
from synthjax.report.formatting import interval, signed


def add_forest(
    figures: FigureFolder,
    name: str,
    rows: Sequence[Mapping[str, Any]],
    lead: Mapping[str, Any] | None = None,
    *,
    what: str,
    field: str = "gap",
    write: Callable[[float | None], str] = signed,
    **style: Any,
) -> dict[str, str]:
    """Return the plot of `rows` as a figure of the page.

    Args:
      figures: the folder that keeps it.
      name: of its file.
      rows, lead, field, style: as `figures.forest` takes them.
      what: what is drawn, for those who cannot see it.
      write: turns an estimate into text.
    """
    alt = [f"Forest plot: {what}, with intervals."]
    if lead is not None:
        alt.append(f"Mean {write(lead['value'])} ({interval(dict(lead))}).")
    ranked = sorted(rows, key=lambda row: -row[field]["value"])
    if ranked:
        ends = [(ranked[0], "largest"), (ranked[-1], "smallest")]
        words = [
            f"{word} {row['name']} {write(row[field]['value'])}" for row, word in ends
        ]
        alt.append(f"Of {len(ranked)} rows the {', the '.join(words)}.")
    figure = draw.forest(rows, lead, field=field, **style)
    return figures.add_svg(name, figure, " ".join(alt))
