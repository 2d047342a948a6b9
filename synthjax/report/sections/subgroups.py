"""The gap among patients of one sex, age or view."""

from synthjax.report.formatting import auroc, estimate, title
from synthjax.report.section import SectionInputs, Values
from synthjax.report.sections.forest_plot import add_forest
from synthjax.report.sections.verdict import mean_gap
from synthjax.report.study_reader import COMPARED_ARMS


def subgroups(inputs: SectionInputs) -> Values:
    """Return the gap of each subgroup; those too small to measure are named."""
    stored = inputs.results["subgroups"]
    named = [{"name": f"{title(g['by'])}: {g['group']}", **g} for g in stored]
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
            | {arm: estimate(group[arm], auroc) for arm in COMPARED_ARMS}
            | {"gap": estimate(group["gap"])}
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
