"""Hospitals' CSV files, read row by row: checked header, no row in memory twice."""

import csv
import gzip
import zlib
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

from synthjax.core.errors import StudyError

_FIELD_LIMIT = 100_000  # characters in one cell; more is no table


class Table:
    """A CSV file with a header, plain or gzipped, with or without a byte-order mark.

    Args:
        path: the file; a name that ends in .gz is decompressed.
        required: columns that it must have.
        remedy: where the file comes from, a sentence for the error if it is away.

    Raises:
        StudyError: the file is missing, empty, not UTF-8 or no CSV, a column is
            missing or comes twice. Every message names the file.
    """

    def __init__(self, path: Path, *, required: Sequence[str], remedy: str = ""):
        self.path = path
        if not path.is_file():
            raise StudyError(f"{path} does not exist. {remedy}".rstrip())
        lines = self._lines()
        self.header = [name.strip() for name in next(lines, (0, []))[1]]
        lines.close()
        if not any(self.header):
            raise StudyError(f"{path} is empty; it needs a header and rows. {remedy}")
        doubled = sorted({n for n in self.header if self.header.count(n) > 1})
        if doubled:
            raise StudyError(f"{path}: the column(s) {doubled} come twice; rename one.")
        for column in required:
            self.check_column(column)

    def check_column(self, column: str, remedy: str = "") -> None:
        """Raises StudyError if there is no such column."""
        if column not in self.header:
            raise StudyError(
                f"{self.path} has no column {column!r}; it has {self.header}. {remedy}".rstrip()
            )

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[int, list[str] | None]]:
        """Line number and the stripped cells of `columns` for each row.

        The cells are None where a row has not as many cells as the header. Blank lines
        are skipped.
        """
        places = [self.header.index(column) for column in columns]
        width = len(self.header)
        lines = self._lines()
        next(lines, None)
        for line, cells in lines:
            if not cells:
                continue
            if len(cells) == width:
                yield line, [cells[place].strip() for place in places]
            else:
                yield line, None

    def _lines(self) -> Generator[tuple[int, list[str]], None, None]:
        opener = gzip.open if self.path.suffix == ".gz" else open
        csv.field_size_limit(_FIELD_LIMIT)
        try:
            with opener(self.path, "rt", newline="", encoding="utf-8-sig") as file:
                reader = csv.reader(file)
                for cells in reader:
                    yield reader.line_num, cells
        except UnicodeDecodeError as error:
            raise StudyError(
                f"{self.path} is not UTF-8 ({error}); save it as UTF-8."
            ) from None
        except (csv.Error, EOFError, OSError, zlib.error) as error:
            raise StudyError(
                f"{self.path} is no readable table ({error}); save it again as CSV, or "
                "download it again."
            ) from None
