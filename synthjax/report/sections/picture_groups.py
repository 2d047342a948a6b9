"""Strips of pictures of the evaluation, as the JSON file beside them describes them."""

from typing import Any

from synthjax.report.formatting import as_title, plain
from synthjax.report.png import encode_png, open_image
from synthjax.report.section import SectionInputs

MAX_WIDTH = 700  # of a strip, pixels


def picture_groups(
    inputs: SectionInputs, sheet: str | None, folder: str
) -> list[dict[str, Any]]:
    """Return pictures of one kind together, as {"heading", "pictures"}, in their order.

    Args:
      inputs: of the section.
      sheet: the JSON file in evaluate/ that describes them; None where there is none.
      folder: in evaluate/, with the pictures.
    """
    if not sheet:
        return []
    described = inputs.study.json("evaluate", sheet)
    if described is None:
        return []
    groups: dict[str, list[dict[str, Any]]] = {}
    for number, picture in enumerate(described["pictures"]):
        path = inputs.study.image("evaluate", folder, picture["file"])
        if path is None:
            continue
        content = encode_png(open_image(path), MAX_WIDTH)
        inlined = inputs.figures.add_png(
            f"{folder}-{number:02d}", content, picture["alt"]
        )
        group = groups.setdefault(_heading(described, picture), [])
        group.append(inlined | {"caption": _caption(picture)})
    return [
        {"heading": heading, "pictures": pictures}
        for heading, pictures in groups.items()
    ]


def _heading(described: dict[str, Any], picture: dict[str, Any]) -> str:
    """Return what the pictures of one kind have in common, in the sheet's own words."""
    if "method" in picture:
        words = described["methods"][picture["method"]]
        columns = ", ".join(described["columns"])
        return f"{as_title(picture['method'])}: {columns} ({words})"
    choice = described["choices"][picture["choice"]]
    return f"{choice}, by {described['distances'][picture['distance']]['words']}"


def _caption(picture: dict[str, Any]) -> str:
    """Return the finding that a map explains, or the image's own and how near it is."""
    if "finding" in picture:
        return str(picture["finding"])
    labels = ", ".join(picture["image"]["labels"]) or "no positive label"
    return f"{labels}; nearest at {plain(picture['neighbours'][0]['distance'])}"
