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
      label: one row for each image, which takes the place of the stored labels.

    Raises:
      StudyError: there is no image, the labels are not one row for each, or the parts
        differ in labels or kind of image.
    """

    def __init__(
        self,
        parts: Sequence[tuple[StoredSplit, Int[np.ndarray, " _"]]],
        label: Float32[np.ndarray, "n y"],
    ):
        count = sum(len(positions) for _, positions in parts)
        if not count or len(label) != count:
            raise StudyError(f"{len(label)} rows of labels for {count} chosen images")
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
        """That of the first part; the others have the same labels and images."""
        return self._parts[0].schema

    def __len__(self) -> int:
        return len(self.label)

    def __getitem__(self, place: int) -> Record:
        """One record, its image decoded."""
        return self.read([place])[0]

    def read(self, places: Sequence[int], *, images: bool = True) -> list[Record]:
        """The records at `places`, in their order; without pixels if not `images`."""
        found: dict[int, Record] = {}
        # Places of one part in one call: a set is quicker at many records at a time.
        by_part = sorted(enumerate(places), key=lambda pair: self._part[pair[1]])
        for part, group in itertools.groupby(by_part, lambda p: self._part[p[1]]):
            mine = list(group)
            positions = [int(self._position[place]) for _, place in mine]
            records = self._parts[part].read(positions, images=images)
            for (i, place), record in zip(mine, records, strict=True):
                record.label = self.label[place]
                found[i] = record
        return [found[i] for i in range(len(places))]
