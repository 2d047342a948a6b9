"""What the doctor found, and how it is printed: facts, tables, findings with remedies."""

import dataclasses
import textwrap
from collections import Counter
from collections.abc import Sequence

WIDTH = 100  # columns of a printed line
ERROR, WARNING, NOTE = "error", "warning", "note"  # the worst first
_SEVERITIES = (ERROR, WARNING, NOTE)
_SHOWN = 3  # places that a finding spells out
_LONGEST = 500  # characters of a place
_MARGIN = 10  # columns before the text of a finding


@dataclasses.dataclass(frozen=True)
class Finding:
    """One kind of thing that is wrong or odd, wherever it is."""

    severity: str  # error: a build would fail; warning: it would be wrong; note
    kind: str  # a few words: "file missing"
    places: tuple[str, ...]  # each a file, row, patient or label, and what is there
    remedy: str  # a sentence

    @property
    def count(self) -> int:
        """In how many places."""
        return len(self.places)


@dataclasses.dataclass(frozen=True)
class Grid:
    """A table: names to the left, cells to the right."""

    title: str
    header: tuple[str, ...]  # one for each column of cells
    rows: tuple[tuple[str, ...], ...]  # the name and the cells


@dataclasses.dataclass(frozen=True)
class Findings:
    """All that the doctor says of a source."""

    title: str
    facts: tuple[tuple[str, str], ...] = ()  # name and text
    grids: tuple[Grid, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def fatal(self) -> bool:
        """Whether a build would fail."""
        return any(finding.severity == ERROR for finding in self.findings)

    def table(self) -> str:
        """Everything as text, for a page of 100 columns."""
        parts = ["\n".join([self.title, *_facts(self.facts)])]
        parts += ["\n".join(_grid(grid)) for grid in self.grids]
        ranked = sorted(self.findings, key=lambda f: _SEVERITIES.index(f.severity))
        parts += ["\n".join(_finding(finding)) for finding in ranked]
        return "\n\n".join([*parts, self.verdict()])

    def verdict(self) -> str:
        """The last line: how many findings, and what a build would do."""
        counts = Counter(finding.severity for finding in self.findings)
        parts = [
            f"{counts[severity]} {severity}{'s' * (counts[severity] != 1)}"
            for severity in _SEVERITIES
            if counts[severity]
        ]
        would = "would fail" if self.fatal else "would go through"
        return f"{', '.join(parts) or 'Nothing to report'}: a build {would}."


def count_of(number: int, noun: str, plural: str = "") -> str:
    """ "1 image", "2,000 images"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def printable(text: str) -> str:
    """Text for a terminal: what no terminal shows is escaped, what is long is cut."""
    text = text.encode("utf-8", "backslashreplace").decode()
    text = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text
    )
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."


def _facts(facts: Sequence[tuple[str, str]]) -> list[str]:
    wide = max((len(name) for name, _ in facts), default=0)
    return [
        line
        for name, text in facts
        for line in _wrapped(f"{name:<{wide}}  ", printable(text))
    ]


def _wrapped(head: str, text: str) -> list[str]:
    """The text behind its head, further lines below the text."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_on_hyphens=False,
    )


def _grid(grid: Grid) -> list[str]:
    """Names aligned to the left, cells to the right; empty columns are left out."""
    columns = [
        column
        for column in zip(grid.header, *(row[1:] for row in grid.rows), strict=True)
        if any(column[1:])
    ]
    widths = [max(map(len, column)) for column in columns]
    room = WIDTH - sum(width + 2 for width in widths)
    names = [
        name if len(name) <= room else f"{name[: room - 3]}..."
        for name in map(printable, (grid.title, *(row[0] for row in grid.rows)))
    ]
    wide = max(map(len, names))
    return [
        (
            f"{name:<{wide}}"
            + "".join(f"  {c:>{w}}" for c, w in zip(cells, widths, strict=True))
        ).rstrip()
        for name, *cells in zip(names, *columns, strict=True)
    ]


def _finding(finding: Finding) -> list[str]:
    margin = " " * _MARGIN
    lines = [f"{finding.severity:<{_MARGIN}}{finding.kind}: {finding.count:,}"]
    for place in finding.places[:_SHOWN]:
        lines += _wrapped(f"{margin}- ", printable(place))
    if finding.count > _SHOWN:
        lines.append(f"{margin}- and {finding.count - _SHOWN:,} more")
    return lines + _wrapped(f"{margin}> ", printable(finding.remedy))
