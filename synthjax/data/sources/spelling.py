"""Names in a table that mean a file and are written in another way than it."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from synthjax.data.sources.tree import SUFFIXES


def find_spellings(names: Sequence[str], files: Iterable[str]) -> dict[str, str]:
    """Finds the files that names without a file mean.

    A name may differ in its separator (of Windows), in upper and lower case, in the
    form of its accents, and lack its suffix. Besides, all names may have leading folders
    more or less than the files have, the same for all. A name that may mean two files
    means none.

    Args:
        names: of a table, none of which is a file.
        files: that no name of the table means, relative to the folder.

    Returns:
        Name -> file, of those that are found.
    """
    places: dict[str, list[str]] = defaultdict(list)
    for file in files:
        places[plain_name(file)].append(file)
    found = _match(names, places, "", "")
    if found or not names:
        return found
    first = plain_name(names[0])
    for key in places:
        if first.endswith(f"/{key}"):
            more, less = "", first.removesuffix(key)
        elif key.endswith(f"/{first}"):
            more, less = key.removesuffix(first), ""
        else:
            continue
        found = _match(names, places, more, less)
        if len(found) == len(set(names)):
            return found
    return {}


def _match(
    names: Sequence[str], places: dict[str, list[str]], more: str, less: str
) -> dict[str, str]:
    """Returns name -> file, with leading folders added and taken away."""
    found = {}
    for name in names:
        members = places.get(more + plain_name(name).removeprefix(less), [])
        if len(members) == 1:
            found[name] = members[0]
    return found


def plain_name(name: str) -> str:
    """Returns what is the same in all spellings of a file's name."""
    text = unicodedata.normalize("NFC", name.replace("\\", "/")).casefold()
    text = str(PurePosixPath(text))
    for suffix in SUFFIXES:
        if text.endswith(suffix):
            return text.removesuffix(suffix)
    return text
