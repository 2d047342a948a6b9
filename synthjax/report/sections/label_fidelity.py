"""Whether synthetic images show the findings that their labels name."""

from synthjax.report.formatting import auroc, with_interval
from synthjax.report.section import SectionInputs, Values
from synthjax.report.sections.forest_plot import add_forest


def label_fidelity(inputs: SectionInputs) -> Values:
    """Return the AUROC of real-trained classifiers on synthetic images, by finding.

    The AUROC of synthetic-trained classifiers on them stands beside it, if measured.
    """
    stored = inputs.results["label_fidelity"]
    own = inputs.results.get("synthetic_on_synthetic")
    own_auroc = {row["name"]: row["auroc"] for row in own["labels"]} if own else {}
    defined = [row for row in stored["labels"] if row["auroc"] is not None]
    defined.sort(key=lambda row: row["auroc"]["value"])
    rows = [
        {
            "name": row["name"],
            "auroc": with_interval(row["auroc"], auroc),
            "own": with_interval(own_auroc.get(row["name"]), auroc),
            "n_positive": row["n_positive"],
            "n": row["n"],
        }
        for row in defined
    ]
    return {
        "forest": add_forest(
            inputs.figures,
            "label-fidelity",
            defined,
            stored["mean"],
            what="AUROC of real-trained classifiers on synthetic test images",
            field="auroc",
            write=auroc,
            axis="AUROC on synthetic test images",
            reference=0.5,
        ),
        "mean": with_interval(stored["mean"], auroc),
        "own": with_interval(own["mean"], auroc) if own else None,
        "rows": rows,
        "undefined": [r["name"] for r in stored["labels"] if r["auroc"] is None],
    }
