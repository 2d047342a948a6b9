"""What training on synthetic images costs for each finding."""

from typing import Any

from synthjax.report.figure_folder import FigureFolder
from synthjax.report.formatting import (
    auroc,
    measured_percent,
    p_value,
    percent,
    with_interval,
)
from synthjax.report.section import SectionInputs, Values
from synthjax.report.sections.forest_plot import add_forest
from synthjax.report.sections.verdict import mean_gap, mean_row
from synthjax.report.study_reader import COMPARED_ARMS

Rows = list[dict[str, Any]]


def findings(inputs: SectionInputs) -> Values:
    """Return the forest plot and the table, largest gap first."""
    results = inputs.results
    labels, bootstrap = results["utility"]["labels"], results["bootstrap"]
    defined = [row for row in labels if row["gap"] is not None]
    defined.sort(key=lambda row: -row["gap"]["value"])
    return {
        "forest": _forest(results, defined, inputs.figures),
        "level": percent(bootstrap["level"]),
        "replicates": bootstrap["replicates"],
        **mean_row(results),
        "holm": any("p_holm" in row for row in defined),
        "rows": [_gap_row(row) for row in defined],
        "undefined": [
            {"name": row["name"], "reason": row["undefined"]}
            for row in labels
            if row["gap"] is None
        ],
        "more": _more_numbers(results["utility"]),
    }


def _forest(
    results: dict[str, Any], defined: Rows, figures: FigureFolder
) -> dict[str, str]:
    return add_forest(
        figures,
        "gap",
        defined,
        mean_gap(results),
        what="AUROC gap by finding",
        margin=(results.get("primary") or {}).get("margin"),
    )


def _gap_row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": row["name"],
        "real": auroc(row["real"]["value"]),
        "synthetic": auroc(row["synthetic"]["value"]),
        "gap": with_interval(row["gap"]),
        "p_holm": p_value(row.get("p_holm")),
        "significant": bool(row.get("significant")),
        "n_positive": row["n_positive"],
        "n": row["n"],
    }


def _more_numbers(utility: dict[str, Any]) -> dict[str, Any] | None:
    """Return average precision, Brier score and sensitivity of each finding."""
    rows = [row for row in utility["labels"] if row.get("average_precision")]
    if not rows:
        return None
    mean = {"name": "Mean", **utility["mean"]}
    first = next((row["sensitivity"] for row in rows if row.get("sensitivity")), None)
    return {
        "specificity": percent(first["specificity"]) if first else None,
        "rows": [_more_row(row) for row in (mean, *rows)],
    }


def _more_row(row: dict[str, Any]) -> dict[str, Any]:
    precision = row.get("average_precision") or {}
    brier, sensitivity = row.get("brier") or {}, row.get("sensitivity") or {}
    return {
        "name": row["name"],
        "prevalence": measured_percent(precision.get("prevalence")),
        "gap": with_interval(precision.get("gap")),
        **{
            arm: {
                "precision": auroc((precision.get(arm) or {}).get("value")),
                "brier": auroc(brier.get(arm)),
                "sensitivity": with_interval(sensitivity.get(arm), auroc),
            }
            for arm in COMPARED_ARMS
        },
    }
