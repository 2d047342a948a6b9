"""CSV tables in which text stays text, also where a spreadsheet opens them.

A spreadsheet calculates a cell that begins with =, +, - or @, and a hospital's ids and
names may begin so. Every table is written by `CsvWriter`, which puts an apostrophe in
front of such a text (https://owasp.org/www-community/attacks/CSV_Injection), and read
with `restored`, which takes it away. Numbers are written as they are: give numbers, not
their text.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from typing import IO, Any

# Ahead of the sign, a spreadsheet passes over blanks and characters without a width.
_FORMULA = re.compile(
    "'*(?:[\\s\\x00-\\x1f\\x7f\u200b-\u200f\u2060\ufeff]*"
    "[=+\\-@\uff1d\uff0b\uff0d\uff20]|[\\t\\r\\n])"
)


class CsvWriter:
    """Writes rows of a table; a text that a spreadsheet would calculate is defused.

    Args:
      file: takes text; opened with newline="".
    """

    def __init__(self, file: IO[str]) -> None:
        self._writer = csv.writer(file, lineterminator="\n")

    def writerow(self, cells: Iterable[Any]) -> None:
        """Writes one row; a cell that is None is blank."""
        self._writer.writerow(
            [defused(cell) if isinstance(cell, str) else cell for cell in cells]
        )

    def writerows(self, rows: Iterable[Sequence[Any]]) -> None:
        """Writes several rows."""
        for row in rows:
            self.writerow(row)


def defused(text: str) -> str:
    """Returns a text with an apostrophe ahead if a spreadsheet would calculate it."""
    return f"'{text}" if _FORMULA.match(text) else text


def restored(text: str) -> str:
    """Returns the text that `defused` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
