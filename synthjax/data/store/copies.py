"""The same pixels under two patients: they would leak from train into test."""

from collections.abc import Iterable

from synthjax.data.listing import Metadata
from synthjax.data.problems import Problem

SAME_PIXELS = "same pixels, other patient"  # kind of problem


class Copies:
    """Remembers the pixels of a set's images, to tell copies across patients.

    Images of one patient may be equal; they stay on one side of every split.

    Args:
        metadata: of all images.
    """

    def __init__(self, metadata: Metadata):
        self._metadata = metadata
        self._first: dict[str, int] = {}  # digest -> index of the first image

    def add(self, indices: Iterable[int], digests: Iterable[str]) -> None:
        """Takes images that are in the set; "" is no digest."""
        for index, digest in zip(indices, digests, strict=True):
            if digest:
                self._first.setdefault(digest, int(index))

    def problem(self, index: int, digest: str) -> Problem | None:
        """Takes the next image; names it and an earlier one if it is a copy of that."""
        first = self._first.setdefault(digest, index) if digest else index
        patients = self._metadata.patient_id
        if patients[first] == patients[index]:
            return None
        names, origins = self._metadata.name, self._metadata.origin
        return Problem(
            SAME_PIXELS,
            str(names[index] or origins[index]),
            f"it has the pixels of {names[first] or origins[first]}, which is another "
            "patient's; remove one of the two, or give both the patient they are of",
        )
