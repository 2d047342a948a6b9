"""How a report is printed."""

from synthjax.data.doctor import Diagnostic, ValidationReport


def test_the_table_is_aligned_and_worst_first():
    report = ValidationReport(
        "title",
        diagnostics=(
            Diagnostic("note", "small", ("a",), "Do."),
            Diagnostic("error", "large", tuple("abcd"), "Do this."),
        ),
    )
    lines = report.text().splitlines()
    assert lines == [
        "title",
        "",
        "error     large: 4",
        "          - a",
        "          - b",
        "          - c",
        "          - and 1 more",
        "          > Do this.",
        "",
        "note      small: 1",
        "          - a",
        "          > Do.",
        "",
        "1 error, 1 note: a build would fail.",
    ]
