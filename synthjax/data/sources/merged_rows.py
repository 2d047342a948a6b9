"""One row of each image, whatever the order of the table's rows."""

from collections import Counter
from typing import Any, Generic, TypeVar

from synthjax.data.problems import ROWS_CONTRADICT, Problems
from synthjax.data.sources.tree import Fault

SAME_ROW = "left out: same row"  # in a listing's facts

Image = TypeVar("Image", bound=tuple[Any, ...])


class MergedRows(Generic[Image]):
    """Merges rows that say the same; an image whose rows contradict is left out.

    An image is left out as well if one of its rows is faulty. Each is one problem that
    costs one image, so that which images are listed, and how many are counted, does not
    depend on the order of rows.

    Args:
        problems: where contradictions and faults go.
        counts: gets the number of merged rows.
    """

    def __init__(self, problems: Problems, counts: Counter[str]):
        self._problems, self._counts = problems, counts
        self._images: dict[str, Image | None] = {}  # None: left out
        counts[SAME_ROW] = 0

    def add(self, key: str, where: str, row: Image | Fault) -> None:
        """Takes the next row.

        Args:
            key: identifies its image.
            where: its place in the table.
            row: a named tuple whose first field is `where`, or what is wrong with it.
        """
        lost = key in self._images and self._images[key] is None
        if isinstance(row, Fault):
            self._problems.add(row.kind, where, row.what, images=int(not lost))
            self._images[key] = None
            return
        first = self._images.setdefault(key, row)
        if first is row or first is None:
            return
        if str(first[1:]) == str(row[1:]):  # NaN equals no NaN
            self._counts[SAME_ROW] += 1
            return
        what = f"its image is also in {first[0]}, with other values; keep one row"
        self._problems.add(ROWS_CONTRADICT, where, what)
        self._images[key] = None

    def images(self) -> list[Image]:
        """Returns the rows that are kept, in the order of the table."""
        return [image for image in self._images.values() if image is not None]
