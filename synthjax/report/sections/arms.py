"""What else a classifier was trained on: more synthetic images, both sets, controls."""

from synthjax.report import figures as draw
from synthjax.report.formatting import as_title, auroc, with_interval
from synthjax.report.section import SectionInputs, Values
from synthjax.report.sections.forest_plot import add_forest
from synthjax.report.study_reader import COMPARED_ARMS

# Name of an arm in results.json: its title on the page, and what it is there for.
ARM_TITLES = {
    "real": ("Real", "the real training set"),
    "synthetic": ("Synthetic", "as many synthetic images"),
    "synthetic_teacher": (
        "Synthetic, soft labels",
        "the same synthetic images, labelled by classifiers trained on real images",
    ),
    "synthetic_teacher_2x": (
        "Synthetic, twice, soft labels",
        "twice as many, labelled by classifiers trained on real images",
    ),
    "synthetic_teacher_3x": (
        "Synthetic, three times, soft labels",
        "three times as many, labelled by classifiers trained on real images",
    ),
    "synthetic_chosen": (
        "Synthetic, chosen",
        "of several images for each row of labels, the one that shows them best",
    ),
    "synthetic_chosen_teacher": (
        "Synthetic, chosen, soft labels",
        "the chosen images, labelled by classifiers trained on real images",
    ),
    "mixed": ("Real and synthetic", "both sets together"),
    "synthetic_2x": ("Synthetic, twice", "twice as many synthetic images"),
    "synthetic_3x": ("Synthetic, three times", "three times as many synthetic images"),
    "real_subsampled": ("Real, fewer", "control: part of the real training set"),
    "real_duplicated": (
        "Real, duplicated",
        "control: real images repeated up to the size of the mixed set",
    ),
    "real_shuffled": (
        "Real, labels shuffled",
        "control: labels shuffled among the images; must be at 0.5",
    ),
}


def arms(inputs: SectionInputs) -> Values | None:
    """Return the mean AUROC of every arm, and how far it lies below the real one.

    None where there are no arms but the two that the verdict shows.
    """
    stored = inputs.results["arms"]
    if len(stored) <= len(COMPARED_ARMS):
        return None
    rows = []
    for arm in stored:
        name, meaning = ARM_TITLES.get(arm["name"], (as_title(arm["name"]), ""))
        rows.append(arm | {"key": arm["name"], "name": name, "meaning": meaning})
    drawn = [
        row | {"colour": draw.arm_colour(row["key"])}
        for row in rows
        if row["mean"]["value"] is not None
    ]
    return {
        "soft": any("soft labels" in row["name"] for row in rows),
        "choice": _choice(inputs),
        "forest": add_forest(
            inputs.figures,
            "arms",
            drawn,
            what="mean AUROC on real test images by arm",
            field="mean",
            write=auroc,
            axis="mean AUROC on real test images",
            reference=inputs.results["utility"]["mean"]["real"]["value"],
        ),
        "rows": [
            {
                "name": row["name"],
                "meaning": row["meaning"],
                "mean": with_interval(row["mean"], auroc),
                "gap": with_interval(row.get("gap_to_real")),
                "seeds": row["seeds"],
                "n_train": row.get("n_train"),
            }
            for row in rows
        ],
    }


def _choice(inputs: SectionInputs) -> dict[str, str] | None:
    """Return what choosing among synthetic images brought and cost; None without."""
    found = inputs.study.optional_json("classifier", "chosen.json")
    if found is None:
        return None
    return {
        "candidates": f"{found['candidates']}",
        **{
            name: "–" if found[name] is None else f"{found[name]:.3f}"
            for name in (
                "agreement_all",
                "agreement_chosen",
                "diversity_all",
                "diversity_chosen",
            )
        },
    }
