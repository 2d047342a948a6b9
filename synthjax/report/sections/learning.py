"""How the networks learned: samples, losses, validation AUROC over training."""

from typing import Any

from synthjax.report import figures as draw
from synthjax.report import pictures
from synthjax.report.store import Figures
from synthjax.report.study_reader import Material, series
from synthjax.report.words import auroc


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
