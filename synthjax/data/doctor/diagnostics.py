"""What the doctor says of a source: facts, tables, and diagnostics with a remedy."""

import dataclasses
import textwrap
from collections import Counter
from collections.abc import Sequence

from synthjax.core.table import format_table

WIDTH = 100  # columns of a printed line
ERROR, WARNING, NOTE = "error", "warning", "note"  # the worst first
_SEVERITIES = (ERROR, WARNING, NOTE)
_SHOWN = 3  # places that a diagnostic spells out
_LONGEST = 500  # characters of a place
_MARGIN = 10  # columns before the text of a diagnostic


@dataclasses.dataclass(frozen=True)
class Diagnostic:
    """One kind of thing that is wrong or odd, wherever it is."""

    severity: str  # error: a build would fail; warning: it would be wrong; note
    kind: str  # a few words: "file missing"
    places: tuple[str, ...]  # each a file, row, patient or label, and what is there
    remedy: str  # a sentence

    @property
    def count(self) -> int:
        """Return the number of places."""
        return len(self.places)


@dataclasses.dataclass(frozen=True)
class CountTable:
    """A table of counts: names to the left, cells to the right."""

    title: str
    header: tuple[str, ...]  # one for each column of cells
    rows: tuple[tuple[str, ...], ...]  # the name and the cells


@dataclasses.dataclass(frozen=True)
class ValidationReport:
    """Everything that the doctor says of a source."""

    title: str
    facts: tuple[tuple[str, str], ...] = ()  # name and text
    tables: tuple[CountTable, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    tables_alone: bool = False  # whether no image was looked at

    @property
    def fatal(self) -> bool:
        """Tell whether a build would fail."""
        return any(one.severity == ERROR for one in self.diagnostics)

    def text(self) -> str:
        """Return everything as text, for a page of 100 columns."""
        parts = ["\n".join([self.title, *_facts(self.facts)])]
        parts += [_table(table) for table in self.tables]
        ranked = sorted(self.diagnostics, key=lambda d: _SEVERITIES.index(d.severity))
        parts += ["\n".join(_diagnostic(diagnostic)) for diagnostic in ranked]
        return "\n\n".join([*parts, self.verdict()])

    def verdict(self) -> str:
        """Return the last line: how many diagnostics, and what a build would do."""
        counts = Counter(diagnostic.severity for diagnostic in self.diagnostics)
        parts = [
            f"{counts[severity]} {severity}{'s' * (counts[severity] != 1)}"
            for severity in _SEVERITIES
            if counts[severity]
        ]
        would = "would fail" if self.fatal else "would go through"
        told = f"{', '.join(parts) or 'Nothing to report'}: a build {would}"
        if self.tables_alone and not self.fatal:
            return (
                f"{told}, as far as the tables tell. The images were not looked at: "
                "check again without --tables once they are there."
            )
        return f"{told}."


def count_of(number: int, noun: str, plural: str = "") -> str:
    """Write "1 image" or "2,000 images"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def printable(text: str) -> str:
    """Escape what a terminal cannot show, and cut what is long."""
    text = text.encode("utf-8", "backslashreplace").decode()
    text = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text
    )
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."


def _facts(facts: Sequence[tuple[str, str]]) -> list[str]:
    """Format names and their texts, the texts below each other."""
    wide = max((len(name) for name, _ in facts), default=0)
    return [
        line
        for name, text in facts
        for line in _wrapped(f"{name:<{wide}}  ", printable(text))
    ]


def _wrapped(head: str, text: str) -> list[str]:
    """Put the text behind its head, and further lines below the text."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_on_hyphens=False,
    )


def _table(table: CountTable) -> str:
    """Format a table; columns without any text are left out."""
    columns = [
        column
        for column in zip(table.header, *(row[1:] for row in table.rows), strict=True)
        if any(column[1:])
    ]
    names = map(printable, (table.title, *(row[0] for row in table.rows)))
    header, *rows = zip(names, *columns, strict=True)
    return format_table(header, rows, align="lr", width=WIDTH)


def _diagnostic(diagnostic: Diagnostic) -> list[str]:
    """Format a diagnostic: kind and count, the first places, the remedy."""
    margin = " " * _MARGIN
    lines = [f"{diagnostic.severity:<{_MARGIN}}{diagnostic.kind}: {diagnostic.count:,}"]
    for place in diagnostic.places[:_SHOWN]:
        lines += _wrapped(f"{margin}- ", printable(place))
    if diagnostic.count > _SHOWN:
        lines.append(f"{margin}- and {diagnostic.count - _SHOWN:,} more")
    return lines + _wrapped(f"{margin}> ", printable(diagnostic.remedy))
