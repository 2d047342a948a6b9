"""Every number of results.json as a line of a table that a spreadsheet reads."""

import io
from collections.abc import Iterator
from typing import Any

from synthjax.core.csv_text import CsvWriter

COLUMNS = ("path", "value", "low", "high", "n")
_ENDS = ("value", "low", "high")
# What was measured on all real test images, whatever stands below.
_ON_TEST = ("utility", "primary", "calibration", "precision_recall", "arms", "curves")


def numbers_csv(results: dict[str, Any]) -> str:
    """Return CSV text with the columns path, value, low, high and n.

    A path goes through results.json with dots; an entry of a list is called by its name,
    or by its index from 0. An estimate and its interval are one line. n is the number of
    images that the nearest part around the number names; empty where none does.
    """
    text = io.StringIO()
    writer = CsvWriter(text)
    writer.writerow(COLUMNS)
    for key, part in results.items():
        n = results["n_test_images"] if key in _ON_TEST else None
        writer.writerows(_lines(part, key, n))
    return text.getvalue()


def _lines(tree: Any, path: str, n: int | None) -> Iterator[list[Any]]:
    if isinstance(tree, bool) or tree is None or isinstance(tree, str):
        return
    if isinstance(tree, int | float):
        yield [path, tree, None, None, n]
    elif isinstance(tree, list):
        for index, item in enumerate(tree):
            yield from _lines(item, f"{path}.{_name(item, index)}", n)
    else:
        n = tree["n"] if isinstance(tree.get("n"), int) else n
        rest = dict(tree)
        if isinstance(tree.get("value"), int | float):
            yield [path, *(rest.pop(end, None) for end in _ENDS), n]
        for key, part in rest.items():
            yield from _lines(part, f"{path}.{key}", n)


def _name(item: Any, index: int) -> str:
    if isinstance(item, dict) and "name" in item:
        return str(item["name"])
    if isinstance(item, dict) and "group" in item:
        return f"{item['by']}={item['group']}"
    return str(index)
