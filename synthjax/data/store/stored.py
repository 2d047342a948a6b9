"""A set on disk: its description, and random access to the records of a split."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import tensorflow_datasets as tfds

from synthjax.core.errors import StudyError
from synthjax.data.schema import Record, Schema
from synthjax.data.store.codec import decode_example
from synthjax.data.store.write import INFO_FILE


@runtime_checkable
class Images(Protocol):
    """Images that are read by position: a stored split, or a selection of some."""

    @property
    def schema(self) -> Schema:
        """What all records have in common."""
        ...

    def __len__(self) -> int:
        """Returns the number of images."""
        ...

    def __getitem__(self, position: int) -> Record:
        """Returns one record, its image decoded."""
        ...

    def read(self, positions: Sequence[int], *, images: bool = True) -> list[Record]:
        """Returns the records at `positions`; without pixels if `images` is False."""
        ...


class StoredSet:
    """A finished set: its description, and its splits.

    Args:
        directory: of the data or the synth stage, or of the same format.

    Raises:
        StudyError: there is no finished set in it.
    """

    def __init__(self, directory: Path):
        if not (directory / INFO_FILE).is_file():
            raise StudyError(
                f"{directory} holds no finished image set ({INFO_FILE} is missing); "
                "run the stage that writes it first (data or synth)."
            )
        self._directory = directory
        self._builder = tfds.builder_from_directory(str(directory))
        saved = json.loads((directory / "metadata.json").read_text(encoding="utf-8"))
        self.schema = Schema(
            name=saved["name"],
            labels=tuple(saved["labels"]),
            resolution=saved["resolution"],
            channels=saved["channels"],
            bits=saved.get("bits", 8),  # sets of others may not say
        )
        self.provenance: Mapping[str, Any] = saved["provenance"]
        self.counts = {
            name: int(split.num_examples)
            for name, split in self._builder.info.splits.items()
        }

    def split(self, name: str) -> "StoredSplit":
        """Opens a split.

        Raises:
            StudyError: the set has no such split.
        """
        if name not in self.counts:
            raise StudyError(
                f"{self._directory} has no split {name!r}; it has "
                f"{', '.join(self.counts)}."
            )
        source = self._builder.as_data_source(name).data_source
        return StoredSplit(source, self.schema, where=f"{self._directory} ({name})")


class StoredSplit:
    """The records of one split by position; safe to read from several threads.

    A position is a place in the file: ascending id in the sets that this project
    writes, anything in a set of other origin.

    Args:
        source: the encoded examples by position, of TFDS.
        schema: of the set.
        where: the set and the split, for errors.
    """

    def __init__(self, source: Any, schema: Schema, *, where: str):
        self.schema = schema
        self._source, self._where = source, where

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, position: int) -> Record:
        """Returns one record, its image decoded."""
        return self.read([position])[0]

    def read(self, positions: Sequence[int], *, images: bool = True) -> list[Record]:
        """Returns the records at `positions`; without pixels if `images` is False."""
        return [
            decode_example(data, self.schema, pixels=images, where=self._where)
            for data in self._source.__getitems__(positions)
        ]
