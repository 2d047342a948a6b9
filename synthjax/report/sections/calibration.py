"""Whether the classifiers' probabilities are right."""

from typing import Any

from synthjax.report import figures as draw
from synthjax.report.formatting import as_title, auroc, plain, signed
from synthjax.report.section import SectionInputs, Values


def calibration(inputs: SectionInputs) -> Values:
    """Return a reliability diagram for each arm, its numbers before and after."""
    stored = inputs.results["calibration"]
    panels, rows = [], []
    for number, arm in enumerate(stored["arms"]):
        before, after = arm["before"], arm.get("after")
        name = as_title(arm["name"])
        alt = (
            f"Reliability diagram of the arm {name}: calibration error "
            f"{auroc(before['ece'])}, slope {plain(before['slope'])}."
        )
        if arm.get("curve"):
            figure = draw.reliability(arm["name"], arm["curve"])
            panel = inputs.figures.add_svg(f"reliability-{number:02d}", figure, alt)
            panels.append(panel | {"name": name, "ece": auroc(before["ece"])})
        for when, numbers in (("before", before), ("after", after)):
            if numbers is not None:
                rows.append(_row(name, when, numbers))
    return {
        "bins": stored["bins"],
        "panels": panels,
        "rows": rows,
        "recalibrated": any(row["when"] == "after" for row in rows),
    }


def _row(name: str, when: str, numbers: dict[str, Any]) -> dict[str, str]:
    return {
        "name": name,
        "when": when,
        **{key: auroc(numbers.get(key)) for key in ("ece", "brier")},
        **{key: signed(numbers.get(key)) for key in ("slope", "intercept")},
    }
