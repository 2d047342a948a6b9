"""What training on synthetic images costs: gaps, curves, calibration, by finding."""

from typing import Any

from synthjax.report import figures as draw
from synthjax.report.sections.forests import forest
from synthjax.report.sections.verdict import mean_gap
from synthjax.report.store import Figures
from synthjax.report.words import (
    auroc,
    estimate,
    p_value,
    percent,
    plain,
    prevalence,
    signed,
    title,
)

ARMS = ("real", "synthetic")


def findings(results: dict[str, Any], figures: Figures) -> dict[str, Any]:
    """The forest plot and the table, largest gap first; undefined labels by name."""
    labels = results["utility"]["labels"]
    defined = [row for row in labels if row["gap"] is not None]
    defined.sort(key=lambda row: -row["gap"]["value"])
    holm = any("p_holm" in row for row in defined)
    return {
        "forest": forest(
            figures,
            "gap",
            defined,
            mean_gap(results),
            what="AUROC gap by finding",
            margin=(results.get("primary") or {}).get("margin"),
        ),
        "holm": holm,
        "rows": [
            {
                "name": row["name"],
                "real": auroc(row["real"]["value"]),
                "synthetic": auroc(row["synthetic"]["value"]),
                "gap": estimate(row["gap"]),
                "p_holm": p_value(row.get("p_holm")),
                "significant": bool(row.get("significant")),
                "n_positive": row["n_positive"],
                "n": row["n"],
            }
            for row in defined
        ],
        "undefined": [
            {"name": row["name"], "reason": row["undefined"]}
            for row in labels
            if row["gap"] is None
        ],
    }


def more_numbers(results: dict[str, Any]) -> dict[str, Any] | None:
    """Average precision, Brier score and sensitivity of each finding."""
    utility = results["utility"]
    rows = [row for row in utility["labels"] if row.get("average_precision")]
    if not rows:
        return None
    mean = {"name": "Mean", **utility["mean"]}
    first = next((row["sensitivity"] for row in rows if row.get("sensitivity")), None)
    return {
        "specificity": percent(first["specificity"]) if first else None,
        "rows": [_more(row) for row in ([mean, *rows])],
    }


def _more(row: dict[str, Any]) -> dict[str, Any]:
    precision = row.get("average_precision") or {}
    brier, sensitivity = row.get("brier") or {}, row.get("sensitivity") or {}
    return {
        "name": row["name"],
        "prevalence": prevalence(precision.get("prevalence")),
        "gap": estimate(precision.get("gap")),
        **{
            arm: {
                "precision": auroc((precision.get(arm) or {}).get("value")),
                "brier": auroc(brier.get(arm)),
                "sensitivity": estimate(sensitivity.get(arm), auroc),
            }
            for arm in ARMS
        },
    }


def roc(results: dict[str, Any], figures: Figures) -> list[dict[str, Any]]:
    """One ROC panel for each finding that has curves, in the order of the labels."""
    stored = results["curves"]
    areas = {
        row["name"]: {arm: auroc(row[arm]["value"]) for arm in ARMS}
        for row in results["utility"]["labels"]
        if row["gap"] is not None
    }
    panels = []
    for number, curve in enumerate(stored["labels"]):
        name, area = curve["name"], areas[curve["name"]]
        alt = (
            f"ROC curves for {name}: AUROC {area['real']} trained on real, "
            f"{area['synthetic']} trained on synthetic."
        )
        figure = draw.roc(stored["fpr"], curve["real"], curve["synthetic"])
        panel = figures.svg(f"roc-{number:02d}", figure, alt)
        panels.append(panel | {"name": name} | area)
    return panels


def precision_recall(
    results: dict[str, Any], figures: Figures
) -> list[dict[str, Any]] | None:
    """One panel of precision over recall for each finding that has curves."""
    stored = results.get("precision_recall")
    if not stored:
        return None
    rows = {row["name"]: row for row in results["utility"]["labels"]}
    panels = []
    for number, curve in enumerate(stored["labels"]):
        precision = rows.get(curve["name"], {}).get("average_precision") or {}
        area = {arm: auroc((precision.get(arm) or {}).get("value")) for arm in ARMS}
        share = prevalence(curve["prevalence"])
        alt = (
            f"Precision over recall for {curve['name']} at {share} prevalence: average "
            f"precision {area['real']} trained on real, {area['synthetic']} trained on "
            "synthetic."
        )
        figure = draw.precision_recall(
            stored["recall"], curve["real"], curve["synthetic"], curve["prevalence"]
        )
        panel = figures.svg(f"precision-recall-{number:02d}", figure, alt)
        panels.append(panel | {"name": curve["name"], "prevalence": share} | area)
    return panels


def calibration(results: dict[str, Any], figures: Figures) -> dict[str, Any] | None:
    """A reliability diagram and the numbers before and after recalibration, by arm."""
    stored = results.get("calibration")
    if not stored:
        return None
    panels, rows = [], []
    for number, arm in enumerate(stored["arms"]):
        before, after = arm["before"], arm.get("after")
        name = title(arm["name"])
        alt = (
            f"Reliability diagram of the arm {name}: calibration error "
            f"{auroc(before['ece'])}, slope {plain(before['slope'])}."
        )
        if arm.get("curve"):
            figure = draw.reliability(arm["name"], arm["curve"])
            panel = figures.svg(f"reliability-{number:02d}", figure, alt)
            panels.append(panel | {"name": name, "ece": auroc(before["ece"])})
        for when, found in (("before", before), ("after", after)):
            if found is not None:
                rows.append(
                    {"name": name, "when": when}
                    | {key: auroc(found.get(key)) for key in ("ece", "brier")}
                    | {key: signed(found.get(key)) for key in ("slope", "intercept")}
                )
    return {
        "bins": stored["bins"],
        "panels": panels,
        "rows": rows,
        "recalibrated": any(row["when"] == "after" for row in rows),
    }
