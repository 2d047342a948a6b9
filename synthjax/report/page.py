"""Writes report.html: one file, no request to anywhere, figures beside it as files."""

import dataclasses
import types
from collections.abc import Mapping
from pathlib import Path

import jinja2
from markupsafe import Markup

from synthjax.core.clock import say
from synthjax.core.errors import StudyError
from synthjax.core.files import write_atomic
from synthjax.report import sections
from synthjax.report.config import ReportConfig
from synthjax.report.figure_folder import FigureFolder
from synthjax.report.formatting import as_title
from synthjax.report.numbers_csv import numbers_csv
from synthjax.report.section import MetricText, Section, SectionInputs, Values
from synthjax.report.study_reader import StudyReader

# The page loads nothing and runs nothing, whatever words of a study stand in it.
_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'"
)


@dataclasses.dataclass(frozen=True)
class Page:
    """What every template sees as `page`."""

    title: str
    note: str
    description: str  # for those who find the page by a search
    css: str
    policy: str  # the content-security policy
    simulated: bool  # whether the images called real are a phantom's
    shows_patients: bool  # whether real images are on the page
    sections: tuple[Section, ...]  # those that are on the page, in order
    missing: tuple[str, ...]  # files that the study lacks
    unmeasured: tuple[str, ...]  # keys that results.json lacks

    def has(self, key: str) -> bool:
        """Return whether the section of this key is on the page."""
        return any(section.key == key for section in self.sections)


def write_report(
    config: ReportConfig,
    *,
    study: Path,
    out: Path,
    metrics: Mapping[str, MetricText] = types.MappingProxyType({}),
    max_bytes: int = 10_000_000,
) -> None:
    """Write report.html, numbers.csv and figures/ into `out`.

    Reads JSON and images of a study's directories only. A file that is absent is named
    in place of what it would have shown. A section whose numbers are not in the results
    is left out, and named at the end.

    Args:
      config: what the page shows.
      study: the directory of the study.
      out: made if missing.
      metrics: name of a metric in results.json -> its title and meaning; a metric that
        is not among them stands on the page under its name.
      max_bytes: of the page, so that it can be sent by mail.

    Raises:
      StudyError: there are no results, or the page would be too large to send.
    """
    reader = StudyReader(study)
    figures = FigureFolder(out / "figures")
    inputs = SectionInputs(config, reader.results(), reader, figures, metrics)
    content = _render(inputs).encode()
    if len(content) > max_bytes:
        raise StudyError(
            f"the report would have {len(content) / 1e6:.1f} MB, more than "
            f"{max_bytes / 1e6:.0f}: lower config.report.image_width, images_per_finding or "
            "sample_grids"
        )
    write_atomic(out / "report.html", content)
    write_atomic(out / "numbers.csv", numbers_csv(inputs.results).encode())
    say(f"report: {out / 'report.html'}")


def _render(inputs: SectionInputs) -> str:
    """Return the page as HTML."""
    values: dict[str, Values] = {}
    for section in sections.SECTIONS:
        if section.shows_patients and not inputs.config.real_images:
            continue
        if section.is_measured(inputs.results):
            built = section.build(inputs)
            if built is not None:
                values[section.key] = built
    page = _page(inputs, values)
    environment = _environment()
    bodies = {
        section.key: Markup(
            _template(environment, section.template).render(
                section=values[section.key], page=page
            )
        )
        for section in page.sections
    }
    return environment.get_template("report.html").render(page=page, bodies=bodies)


def _page(inputs: SectionInputs, values: dict[str, Values]) -> Page:
    """Return the frame of the page; everything must have been read by now."""
    config, results, table = inputs.config, inputs.results, sections.SECTIONS
    keys = [key for section in table for key in (*section.needs, *section.uses)]
    source = inputs.study.source()
    shown = tuple(section for section in table if section.key in values)
    return Page(
        title=config.title or as_title(source or "study"),
        note=config.note,
        description=results["verdict"],
        css=(sections.TEMPLATES / "style.css").read_text(encoding="utf-8"),
        policy=_POLICY,
        simulated=inputs.study.is_simulated(),
        shows_patients=any(section.shows_patients for section in shown),
        sections=shown,
        missing=inputs.study.missing,
        unmeasured=tuple(key for key in dict.fromkeys(keys) if not results.get(key)),
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(sections.TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["thousands"] = "{:,}".format
    return environment


def _template(environment: jinja2.Environment, source: Path | str) -> jinja2.Template:
    """Return a section's template, which may import what lies beside it."""
    if isinstance(source, str):
        return environment.from_string(source)
    folders = (source.parent, sections.TEMPLATES)
    loader = jinja2.FileSystemLoader(folders)
    return environment.overlay(loader=loader).get_template(source.name)
