"""What a section of the page is.

To add a section, write its build function and its template, and put its line into
`sections.SECTIONS`; the page, its contents and the list of what was not measured follow
from that table. A section may as well come from outside the package:

    def build(inputs):
        return {"seeds": inputs.results["seeds"]}

    text = "<h2>Seeds</h2><p>{{ section.seeds }} seeds, on {{ page.title }}.</p>"
    SECTIONS.insert(-1, Section("seeds", "Seeds", build, text))
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from synthjax.report.config import ReportConfig
from synthjax.report.figure_folder import FigureFolder
from synthjax.report.study_reader import StudyReader

Values = Mapping[str, Any]  # what a template sees as `section`


class MetricText(Protocol):
    """What a metric of results.json is called, such as `metrics.metric.Metric`."""

    @property
    def title(self) -> str:
        """Its name for people."""

    @property
    def meaning(self) -> str:
        """What it measures, in half a line."""


@dataclasses.dataclass(frozen=True)
class SectionInputs:
    """What a section may read, and where it keeps its figures."""

    config: ReportConfig
    results: dict[str, Any]  # evaluate/results.json
    study: StudyReader
    figures: FigureFolder
    metrics: Mapping[str, MetricText]  # name of a metric in results.json -> its words


class Build(Protocol):
    """Computes what a section says, without how it looks."""

    def __call__(self, inputs: SectionInputs, /) -> Values | None:
        """Return the values for the template, or None to leave the section out."""
        ...


@dataclasses.dataclass(frozen=True)
class Section:
    """A section of the page.

    Its template writes what is inside of the <section> element. It sees what `build`
    returned as `section`, the page as `page` (`page.Page`), and may import
    `macros.html`. Write numbers through the filter `thousands`.
    """

    key: str  # its anchor on the page, such as "label-fidelity"
    title: str  # its entry in the contents
    build: Build
    template: Path | str  # a Jinja file, or the text of one
    needs: tuple[str, ...] = ()  # keys of results.json; left out if one is absent
    uses: tuple[str, ...] = ()  # keys that it shows too, where they are there
    shows_patients: bool = False  # whether it has real images

    def is_measured(self, results: Mapping[str, Any]) -> bool:
        """Return whether the results have all that the section needs."""
        return all(results.get(key) for key in self.needs)
