"""Writes report.html: one file, no request to anywhere, figures beside it as files."""

import dataclasses
from pathlib import Path
from typing import Any

import jinja2

from synthjax.core.clock import say
from synthjax.core.errors import ConfigError, StudyError
from synthjax.core.files import write_atomic
from synthjax.report import record
from synthjax.report.numbers import numbers_csv
from synthjax.report.sections import groups, images, utility
from synthjax.report.sections.data import data_card
from synthjax.report.sections.fidelity import fidelity
from synthjax.report.sections.learning import learning
from synthjax.report.sections.scorecard import scorecard
from synthjax.report.sections.verdict import verdict
from synthjax.report.store import Figures
from synthjax.report.study_reader import Material

TEMPLATES = Path(__file__).parent / "templates"
# Sections in the order of the page, as its contents list them.
CONTENTS = {
    "verdict": "Verdict",
    "findings": "Gap by finding",
    "curves": "Curves",
    "calibration": "Calibration",
    "subgroups": "Subgroups",
    "arms": "Arms and controls",
    "label-fidelity": "Label fidelity",
    "fidelity": "Fidelity",
    "images": "Images",
    "neighbours": "Nearest images",
    "attribution": "Attribution",
    "learning": "Training",
    "data": "Data",
    "scorecard": "Scorecard",
    "record": "Record",
}
# Keys of results.json that a run may lack.
OPTIONAL = (
    "primary",
    "precision_recall",
    "calibration",
    "subgroups",
    "arms",
    "label_fidelity",
    "synthetic_on_synthetic",
    "fidelity",
    "neighbours",
    "attribution",
)
MAX_BYTES = 10_000_000  # of the page, so that it can be sent by mail


@dataclasses.dataclass(frozen=True)
class ReportConfig:
    """What the page shows."""

    title: str = ""  # heading; empty names the data set
    note: str = ""  # a sentence under the heading, such as who ran the study and why
    rows: int = 3  # images under each other in a column of real and synthetic
    cell: int = 160  # widest image in those columns, pixels; wider ones are reduced
    samples: int = 4  # grids that show how the generator learned

    def __post_init__(self) -> None:
        for name in ("rows", "cell", "samples"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}={getattr(self, name)}: must be 1 or more")


def write_report(config: ReportConfig, *, study: Path, out: Path) -> None:
    """Writes report.html, numbers.csv and figures/ into `out`.

    Reads JSON and images of the directories of a study only. What an optional file would
    have shown is replaced by a line that names the file; a section whose numbers are not
    in the results is left out, and named at the end.

    Raises:
      StudyError: there are no results, or the page would be too large to send.
    """
    material = Material(study)
    results = material.results()
    context = _context(config, material, results, Figures(out / "figures"))
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html").render(context).encode()
    if len(page) > MAX_BYTES:
        raise StudyError(
            f"the report would have {len(page) / 1e6:.1f} MB, more than "
            f"{MAX_BYTES / 1e6:.0f}: lower config.report.cell, rows or samples"
        )
    write_atomic(out / "report.html", page)
    write_atomic(out / "numbers.csv", numbers_csv(results).encode())
    say(f"report: {out / 'report.html'}")


def _context(
    config: ReportConfig,
    material: Material,
    results: dict[str, Any],
    figures: Figures,
) -> dict[str, Any]:
    """Everything that the templates name."""
    stages = material.stages()
    origin = material.json("synth", "provenance.json")
    card = material.json("data", "splits.json")
    optional = {
        "calibration": utility.calibration(results, figures),
        "subgroups": groups.subgroups(results, figures),
        "arms": groups.arms(results, figures),
        "label_fidelity": groups.label_fidelity(results, figures),
        "fidelity": fidelity(results),
        "neighbours": images.neighbours(results, material, figures),
        "attribution": images.attribution(results, material, figures),
    }
    return {
        "config": config,
        "css": (TEMPLATES / "style.css").read_text(encoding="utf-8"),
        "verdict": verdict(results),
        "findings": utility.findings(results, figures),
        "more": utility.more_numbers(results),
        "roc": utility.roc(results, figures),
        "precision_recall": utility.precision_recall(results, figures),
        **optional,
        "grids": images.grids(material, figures, config),
        "learning": learning(material, figures, config),
        "data": data_card(card, stages),
        "scorecard": scorecard(results, card, origin),
        "gates": record.gates(material.optional_json("evaluate", "gates.json")),
        "provenance": record.provenance(origin),
        "made_elsewhere": record.made_elsewhere(origin),
        "stages": record.stage_table(stages),
        "settings": record.settings(stages),
        "versions": record.versions(stages),
        "missing": material.missing,
        "unmeasured": [key for key in OPTIONAL if not results.get(key)],
        "contents": [
            (anchor, words)
            for anchor, words in CONTENTS.items()
            if optional.get(anchor.replace("-", "_"), True)
        ],
    }
