"""The text of a table, whatever wrote it: its encoding, its separator, its lines."""

import codecs
import contextlib
import csv
import gzip
import io
import re
import unicodedata
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple, TextIO, cast

from synthjax.core.errors import StudyError
from synthjax.core.files import open_regular

LONGEST = 1_000_000  # characters in one line; a table has fewer
SEPARATORS = ",;\t|"  # as tables have them, the usual one first
_GZIP = b"\x1f\x8b"
_RATIO = 200  # of unpacked to packed bytes; a table that is a table has some 10
_SMALL = 1 << 26  # unpacked bytes below which that does not matter
_CHUNK = 1 << 20  # bytes looked at a time
_SEP = re.compile(r'"?sep=(.)"?[,;\t|]*\s*', re.IGNORECASE)  # Excel's first line
FALLBACK = "cp1252"  # of Excel where it is not asked for UTF-8
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


class TextForm(NamedTuple):
    """How the bytes of a table are text."""

    encoding: str
    quoted: bool  # whether there is a quote anywhere


def same_name(text: str) -> str:
    """Returns a name in one form: composed letters, no line breaks, stripped."""
    return " ".join(unicodedata.normalize("NFC", text).split("\n")).strip()


@contextlib.contextmanager
def opened_bytes(path: Path, inside: Path) -> Iterator[BinaryIO]:
    """Yields a table's bytes, unpacked if it is gzipped.

    Raises:
        StudyError: it is no regular file inside its folder, or cannot be unpacked.
    """
    try:
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(open_regular(path, inside=inside))
            head = file.read(2)
            file.seek(0)
            if head == _GZIP or path.suffix == ".gz":
                packed = stack.enter_context(gzip.GzipFile(fileobj=file))
                yield cast(BinaryIO, packed)
            else:
                yield file
    except OSError as error:
        what = error.strerror or str(error)
        raise StudyError(
            f"{path} cannot be read as a table ({what}); save it again as CSV, or "
            "download it again."
        ) from None
    except (EOFError, zlib.error) as error:
        raise StudyError(
            f"{path} cannot be read as a table ({error}); save it again as CSV, or "
            "download it again."
        ) from None


def find_form(path: Path, inside: Path) -> TextForm:
    """Finds out the encoding of a table, by all of its bytes.

    UTF-8 with or without a byte-order mark, UTF-16, else Windows-1252, as Excel writes
    it; a file that is UTF-8 in some places and not in others is neither.

    Raises:
        StudyError: it cannot be read, or is a trap: far larger than it is packed.
    """
    total, broken, foreign, quoted = 0, False, False, False
    packed = path.stat().st_size
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    with opened_bytes(path, inside) as file:
        head = file.read(_CHUNK)
        for mark, encoding in _BOMS.items():
            if head.startswith(mark):
                return TextForm(encoding, True)
        wide = _wide(head)
        if wide:
            return TextForm(wide, True)
        chunk = head
        while chunk:
            total += len(chunk)
            if total > max(_SMALL, _RATIO * packed):
                raise StudyError(
                    f"{path} unpacks to more than {_RATIO} times its {packed} bytes; "
                    "no table does. Download it again."
                )
            quoted = quoted or b'"' in chunk
            text = decoder.decode(chunk)
            if not text.isascii():
                broken = broken or bool(re.search("[\udc80-\udcff]", text))
                foreign = foreign or bool(re.search("[^\0-\x7f\udc80-\udcff]", text))
            chunk = file.read(_CHUNK)
    broken = broken or bool(decoder.getstate()[0])
    return TextForm("utf-8" if foreign or not broken else FALLBACK, quoted)


def _wide(head: bytes) -> str:
    """Returns UTF-16 of either order if every other byte is 0, as in Latin text."""
    part = head[:1000]
    for encoding, zeros in (("utf-16-le", part[1::2]), ("utf-16-be", part[::2])):
        if len(zeros) > 4 and zeros.count(0) > 0.8 * len(zeros):
            return encoding
    return ""


@contextlib.contextmanager
def opened_text(path: Path, inside: Path, form: TextForm) -> Iterator[TextIO]:
    """Yields a table as text, its line ends as they are.

    Raises:
        StudyError: a byte is of no letter; it names the file.
    """
    try:
        with (
            opened_bytes(path, inside) as file,
            io.TextIOWrapper(file, form.encoding, newline="") as text,
        ):
            yield text
    except UnicodeError as error:
        raise StudyError(f"{path} is not UTF-8 ({error}); save it as UTF-8.") from None


def read_lines(path: Path, inside: Path, form: TextForm) -> Iterator[str]:
    """Yields lines with their ends; one that does not end is never read whole."""
    with opened_text(path, inside, form) as file:
        number = 0
        while text := file.readline(LONGEST + 1):
            number += 1
            if len(text) > LONGEST:
                raise StudyError(
                    f"line {number} of {path} has more than {LONGEST} characters; a "
                    "table has shorter lines. Download it again."
                )
            yield text


def named_separator(line: str) -> str:
    """Returns the separator that a first line such as "sep=;" names, or ""."""
    match = _SEP.fullmatch(line)
    return match[1] if match else ""


def find_separator(
    header: str, wanted: Sequence[str], parse: Callable[[str, str], list[str] | None]
) -> str:
    """Returns the separator of a header: that which gives most of the wanted columns.

    Args:
        wanted: columns that the table should have.
        parse: returns the cells of a text by a separator; None if a quote is open.
    """
    wanted = [same_name(name) for name in wanted]
    best = (-1, -1, -1)
    found = SEPARATORS[0]
    for place, separator in enumerate(SEPARATORS):
        cells = [same_name(cell) for cell in parse(header, separator) or []]
        usual = int(not place and len(cells) > 1)
        score = (sum(name in cells for name in wanted), usual, len(cells))
        if score > best:
            best, found = score, separator
    return found


def cells_of(text: str, separator: str) -> list[str] | None:
    """Returns the cells of one line; None if a quote does not end in it."""
    if '"' not in text:  # as csv does, in a tenth of its time
        text = text.rstrip("\r\n")
        return text.split(separator) if text else []
    try:
        return next(csv.reader((text,), strict=True, delimiter=separator), [])
    except csv.Error:
        return None
