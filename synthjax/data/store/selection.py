"""Chosen images of one or more stored splits, read as if they were one split."""

import itertools
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, Int

from synthjax.core.errors import StudyError
from synthjax.data.schema import Record, Schema
from synthjax.data.store.stored import StoredSplit


class Selection:
    """Images of stored splits, part after part; an image may come more than once.

    Args:
        parts: pairs of a stored split and the positions of its images, in order.
        label: one label vector for each image, in place of the stored labels.

    Raises:
        StudyError: there is no image, not one label vector for each, or the parts
            differ in labels or kind of image.
    """

    def __init__(
        self,
        parts: Sequence[tuple[StoredSplit, Int[np.ndarray, " _"]]],
        label: Float32[np.ndarray, "n y"],
    ):
        count = sum(len(positions) for _, positions in parts)
        if not count or len(label) != count:
            raise StudyError(f"{len(label)} label vectors for {count} chosen images")
        kinds = {
            (s.labels, s.image_shape, s.bits) for s in (p.schema for p, _ in parts)
        }
        if len(kinds) > 1:
            raise StudyError(f"sets of different kinds cannot be read as one: {kinds}")
        self.label = label
        self._parts = [stored for stored, _ in parts]
        self._part = np.repeat(np.arange(len(parts)), [len(p) for _, p in parts])
        self._position = np.concatenate([positions for _, positions in parts])

    @property
    def schema(self) -> Schema:
        """Returns that of the first part; the others have equal labels and images."""
        return self._parts[0].schema

    def __len__(self) -> int:
        return len(self.label)

    def __getitem__(self, position: int) -> Record:
        """Returns one record, its image decoded."""
        return self.read([position])[0]

    def read(self, positions: Sequence[int], *, images: bool = True) -> list[Record]:
        """Returns the records at `positions`; without pixels if `images` is False."""
        found: dict[int, Record] = {}
        # Images of one part in one call: a set is quicker at many records at a time.
        ordered = sorted(enumerate(positions), key=lambda pair: self._part[pair[1]])
        for part, group in itertools.groupby(ordered, lambda p: self._part[p[1]]):
            members = list(group)
            stored = [int(self._position[position]) for _, position in members]
            records = self._parts[part].read(stored, images=images)
            for (place, position), record in zip(members, records, strict=True):
                record.label = self.label[position]
                found[place] = record
        return [found[place] for place in range(len(positions))]
