"""Writes report.html: one file, no request to anywhere, figures beside it as files."""

import dataclasses
from pathlib import Path

import jinja2

from synthjax.core.clock import say
from synthjax.core.errors import ConfigError, StudyError
from synthjax.core.files import write_atomic
from synthjax.report import record, sections
from synthjax.report.material import Material

TEMPLATES = Path(__file__).parent / "templates"
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
    """Writes `out`/report.html and `out`/figures/ from the directories of a study.

    Reads JSON and images only. What an optional file would have shown is replaced by a
    line that names the file.

    Raises:
      StudyError: there are no results, or the page would be too large to send.
    """
    material = Material(study)
    results = material.results()
    figures = sections.Figures(out / "figures")
    stages = material.stages()
    origin = material.json("synth", "provenance.json")
    context = {
        "config": config,
        "css": (TEMPLATES / "style.css").read_text(encoding="utf-8"),
        "verdict": sections.verdict(results),
        "findings": sections.findings(results, figures),
        "curves": sections.curves(results, figures),
        "grids": sections.grids(material, figures, config),
        "learning": sections.learning(material, figures, config),
        "data": sections.data_card(material, stages),
        "provenance": record.provenance(origin),
        "made_elsewhere": record.made_elsewhere(origin),
        "stages": record.stage_table(stages),
        "settings": record.settings(stages),
        "versions": record.versions(stages),
        "missing": material.missing,
    }
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
    say(f"report: {out / 'report.html'}")
