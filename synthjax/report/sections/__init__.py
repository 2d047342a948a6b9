"""The sections of the page: one table, in the order in which the page has them."""

from pathlib import Path

from synthjax.report.section import Section
from synthjax.report.sections.arms import arms
from synthjax.report.sections.attribution import attribution
from synthjax.report.sections.calibration import calibration
from synthjax.report.sections.curves import curves
from synthjax.report.sections.data import data
from synthjax.report.sections.fidelity import fidelity
from synthjax.report.sections.findings import findings
from synthjax.report.sections.images import images
from synthjax.report.sections.label_fidelity import label_fidelity
from synthjax.report.sections.learning import learning
from synthjax.report.sections.neighbours import neighbours
from synthjax.report.sections.record import record
from synthjax.report.sections.scorecard import scorecard
from synthjax.report.sections.subgroups import subgroups
from synthjax.report.sections.verdict import verdict

TEMPLATES = Path(__file__).parent.parent / "templates"

# The first stands above the contents, which list the others. `section` says how to add
# one.
SECTIONS: list[Section] = [
    Section(
        "verdict", "Verdict", verdict, TEMPLATES / "verdict.html", uses=("primary",)
    ),
    Section("findings", "Gap by finding", findings, TEMPLATES / "findings.html"),
    Section(
        "curves",
        "Curves",
        curves,
        TEMPLATES / "curves.html",
        uses=("precision_recall",),
    ),
    Section(
        "calibration",
        "Calibration",
        calibration,
        TEMPLATES / "calibration.html",
        needs=("calibration",),
    ),
    Section(
        "subgroups",
        "Subgroups",
        subgroups,
        TEMPLATES / "subgroups.html",
        needs=("subgroups",),
    ),
    Section(
        "arms", "Arms and controls", arms, TEMPLATES / "arms.html", needs=("arms",)
    ),
    Section(
        "label-fidelity",
        "Label fidelity",
        label_fidelity,
        TEMPLATES / "label_fidelity.html",
        needs=("label_fidelity",),
        uses=("synthetic_on_synthetic",),
    ),
    Section(
        "fidelity",
        "Fidelity",
        fidelity,
        TEMPLATES / "fidelity.html",
        needs=("fidelity",),
    ),
    Section("images", "Images", images, TEMPLATES / "images.html", shows_patients=True),
    Section(
        "neighbours",
        "Nearest images",
        neighbours,
        TEMPLATES / "neighbours.html",
        needs=("neighbours",),
        shows_patients=True,
    ),
    Section(
        "attribution",
        "Attribution",
        attribution,
        TEMPLATES / "attribution.html",
        needs=("attribution",),
        shows_patients=True,
    ),
    Section("learning", "Training", learning, TEMPLATES / "learning.html"),
    Section("data", "Data", data, TEMPLATES / "data.html"),
    Section("scorecard", "Scorecard", scorecard, TEMPLATES / "scorecard.html"),
    Section("record", "Record", record, TEMPLATES / "record.html"),
]
