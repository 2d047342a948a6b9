"""The gap among patients of one sex, age or view."""

from synthjax.report.formatting import as_title, auroc, with_interval
from synthjax.report.section import SectionInputs, Values
from synthjax.report.sections.forest_plot import add_forest
from synthjax.report.sections.verdict import mean_gap
from synthjax.report.study_reader import COMPARED_ARMS


def subgroups(inputs: SectionInputs) -> Values:
    """Return the gap of each subgroup; those too small to measure are named."""
    stored = inputs.results["subgroups"]
    named = [{"name": f"{as_title(g['by'])}: {g['group']}", **g} for g in stored]
    large = [group for group in named if group.get("gap") is not None]
    return {
        "forest": add_forest(
            inputs.figures,
            "subgroups",
            large,
            mean_gap(inputs.results),
            what="AUROC gap by subgroup",
            lead_name="All",
        )
        if large
        else None,
        "rows": [
            {"name": group["name"], "n": group["n"], "patients": group["patients"]}
            | {arm: with_interval(group[arm], auroc) for arm in COMPARED_ARMS}
            | {"gap": with_interval(group["gap"])}
            for group in large
        ],
        "small": [
            {
                "name": group["name"],
                "reason": group.get("reason", "no AUROC is defined"),
            }
            for group in named
            if group.get("gap") is None
        ],
    }
