"""A section from outside the package stands on the page like all others."""

import dataclasses

import pytest

from synthjax.report.config import ReportConfig
from synthjax.report.page import write_report
from synthjax.report.sections import SECTIONS, TEMPLATES
from tests.toys.section import SECTION as TOY


@pytest.fixture
def render(full_study, tmp_path, monkeypatch, empty_figures):
    """Returns the page with a section put before the one at `place`."""

    def render(section, place=1):
        table = [*SECTIONS[:place], section, *SECTIONS[place:]]
        monkeypatch.setattr("synthjax.report.sections.SECTIONS", table)
        write_report(ReportConfig(title="Toys"), study=full_study, out=tmp_path)
        return (tmp_path / "report.html").read_text(encoding="utf-8")

    return render


@pytest.mark.slow
def test_section_is_on_the_page_and_in_its_contents(render, tmp_path):
    page = render(TOY)
    assert '<li><a href="#toy-seeds">Seeds &amp; more</a></li>' in page
    _, verdict, toy, findings, *_ = page.split("<section")
    assert toy.startswith(' id="toy-seeds">')
    assert "<h2>Seeds of Toys</h2>" in toy
    assert "Trained 3 times, tested on 2,412\nimages" in toy
    assert 'href="#findings"' in toy
    assert 'alt="A bar as high as the seeds"' in toy
    assert 'id="verdict"' in verdict
    assert 'id="findings"' in findings
    assert (tmp_path / "figures" / "toy.svg").exists()


@pytest.mark.slow
def test_template_may_be_a_file_beside_others(render, tmp_path):
    (tmp_path / "words.html").write_text("{% macro hello() %}Hello{% endmacro %}")
    path = tmp_path / "macros_of_mine.html"
    path.write_text('{% import "words.html" as w %}<h2>{{ w.hello() }}</h2>')
    section = dataclasses.replace(TOY, template=path)
    assert "<h2>Hello</h2>" in render(section, place=len(SECTIONS))


@pytest.mark.slow
def test_section_that_was_not_measured_is_left_out_and_named(render):
    page = render(dataclasses.replace(TOY, needs=("seeds", "volumes")))
    assert "toy-seeds" not in page
    assert "volumes.</p>" in page.split("Not measured in this study")[1]
    page = render(dataclasses.replace(TOY, build=lambda inputs: None))
    assert "toy-seeds" not in page


def test_keys_and_titles_are_told_apart_and_templates_are_there():
    for values in (
        [section.key for section in SECTIONS],
        [section.title for section in SECTIONS],
    ):
        assert len(set(values)) == len(values)
    used = {section.template for section in SECTIONS}
    frame = {TEMPLATES / "report.html", TEMPLATES / "macros.html"}
    assert used | frame == set(TEMPLATES.glob("*.html"))
