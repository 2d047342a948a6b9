"""Label vectors as words on the command line: "Cardiomegaly,Edema=0.5"."""

import difflib
import re

import numpy as np
from jaxtyping import Float32

from synthjax.core.errors import StudyError

NOTHING = "none"  # the word for a row in which every label is 0

# A name, quoted or bare, then maybe "=" and a value.
_ITEM = re.compile(
    r'(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<bare>[^"=]*))(?:=(?P<value>.*))?'
)
_EXAMPLE = 'Write names and values between 0 and 1, such as "Cardiomegaly,Edema=0.5".'


def parse(text: str, names: tuple[str, ...]) -> Float32[np.ndarray, " y"]:
    """Reads the label vector that `text` describes.

    Labels are separated by commas. A name alone is 1, `name=value` is a value from 0 to
    1, the rest is 0; an empty text, or "none", is all zeros. Names are as the
    study has them, in upper or lower case; one that holds a comma, a semicolon, an
    equals sign or a quote is put in double quotes, its own quotes doubled.

    Args:
      text: the description.
      names: the labels, in the order of the vector.

    Raises:
      StudyError: an unknown label, a value out of range, a label that comes twice.
    """
    row = np.zeros(len(names), np.float32)
    if not text.strip() or (text.strip().lower() == NOTHING and not _is(text, names)):
        return row
    given: set[int] = set()
    for item in _split(text, ","):
        name, value = _read(item, text, names)
        index = _find(name, names)
        if index in given:
            raise StudyError(f'label "{names[index]}" is given twice in "{text}"')
        given.add(index)
        row[index] = value
    return row


def parse_many(text: str, names: tuple[str, ...]) -> Float32[np.ndarray, "n y"]:
    """Reads several label vectors, separated by semicolons, each as `parse` does."""
    return np.stack([parse(part, names) for part in _split(text, ";")])


def words(row: Float32[np.ndarray, " y"], names: tuple[str, ...]) -> str:
    """Returns the text that `parse` reads as this label vector."""
    items = [
        _quoted(name) if value == 1 else f"{_quoted(name)}={float(value):.6g}"
        for name, value in zip(names, row, strict=True)
        if value != 0
    ]
    # Where a label is called so, the empty text is the only word for nothing.
    return ",".join(items) or ("" if _is(NOTHING, names) else NOTHING)


def _split(text: str, mark: str) -> list[str]:
    """Splits a text at the marks that stand outside of double quotes."""
    parts, begin, inside = [], 0, False
    for i, letter in enumerate(text):
        if letter == '"':
            inside = not inside
        elif letter == mark and not inside:
            parts.append(text[begin:i])
            begin = i + 1
    if inside:
        raise StudyError(f"a double quote is open in {text!r}")
    return [*parts, text[begin:]]


def _read(item: str, text: str, names: tuple[str, ...]) -> tuple[str, float]:
    """Reads the name and the value of one item."""
    item = item.strip()
    match = _ITEM.fullmatch(item)
    if not item or match is None:
        what = f'"{item}" cannot be read' if item else "a label is missing at a comma"
        raise StudyError(f'{what} in "{text}". {_EXAMPLE}')
    quoted, bare, value = match["quoted"], match["bare"], match["value"]
    name = bare.strip() if quoted is None else quoted.replace('""', '"')
    if value is None:
        return name, 1.0
    try:
        number = float(value)
    except ValueError:
        number = np.nan
    if not 0 <= number <= 1:
        raise StudyError(
            f'"{item}": the value of a label is between 0 (absent) and 1 (present), '
            f"not {value.strip() or 'empty'}"
        )
    return name, number


def _is(text: str, names: tuple[str, ...]) -> bool:
    return text.strip().lower() in (name.lower() for name in names)


def _find(name: str, names: tuple[str, ...]) -> int:
    """Returns the index of a label; as it is written first, then whatever its case."""
    if name in names:
        return names.index(name)
    alike = [i for i, known in enumerate(names) if known.lower() == name.lower()]
    if len(alike) == 1:
        return alike[0]
    if alike:
        raise StudyError(
            f'"{name}" may be {" or ".join(names[i] for i in alike)}: mind the case'
        )
    if not names:
        raise StudyError(
            f'there is no label "{name}": this generator was trained without any'
        )
    by_lower = {known.lower(): known for known in names}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    hint = f' Did you mean "{by_lower[near[0]]}"?' if near else ""
    listed = ", ".join(map(_quoted, names))
    raise StudyError(f'this study has no label "{name}".{hint} The labels: {listed}')


def _quoted(name: str) -> str:
    """Returns the name as it is written in a description."""
    plain = not set(name) & set(',;="') and name == name.strip() and name
    if plain and name.lower() != NOTHING:
        return name
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
