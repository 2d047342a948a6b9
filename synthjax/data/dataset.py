"""A set of labelled images on disk, opened once and handed down.

Any set will do, real or synthetic, of this project or of the same format.
"""

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float32

from synthjax.core.clock import progress
from synthjax.core.devices import Devices
from synthjax.core.errors import StudyError
from synthjax.data.listing import Metadata
from synthjax.data.numbering import numbered
from synthjax.data.parallel import ordered_map
from synthjax.data.schema import Record, Schema
from synthjax.data.soft_labels import SoftLabels
from synthjax.data.store import loader
from synthjax.data.store.feed import Feed
from synthjax.data.store.stored import StoredSet, StoredSplit

SYNTHETIC = "synthetic"  # the origin of every record that a generator drew
CHUNK_BYTES = 4_000_000  # of decoded images that a thread holds at a time, about
_DIGESTED = 16  # images of a split in `sample_digest`, at most
_CHUNK_IMAGES = 256  # and no more images than this

Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A finished set: its description is in memory, its images are read when needed.

    `dataset["train"]` gives random access to the records of a split, `table` a whole
    split in memory, `feed` endless training batches.
    """

    directory: Path
    stored: StoredSet
    chunk_bytes: int = CHUNK_BYTES  # of images that `map_images` reads in one go
    soft: SoftLabels | None = None  # of its images, beside the labels

    @classmethod
    def open(cls, directory: Path, *, chunk_bytes: int = CHUNK_BYTES) -> "Dataset":
        """Opens the set in `directory`; no image is read.

        Raises:
            StudyError: there is no finished set in it.
        """
        return cls(Path(directory), StoredSet(Path(directory)), chunk_bytes)

    @property
    def schema(self) -> Schema:
        """What all records have in common."""
        return self.stored.schema

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Where the set comes from, as its writer recorded it."""
        return self.stored.provenance

    @property
    def counts(self) -> Mapping[str, int]:
        """Split -> number of its images."""
        return self.stored.counts

    def __len__(self) -> int:
        """Returns the number of images in all splits."""
        return sum(self.counts.values())

    @functools.cached_property
    def _splits(self) -> dict[str, StoredSplit]:
        return {}

    @functools.cached_property
    def _metadata(self) -> dict[str, Metadata]:
        return {}

    def __getitem__(self, split: str) -> StoredSplit:
        """Returns random access to the records of a split, by position in the file.

        Raises:
            StudyError: the set has no such split.
        """
        if split not in self._splits:
            self._splits[split] = self.stored.split(split)
        return self._splits[split]

    def metadata(self, split: str) -> Metadata:
        """Returns all that is known of a split but its pixels, in the file's order.

        Raises:
            StudyError: the set has no such split, or an id comes twice.
        """
        if split not in self._metadata:
            found = loader.read_metadata(self[split])
            if len(set(found.id.tolist())) < len(found):
                raise StudyError(
                    f"{self.directory}: an id comes twice; build the set again."
                )
            self._metadata[split] = found
        return self._metadata[split]

    def numbered(self) -> "Dataset":
        """Returns the set with numbers in place of images', exams' and patients' names.

        The same name has the same number in all splits.
        """
        every = {split: self.metadata(split) for split in self.counts}
        cuts = np.cumsum([len(metadata) for metadata in every.values()])[:-1]
        names = {
            column: np.split(
                numbered(np.concatenate([getattr(m, column) for m in every.values()])),
                cuts,
            )
            for column in ("id", "patient_id", "study_id")
        }
        result = dataclasses.replace(self, soft=None)
        for place, (split, metadata) in enumerate(every.items()):
            columns = {column: parts[place] for column, parts in names.items()}
            result._metadata[split] = dataclasses.replace(metadata, **columns)
        return result

    def label(self, split: str) -> Float32[np.ndarray, "n y"]:
        """Returns the labels of a split in the file's order: 0, 1, NaN if unknown."""
        return self.metadata(split).label.reshape(-1, len(self.schema.labels))

    def sample_digest(self) -> str:
        """Returns a digest of some images of each split, with their ids.

        It tells apart sets whose images have the same names, as all twins of a set do.
        """
        hasher = hashlib.sha256()
        for split, count in self.counts.items():
            places = np.linspace(0, count - 1, min(count, _DIGESTED)).astype(int)
            for record in self[split].read(places.tolist()):
                hasher.update(f"{split} {record.id} ".encode())
                hasher.update(record.pixels.tobytes())
        return hasher.hexdigest()

    def soft_label(self, split: str) -> Float32[np.ndarray, "n y"] | None:
        """Returns the soft labels of a split in the file's order; None without."""
        if self.soft is None:
            return None
        return self.soft.of(self.metadata(split).id)

    def table(self, split: str, *, images: bool = True) -> loader.Table:
        """Returns a whole split in memory, by ascending id.

        Args:
            split: "train", "valid" or "test".
            images: False leaves the pixels on disk, where only labels are needed.

        Raises:
            StudyError: the set has no such split.
        """
        return loader.read_table(self[split], images=images)

    def feed(
        self,
        split: str,
        *,
        batch_size: int,
        seed: int,
        devices: Devices,
        resident: str = "auto",
        resident_bytes: int = loader.RESIDENT_BYTES,
    ) -> Feed:
        """Returns endless shuffled batches of a split; see `loader.make_feed`."""
        return loader.make_feed(
            self[split],
            batch_size=batch_size,
            seed=seed,
            devices=devices,
            resident=resident,
            resident_bytes=resident_bytes,
        )

    @property
    def is_synthetic(self) -> bool:
        """Whether the set says that it is synthetic, and so does each of its records.

        Both are needed, so that neither a real record in a synthetic set nor a
        synthetic record in a real one is taken for what it is not.
        """
        return self.provenance.get("synthetic") is True and all(
            bool(np.all(self.metadata(split).origin == SYNTHETIC))
            for split in self.counts
        )

    def map_images(
        self, split: str, function: Callable[[int, Record], Result]
    ) -> Iterator[Result]:
        """Yields `function(index, record)` of every image, in order; works in threads.

        Args:
            split: "train", "valid" or "test".
            function: takes the image's position in the file and the record with its
                pixels. About `chunk_bytes` of images are in memory for each thread.
        """
        stored, count = self[split], self.counts[split]
        image_bytes = int(np.prod(self.schema.image_shape)) * self.schema.bits // 8
        step = max(1, min(_CHUNK_IMAGES, self.chunk_bytes // image_bytes))

        def work(start: int) -> list[Result]:
            indices = range(start, min(start + step, count))
            return [
                function(index, record)
                for index, record in zip(indices, stored.read(indices), strict=True)
            ]

        bar: progress = progress(total=count, desc=f"export {split}", unit="images")
        try:
            for results in ordered_map(work, range(0, count, step)):
                yield from results
                bar.update(len(results))
        finally:
            bar.close()
