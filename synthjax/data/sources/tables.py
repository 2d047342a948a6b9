"""Hospitals' tables, read row by row: checked header, no row in memory twice."""

import csv
import functools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from synthjax.core.csv_text import restored
from synthjax.core.errors import StudyError
from synthjax.data.sources.table_text import (
    FALLBACK,
    LONGEST,
    cells_of,
    find_form,
    find_separator,
    named_separator,
    read_lines,
    same_name,
)

MALFORMED = (  # what is wrong with a row whose cells are None
    "it has not as many cells as the header, a quote that does not end, or a line break "
    "in a cell that is used; correct commas and quotes"
)
_MOST_COLUMNS = 10_000  # a table of labels has some tens
_HEADER_LINES = 100  # that a header with line breaks in its quotes has at the most
_SHOWN = 20  # columns in a message
_NUMBER = re.compile(r"\s*(-?\d+([.,]\d*)?)?\s*")  # or blank
_DECIMAL = re.compile(r"-?\d+,\d+")  # where commas do not separate cells


class CsvTable:
    """A table with a header, as people have them; gzipped or not.

    Cells are separated by commas, semicolons, tabs or bars, in UTF-8, UTF-16 or
    Windows-1252 (`table_text`); with another separator than commas, 1,5 is 1.5. Quoted
    cells may go on over several lines where the table is sound as a whole. Else, and in
    the cells that are used, a stray quote spoils its own row and no other.

    Args:
        path: the file.
        required: columns that it must have.
        wanted: further columns by which its separator is known.
        inside: the folder that it must be in, after links; by default its own.
        remedy: where the file comes from, a sentence for the error if it is away.
        multiline: whether cells that are used may have several lines, as texts do. A
            stray quote can then swallow rows, up to the next quote.

    Raises:
        StudyError: the file is missing, empty, no regular file or no table, a column
            is missing or comes twice. Every message names the file.
    """

    def __init__(
        self,
        path: Path,
        *,
        required: Sequence[str],
        wanted: Sequence[str] = (),
        inside: Path | None = None,
        remedy: str = "",
        multiline: bool = False,
    ):
        self.path, self._multiline = path, multiline
        self._inside = inside or path.parent
        try:
            path.stat()
        except (OSError, ValueError):
            raise StudyError(f"{path} does not exist. {remedy}".rstrip()) from None
        csv.field_size_limit(LONGEST)
        self._form = find_form(path, self._inside)
        self._separator, self._begin = ",", 0  # lines before the rows
        header = self._read_header((*required, *wanted))
        self.header = [restored(same_name(name)) for name in header]
        if not any(self.header):
            raise StudyError(f"{path} is empty; it needs a header and rows. {remedy}")
        if len(self.header) > _MOST_COLUMNS:
            raise StudyError(
                f"{path} has {len(self.header)} columns, more than {_MOST_COLUMNS}; it "
                "is no table of images and labels. Download it again."
            )
        counts = Counter(name for name in self.header if name)
        doubled = sorted(name for name, count in counts.items() if count > 1)
        if doubled:
            raise StudyError(f"{path}: the column(s) {doubled} come twice; rename one.")
        for column in required:
            self.check_column(column)

    def _read_header(self, wanted: Sequence[str]) -> list[str]:
        """Reads the header; finds out the separator and where the rows begin."""
        text, named = "", ""
        for number, line in enumerate(self._lines(), start=1):
            self._begin = number
            if not text and not named and (named := named_separator(line)):
                continue
            if not text and not line.strip(" \r\n"):
                continue
            text += line
            if text.count('"') % 2 == 0 or number > _HEADER_LINES:
                break
        self._separator = named or find_separator(text, wanted, cells_of)
        cells = cells_of(text, self._separator)
        if cells is None and text:
            cells = self._whole_header(text)
        return cells or []

    def _whole_header(self, text: str) -> list[str]:
        """Returns the cells of a header that has line breaks in its quotes."""
        try:
            lines = text.splitlines(keepends=True)
            rows = list(csv.reader(lines, strict=True, delimiter=self._separator))
        except csv.Error:
            rows = []
        if len(rows) != 1:
            raise StudyError(
                f"{self.path}: a quote in the header does not end; correct it."
            )
        return rows[0]

    @property
    def guessed(self) -> str:
        """Returns a sentence on an encoding that is a guess, or ""."""
        if self._form.encoding != FALLBACK:
            return ""
        return f"{self.path.name} is not UTF-8, and is read as Windows-1252."

    def check_column(self, column: str, remedy: str = "") -> None:
        """Raises StudyError if the column is missing."""
        if same_name(column) not in self.header:
            more = ["..."] * (len(self.header) > _SHOWN)
            raise StudyError(
                f"{self.path} has no column {column!r}; it has "
                f"{self.header[:_SHOWN] + more}. {self.guessed} {remedy}".rstrip()
            )

    def filled_rows(
        self, columns: Sequence[str]
    ) -> Iterator[tuple[int, list[str] | None]]:
        """Yields what `rows` does, without rows whose cells are all empty."""
        for line, cells in self.rows(columns):
            if cells is None or any(cells):
                yield line, cells

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[int, list[str] | None]]:
        """Yields line number and the stripped cells of `columns` for each row.

        The cells are None where a row is `MALFORMED`. Blank lines are skipped.
        """
        places = [self.header.index(same_name(column)) for column in columns]
        width = len(self.header)
        last = self._begin
        for line, cells in self._cells():
            if cells == []:
                last = line
                continue
            if cells is None or len(cells) != width:
                used = None
            else:
                used = [self._cell(cells[place]) for place in places]
                if not self._multiline and any(
                    "\n" in cell or "\r" in cell for cell in used
                ):
                    for number in range(last + 1, line):  # each of its lines is spoilt
                        yield number, None
                    used = None
            last = line
            yield line, used

    def _cell(self, text: str) -> str:
        """Returns a cell as a table with commas has it, as it was before `defused`."""
        text = restored(text.strip())
        if self._separator != "," and _DECIMAL.fullmatch(text):
            return text.replace(",", ".")
        return text

    def _lines(self) -> Iterator[str]:
        return read_lines(self.path, self._inside, self._form)

    def _row_lines(self) -> Iterator[str]:
        for number, line in enumerate(self._lines(), start=1):
            if number > self._begin:
                yield line

    def _cells(self) -> Iterator[tuple[int, list[str] | None]]:
        """Yields the last line and all cells of each row; [] if blank, None if faulty."""
        if not self._is_whole:
            for number, text in enumerate(self._row_lines(), start=self._begin + 1):
                yield number, cells_of(text, self._separator)
            return
        reader = csv.reader(self._row_lines(), strict=True, delimiter=self._separator)
        try:
            for cells in reader:
                yield self._begin + reader.line_num, cells
        except csv.Error as error:
            raise StudyError(
                f"{self.path} cannot be read as a table ({error}); save it again as "
                "CSV, or download it again."
            ) from None

    @functools.cached_property
    def _is_whole(self) -> bool:
        """Whether rows may go on over several lines: told, or all of them are sound."""
        if self._multiline:
            return True
        if not self._form.quoted:
            return False
        separator = self._separator
        if all(cells_of(text, separator) is not None for text in self._row_lines()):
            return False
        try:
            reader = csv.reader(self._row_lines(), strict=True, delimiter=separator)
            return is_sound(reader, len(self.header), separator)
        except csv.Error:
            return False


def is_sound(rows: Iterable[list[str]], width: int, separator: str) -> bool:
    """Whether rows that go on over several lines are meant to.

    All have as many cells as the header, and no cell has swallowed a row: a line with
    as many cells, and numbers in the columns that have numbers everywhere else.
    """
    numeric, swallowed = [True] * width, []
    for cells in rows:
        if len(cells) not in (0, width):
            return False
        for place, cell in enumerate(cells):
            if numeric[place] and not _NUMBER.fullmatch(cell):
                numeric[place] = False
            if "\n" in cell:
                lines = [line.split(separator) for line in cell.splitlines()]
                swallowed += [line for line in lines if len(line) == width]
    return not any(
        all(
            _NUMBER.fullmatch(cell)
            for cell, is_one in zip(line, numeric, strict=True)
            if is_one
        )
        for line in swallowed
    )
