"""The same comparison for parts of the patients, for other arms, for the labels."""

from typing import Any

from synthjax.report import figures as draw
from synthjax.report.sections.forests import forest
from synthjax.report.sections.verdict import mean_gap
from synthjax.report.store import Figures
from synthjax.report.words import auroc, estimate, title

# What an arm was trained on: its name on the page, and what it is there for.
ARMS = {
    "real": ("Real", "the real training set"),
    "synthetic": ("Synthetic", "as many synthetic images"),
    "mixed": ("Real and synthetic", "both sets together"),
    "synthetic_2x": ("Synthetic, twice", "twice as many synthetic images"),
    "synthetic_3x": ("Synthetic, three times", "three times as many synthetic images"),
    "real_subsampled": ("Real, fewer", "control: part of the real training set"),
    "real_duplicated": (
        "Real, duplicated",
        "control: real images repeated up to the number of the mixed set",
    ),
    "real_shuffled": (
        "Real, labels shuffled",
        "control: labels dealt out anew; must be at 0.5",
    ),
}


def subgroups(results: dict[str, Any], figures: Figures) -> dict[str, Any] | None:
    """The gap by sex, age and view; groups too small to say are named."""
    stored = results.get("subgroups")
    if not stored:
        return None
    named = [{"name": f"{title(g['by'])}: {g['group']}", **g} for g in stored]
    large = [group for group in named if group.get("gap") is not None]
    return {
        "forest": forest(
            figures,
            "subgroups",
            large,
            mean_gap(results),
            what="AUROC gap by subgroup",
            lead_name="All",
        )
        if large
        else None,
        "rows": [
            {"name": group["name"], "n": group["n"], "patients": group["patients"]}
            | {arm: estimate(group[arm], auroc) for arm in ("real", "synthetic")}
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


def arms(results: dict[str, Any], figures: Figures) -> dict[str, Any] | None:
    """Mean AUROC of every arm and what it lies below the real one."""
    stored = results.get("arms")
    if not stored or len(stored) <= 2:  # the verdict shows two
        return None
    rows = []
    for arm in stored:
        name, meaning = ARMS.get(arm["name"], (title(arm["name"]), ""))
        rows.append(arm | {"key": arm["name"], "name": name, "meaning": meaning})
    drawn = [
        row | {"colour": draw.arm_colour(row["key"])}
        for row in rows
        if row["mean"]["value"] is not None
    ]
    return {
        "forest": forest(
            figures,
            "arms",
            drawn,
            what="mean AUROC on real test images by arm",
            field="mean",
            write=auroc,
            axis="mean AUROC on real test images",
            reference=results["utility"]["mean"]["real"]["value"],
        ),
        "rows": [
            {
                "name": row["name"],
                "meaning": row["meaning"],
                "mean": estimate(row["mean"], auroc),
                "gap": estimate(row.get("gap_to_real")),
                "seeds": row["seeds"],
                "n_train": row.get("n_train"),
            }
            for row in rows
        ],
    }


def label_fidelity(results: dict[str, Any], figures: Figures) -> dict[str, Any] | None:
    """Whether synthetic images show the findings that their labels name."""
    found = results.get("label_fidelity")
    if not found:
        return None
    own = results.get("synthetic_on_synthetic")
    others = {row["name"]: row["auroc"] for row in own["labels"]} if own else {}
    defined = [row for row in found["labels"] if row["auroc"] is not None]
    defined.sort(key=lambda row: row["auroc"]["value"])
    rows = [
        {
            "name": row["name"],
            "auroc": estimate(row["auroc"], auroc),
            "own": estimate(others.get(row["name"]), auroc),
            "n_positive": row["n_positive"],
            "n": row["n"],
        }
        for row in defined
    ]
    return {
        "forest": forest(
            figures,
            "label-fidelity",
            defined,
            found["mean"],
            what="AUROC of real-trained classifiers on synthetic test images",
            field="auroc",
            write=auroc,
            axis="AUROC on synthetic test images",
            reference=0.5,
        ),
        "mean": estimate(found["mean"], auroc),
        "own": estimate(own["mean"], auroc) if own else None,
        "rows": rows,
        "undefined": [r["name"] for r in found["labels"] if r["auroc"] is None],
    }
