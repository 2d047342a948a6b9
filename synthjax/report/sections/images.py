"""Pictures: random ones side by side, nearest real ones, what classifiers look at."""

from typing import Any

from synthjax.report import figures as draw
from synthjax.report import pictures
from synthjax.report.store import Figures
from synthjax.report.study_reader import Material
from synthjax.report.words import estimate, percent, plain, prevalence, signed, title

SHOWN = 700  # widest picture of a strip, pixels


def grids(material: Material, figures: Figures, config: Any) -> list[dict[str, Any]]:
    """For each label combination of the grids a strip of real and of synthetic."""
    real = material.image("evaluate", "grids", "real.png")
    synthetic = material.image("evaluate", "grids", "synthetic.png")
    grid = material.json("evaluate", "grids", "grid.json")
    if real is None or synthetic is None or grid is None:
        return []
    cards = []
    strips = pictures.pairs(real, synthetic, grid, rows=config.rows, cell=config.cell)
    for number, pair in enumerate(strips):
        card: dict[str, Any] = {"finding": pair["finding"], "others": pair["others"]}
        shown = ", ".join([pair["finding"], *pair["others"]])
        for arm in ("real", "synthetic"):
            name = f"pair-{number:02d}-{arm}"
            alt = f"{arm.capitalize()} test images with {shown}"
            width, height = pair[f"{arm}_size"]
            size = {"width": width, "height": height}
            card[arm] = figures.png(name, pair[arm], alt) | size
        cards.append(card)
    return cards


def neighbours(
    results: dict[str, Any], material: Material, figures: Figures
) -> dict[str, Any] | None:
    """How near synthetic images lie to real training images, in numbers and strips."""
    found = results.get("neighbours")
    if not found:
        return None
    spaces = {"own": found}
    if found.get("pixels"):
        spaces["pixels"] = found["pixels"]
    return {
        "encoder": found["encoder"],
        "n": found["n"],
        "spaces": [_space(key, space, figures) for key, space in spaces.items()],
        "groups": _strips(material, figures, found.get("sheet"), "neighbours"),
    }


_SPACES = {"own": "Features of the real-trained classifier", "pixels": "Pixels"}


def _space(key: str, found: dict[str, Any], figures: Figures) -> dict[str, Any]:
    sets = {
        "synthetic images": found["synthetic_to_train"]["quantiles"],
        "real test images": found["test_to_train"]["quantiles"],
    }
    lines = {
        name: [(float(q), d) for q, d in one.items()] for name, one in sets.items()
    }
    curve = found.get("curve")
    if curve:
        for name, arm in zip(sets, ("synthetic", "test")):
            lines[name] = list(zip(curve["level"], curve[arm]))
    middle = {name: plain(one.get("0.5")) for name, one in sets.items()}
    alt = "Distance to the nearest real training image; median " + ", ".join(
        f"{value} of {name}" for name, value in middle.items()
    )
    # The near half: it is the near end that matters, and all would not fit beside.
    found_levels = sorted(set().union(*sets.values()), key=float)
    levels = [level for level in found_levels if float(level) <= 0.5]
    return {
        "name": _SPACES[key],
        "distance": found.get("distance", ""),
        "figure": figures.svg(f"distances-{key}", draw.distances(lines), alt),
        "levels": [percent(float(q)) for q in levels],
        "rows": [
            {"name": name, "cells": [plain(one.get(q)) for q in levels]}
            for name, one in sets.items()
        ],
        "close": estimate(found["closer_than_real_1pct"], prevalence),
    }


def attribution(
    results: dict[str, Any], material: Material, figures: Figures
) -> dict[str, Any] | None:
    """Whether both classifiers look at the same places, as a number and as pictures."""
    found = results.get("attribution")
    if not found:
        return None
    rows = [_agreement(title(found["method"]), found)]
    for method in ("occlusion", "integrated_gradients"):
        if found.get(method):
            rows.append(_agreement(title(method), found[method]))
    return {
        "method": found["method"].replace("_", " "),
        "n": found["n"],
        "first": rows[0],
        "rows": rows,
        "labels": [
            {"name": label["name"], "n": label["n"]}
            | {key: signed(label.get(key)) for key in ("agreement", "control")}
            for label in found["labels"]
        ],
        "groups": _strips(material, figures, found.get("sheet"), "attribution"),
    }


def _agreement(name: str, found: dict[str, Any]) -> dict[str, Any]:
    both = {key: estimate(found.get(key)) for key in ("agreement", "control")}
    return {"name": name, **both}


def _strips(
    material: Material, figures: Figures, sheet: str | None, folder: str
) -> list[dict[str, Any]]:
    """The pictures of a sheet, those of one kind together, in the order of the sheet."""
    if not sheet:
        return []
    described = material.json("evaluate", sheet)
    if described is None:
        return []
    groups: dict[str, list[dict[str, Any]]] = {}
    for number, one in enumerate(described["pictures"]):
        path = material.image("evaluate", folder, one["file"])
        if path is None:
            continue
        content = pictures.png(pictures.open_image(path), SHOWN)
        picture = figures.png(f"{folder}-{number:02d}", content, one["alt"])
        heading = _heading(described, one)
        groups.setdefault(heading, []).append(picture | {"caption": _caption(one)})
    return [
        {"heading": heading, "pictures": found} for heading, found in groups.items()
    ]


def _heading(described: dict[str, Any], picture: dict[str, Any]) -> str:
    """What the pictures of one kind have in common, from the sheet's own words."""
    if "method" in picture:
        words = described["methods"][picture["method"]]
        columns = ", ".join(described["columns"])
        return f"{title(picture['method'])}: {columns} ({words})"
    choice = described["choices"][picture["choice"]]
    return f"{choice}, by {described['distances'][picture['distance']]['words']}"


def _caption(picture: dict[str, Any]) -> str:
    """The finding that is explained; or those of the image, and how near the next is."""
    if "finding" in picture:
        return str(picture["finding"])
    labels = ", ".join(picture["image"]["labels"]) or "no positive label"
    return f"{labels}; nearest at {plain(picture['neighbours'][0]['distance'])}"
