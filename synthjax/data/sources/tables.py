"""Hospitals' CSV files, read row by row: checked header, no row in memory twice."""

import csv
import gzip
import zlib
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

from synthjax.core.csv_text import restored
from synthjax.core.errors import StudyError

MALFORMED = (  # what is wrong with a row whose cells are None
    "it has not as many cells as the header, or a quote that does not end in its line; "
    "correct commas and quotes"
)
_LONGEST = 1_000_000  # characters in one line; a table has fewer


class CsvTable:
    """A CSV file with a header, plain or gzipped, with or without a byte-order mark.

    Args:
        path: the file; a name that ends in .gz is decompressed.
        required: columns that it must have.
        remedy: where the file comes from, a sentence for the error if it is away.
        multiline: whether a quoted cell may go on over several lines, as texts do.
            Where none should, a stray quote spoils its own row and no other; here it
            can swallow rows, up to the next quote.

    Raises:
        StudyError: the file is missing, empty, not UTF-8 or no CSV, a column is
            missing or comes twice. Every message names the file.
    """

    def __init__(
        self,
        path: Path,
        *,
        required: Sequence[str],
        remedy: str = "",
        multiline: bool = False,
    ):
        self.path, self._multiline = path, multiline
        if not path.is_file():
            raise StudyError(f"{path} does not exist. {remedy}".rstrip())
        lines = self._lines()
        header = next(lines, (0, []))[1]
        lines.close()
        if header is None:
            raise StudyError(f"{path}: a quote in the header does not end; correct it.")
        self.header = [restored(name.strip()) for name in header]
        if not any(self.header):
            raise StudyError(f"{path} is empty; it needs a header and rows. {remedy}")
        named = [name for name in self.header if name]
        doubled = sorted({name for name in named if named.count(name) > 1})
        if doubled:
            raise StudyError(f"{path}: the column(s) {doubled} come twice; rename one.")
        for column in required:
            self.check_column(column)

    def check_column(self, column: str, remedy: str = "") -> None:
        """Raises StudyError if the column is missing."""
        if column not in self.header:
            raise StudyError(
                f"{self.path} has no column {column!r}; it has {self.header}. "
                f"{remedy}".rstrip()
            )

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[int, list[str] | None]]:
        """Yields line number and the stripped cells of `columns` for each row.

        The cells are None where a row is `MALFORMED`. Blank lines are skipped.
        """
        places = [self.header.index(column) for column in columns]
        width = len(self.header)
        lines = self._lines()
        next(lines, None)
        for line, cells in lines:
            if cells is not None and len(cells) == width:
                yield line, [restored(cells[place].strip()) for place in places]
            elif cells != []:
                yield line, None

    def _lines(self) -> Generator[tuple[int, list[str] | None], None, None]:
        """Yields line number and all cells of each row; [] if blank, None if faulty."""
        csv.field_size_limit(_LONGEST)
        try:
            if self._multiline:
                reader = csv.reader(self._texts(), strict=True)
                for cells in reader:
                    yield reader.line_num, cells
            else:
                for number, text in enumerate(self._texts(), start=1):
                    yield number, _cells(text)
        except UnicodeDecodeError as error:
            raise StudyError(
                f"{self.path} is not UTF-8 ({error}); save it as UTF-8."
            ) from None
        except (csv.Error, EOFError, OSError, zlib.error) as error:
            raise StudyError(
                f"{self.path} cannot be read as a table ({error}); save it again as "
                "CSV, or download it again."
            ) from None

    def _texts(self) -> Iterator[str]:
        """Yields lines with their ends; one that does not end is never read whole."""
        opener = gzip.open if self.path.suffix == ".gz" else open
        with opener(self.path, "rt", newline="", encoding="utf-8-sig") as file:
            number = 0
            while text := file.readline(_LONGEST + 1):
                number += 1
                if len(text) > _LONGEST:
                    raise StudyError(
                        f"line {number} of {self.path} has more than {_LONGEST} "
                        "characters; a table has shorter lines. Download it again."
                    )
                yield text


def _cells(text: str) -> list[str] | None:
    """Returns the cells of one line; None if a quote does not end in it."""
    if '"' not in text:  # as csv does, in a tenth of its time
        text = text.rstrip("\r\n")
        return text.split(",") if text else []
    try:
        return next(csv.reader((text,), strict=True), [])
    except csv.Error:
        return None
