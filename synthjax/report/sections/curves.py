"""ROC and precision-recall curves of each finding."""

from typing import Any

from synthjax.report import figures as draw
from synthjax.report.figure_folder import FigureFolder
from synthjax.report.formatting import auroc, measured_percent
from synthjax.report.section import SectionInputs, Values
from synthjax.report.study_reader import COMPARED_ARMS

Panels = list[dict[str, Any]]


def curves(inputs: SectionInputs) -> Values:
    """Return a ROC and a precision-recall panel for each finding that has curves."""
    return {
        "roc": _roc(inputs.results, inputs.figures),
        "precision_recall": _precision_recall(inputs.results, inputs.figures),
    }


def _roc(results: dict[str, Any], figures: FigureFolder) -> Panels:
    areas = {
        row["name"]: {arm: auroc(row[arm]["value"]) for arm in COMPARED_ARMS}
        for row in results["utility"]["labels"]
        if row["gap"] is not None
    }
    stored = results["curves"]
    panels = []
    for number, curve in enumerate(stored["labels"]):
        name, area = curve["name"], areas[curve["name"]]
        alt = (
            f"ROC curves for {name}: AUROC {area['real']} trained on real, "
            f"{area['synthetic']} trained on synthetic."
        )
        figure = draw.roc(stored["fpr"], curve["real"], curve["synthetic"])
        panel = figures.add_svg(f"roc-{number:02d}", figure, alt)
        panels.append(panel | {"name": name} | area)
    return panels


def _precision_recall(results: dict[str, Any], figures: FigureFolder) -> Panels:
    stored = results.get("precision_recall") or {}
    rows = {row["name"]: row for row in results["utility"]["labels"]}
    panels = []
    for number, curve in enumerate(stored.get("labels", [])):
        precision = rows.get(curve["name"], {}).get("average_precision") or {}
        area = {
            arm: auroc((precision.get(arm) or {}).get("value")) for arm in COMPARED_ARMS
        }
        share = measured_percent(curve["prevalence"])
        alt = (
            f"Precision over recall for {curve['name']} at {share} prevalence: average "
            f"precision {area['real']} trained on real, {area['synthetic']} trained on "
            "synthetic."
        )
        figure = draw.precision_recall(
            stored["recall"], curve["real"], curve["synthetic"], curve["prevalence"]
        )
        panel = figures.add_svg(f"precision-recall-{number:02d}", figure, alt)
        panels.append(panel | {"name": curve["name"], "prevalence": share} | area)
    return panels
