"""The sections of the page as plain values: what each says, without how it looks."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from synthjax.core.files import write_atomic
from synthjax.report import figures as draw
from synthjax.report import pictures
from synthjax.report.material import Material, series
from synthjax.report.words import (
    THIN,
    auroc,
    headline,
    interval,
    percent,
    preparation,
    signed,
)


class Figures:
    """Keeps every figure as a file and gives it to the page inlined."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def svg(self, name: str, figure: Figure, alt: str) -> dict[str, str]:
        """{"uri", "alt"} of a vector figure."""
        content = draw.svg(figure)
        write_atomic(self.folder / f"{name}.svg", content)
        return {"uri": pictures.data_uri(content, "image/svg+xml"), "alt": alt}

    def png(self, name: str, content: bytes, alt: str) -> dict[str, str]:
        """{"uri", "alt"} of a picture."""
        write_atomic(self.folder / f"{name}.png", content)
        return {"uri": pictures.data_uri(content, "image/png"), "alt": alt}


def verdict(results: dict[str, Any]) -> dict[str, Any]:
    """The sentence a reader takes away, and the figures under it."""
    mean = results["utility"]["mean"]
    bootstrap = results["bootstrap"]
    level = bootstrap["level"]
    defined = [row for row in results["utility"]["labels"] if row["gap"] is not None]
    return {
        "headline": headline(
            mean["gap"],
            level=level,
            images=results["n_test_images"],
            patients=results["n_test_patients"],
        ),
        "text": results["verdict"],
        "real": auroc(mean["real"]["value"]),
        "synthetic": auroc(mean["synthetic"]["value"]),
        "gap": signed(mean["gap"]["value"]),
        "interval": interval(mean["gap"]),
        "level": percent(level),
        "replicates": bootstrap["replicates"],
        "images": results["n_test_images"],
        "patients": results["n_test_patients"],
        "seeds": results["seeds"],
        "labels": len(defined),
        "all_labels": len(results["utility"]["labels"]),
    }


def findings(results: dict[str, Any], figures: Figures) -> dict[str, Any]:
    """The forest plot and the table, largest gap first; undefined labels by name."""
    labels = results["utility"]["labels"]
    defined = [row for row in labels if row["gap"] is not None]
    defined.sort(key=lambda row: -row["gap"]["value"])
    mean = results["utility"]["mean"]["gap"]
    worst, best = defined[0], defined[-1]
    alt = (
        f"Forest plot of the AUROC gap for {len(defined)} findings with intervals. "
        f"Mean {signed(mean['value'])} ({interval(mean)}); largest {worst['name']} "
        f"{signed(worst['gap']['value'])}, smallest {best['name']} "
        f"{signed(best['gap']['value'])}."
    )
    forest = figures.svg("gap", draw.forest(defined, mean), alt)
    rows = [
        {
            "name": row["name"],
            "real": auroc(row["real"]["value"]),
            "synthetic": auroc(row["synthetic"]["value"]),
            "gap": signed(row["gap"]["value"]),
            "interval": interval(row["gap"]),
            "n_positive": row["n_positive"],
            "n": row["n"],
        }
        for row in defined
    ]
    undefined = [
        {"name": row["name"], "reason": row["undefined"]}
        for row in labels
        if row["gap"] is None
    ]
    return {"forest": forest, "rows": rows, "undefined": undefined}


def curves(results: dict[str, Any], figures: Figures) -> list[dict[str, Any]]:
    """One ROC panel for each finding that has curves, in the order of the labels."""
    stored = results["curves"]
    rows = {row["name"]: row for row in results["utility"]["labels"]}
    panels = []
    for number, curve in enumerate(stored["labels"]):
        row = rows[curve["name"]]
        real, synthetic = (auroc(row[arm]["value"]) for arm in ("real", "synthetic"))
        alt = (
            f"ROC curves for {row['name']}: AUROC {real} trained on real, "
            f"{synthetic} trained on synthetic."
        )
        figure = draw.roc(stored["fpr"], curve["real"], curve["synthetic"])
        panel = figures.svg(f"roc-{number:02d}", figure, alt)
        panels.append(
            panel | {"name": row["name"], "real": real, "synthetic": synthetic}
        )
    return panels


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


def learning(material: Material, figures: Figures, config: Any) -> dict[str, Any]:
    """How both networks learned: grids of samples, losses, validation AUROC."""
    progress = []
    for path in material.samples(config.samples):
        content = pictures.png(pictures.open_image(path), 900)
        kimg = int(path.stem)
        alt = f"Grid of generated images after {kimg} kimg of training"
        progress.append(
            figures.png(f"samples-{path.stem}", content, alt) | {"kimg": kimg}
        )
    return {
        "progress": progress,
        "gan": _gan_figure(material.metrics("gan"), figures),
        "classifier": _classifier_figure(material.classifier_metrics(), figures),
    }


def _gan_figure(lines: list[dict[str, Any]], figures: Figures) -> dict[str, str] | None:
    losses = {
        "discriminator": series(lines, "kimg", "loss_discriminator"),
        "generator": series(lines, "kimg", "loss_generator"),
    }
    r1 = series(lines, "kimg", "r1")
    panels: list[dict[str, Any]] = [
        {"title": title, "lines": {k: v for k, v in group.items() if v[0]}}
        for title, group in (
            ("Adversarial loss", losses),
            ("R1: squared gradient norm on real images", {"r1": r1}),
        )
    ]
    panels = [panel for panel in panels if panel["lines"]]
    if not panels:
        return None
    last = max(x[-1] for panel in panels for x, _ in panel["lines"].values())
    alt = f"Training curves of the generator: loss and R1 over {last:g} kimg."
    return figures.svg("gan", draw.gan_curves(panels), alt)


def _classifier_figure(
    arms: dict[str, list[list[dict[str, Any]]]], figures: Figures
) -> dict[str, str] | None:
    found = {}
    for arm, runs in arms.items():
        lines = [series(run, "step", "valid_auroc") for run in runs]
        if any(steps for steps, _ in lines):
            found[arm] = [line for line in lines if line[0]]
    if not found:
        return None
    best = ", ".join(
        f"trained on {arm} {auroc(max(max(values) for _, values in lines))}"
        for arm, lines in found.items()
    )
    alt = f"Mean validation AUROC over updates; highest: {best}."
    return figures.svg("classifier", draw.validation_curves(found), alt)


def data_card(
    material: Material, stages: dict[str, dict[str, Any]]
) -> dict[str, Any] | None:
    """Patients, images and prevalence of each split of the real set."""
    card = material.json("data", "splits.json")
    if card is None:
        return None
    splits = card["splits"]
    rows = []
    for name in card["labels"]:
        cells = []
        for split in splits.values():
            count = split["labels"][name]
            share = count.get("prevalence")
            cells.append(
                {
                    "positive": count["positive"],
                    "unknown": count.get("unknown", 0),
                    "prevalence": "–" if share is None else f"{100 * share:.1f}{THIN}%",
                }
            )
        rows.append({"name": name, "cells": cells})
    source = stages.get("data", {}).get("config", {}).get("source")
    return {
        "source": source or "not recorded",
        "name": str(source or "Study").replace("_", " ").capitalize(),
        "simulated": str(source).startswith("phantom"),
        "patients_named": card["patients_named"],
        "preparation": preparation(card),
        "splits": [
            {"name": name, "images": split["images"], "patients": split["patients"]}
            for name, split in splits.items()
        ],
        "rows": rows,
    }
