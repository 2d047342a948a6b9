"""How the networks learned: samples, losses, validation AUROC over training."""

from typing import Any

from synthjax.report import figures as draw
from synthjax.report.figure_folder import FigureFolder
from synthjax.report.formatting import auroc
from synthjax.report.png import encode_png, open_image
from synthjax.report.section import SectionInputs, Values
from synthjax.report.study_reader import LogLines, series

MAX_WIDTH = 900  # of a grid of samples, pixels


def learning(inputs: SectionInputs) -> Values:
    """Return how both networks learned: sample grids, losses, validation AUROC."""
    study, figures = inputs.study, inputs.figures
    progress = []
    for path in study.sample_grids(inputs.config.sample_grids):
        kimg = int(path.stem)
        alt = f"Grid of generated images after {kimg} kimg of training"
        content = encode_png(open_image(path), MAX_WIDTH)
        picture = figures.add_png(f"samples-{path.stem}", content, alt)
        progress.append(picture | {"kimg": kimg})
    return {
        "progress": progress,
        "gan": _gan_figure(study.log("gan"), figures),
        "classifier": _classifier_figure(study.classifier_logs(), figures),
    }


def _gan_figure(lines: LogLines, figures: FigureFolder) -> dict[str, str] | None:
    losses = {
        "discriminator": series(lines, "kimg", "loss_discriminator"),
        "generator": series(lines, "kimg", "loss_generator"),
    }
    r1 = series(lines, "kimg", "r1")
    variety = series(lines, "kimg", "diversity")
    shapes = {
        "synthetic": series(lines, "kimg", "shape_coverage"),
        "other real images": series(lines, "kimg", "shape_coverage_real"),
    }
    panels: list[dict[str, Any]] = [
        {"title": title, "lines": {k: v for k, v in group.items() if v[0]}}
        for title, group in (
            ("Adversarial loss", losses),
            ("R1: squared gradient norm on real images", {"r1": r1}),
            ("Variety within labels (1: as the real images)", {"variety": variety}),
            ("Shapes of real images covered, coarsely", shapes),
        )
    ]
    panels = [panel for panel in panels if panel["lines"]]
    if not panels:
        return None
    last = max(x[-1] for panel in panels for x, _ in panel["lines"].values())
    alt = f"Training curves of the generator: loss, R1 and variety over {last:g} kimg."
    return figures.add_svg("gan", draw.gan_curves(panels), alt)


def _classifier_figure(
    logs: dict[str, list[LogLines]], figures: FigureFolder
) -> dict[str, str] | None:
    curves = {}
    for arm, runs in logs.items():
        lines = [series(run, "step", "valid_auroc") for run in runs]
        if any(steps for steps, _ in lines):
            curves[arm] = [line for line in lines if line[0]]
    if not curves:
        return None
    best = ", ".join(
        f"trained on {arm} {auroc(max(max(values) for _, values in lines))}"
        for arm, lines in curves.items()
    )
    alt = f"Mean validation AUROC over updates; highest: {best}."
    return figures.add_svg("classifier", draw.validation_curves(curves), alt)
