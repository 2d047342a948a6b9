"""A set on disk: its description, and random access to the records of a split."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import tensorflow_datasets as tfds

from synthjax.core.errors import StudyError
from synthjax.core.files import read_json, read_state
from synthjax.data.schema import Record, Schema
from synthjax.data.store.codec import decode_example
from synthjax.data.store.write import INFO_FILE

_REMEDY = "move that directory away and run the stage that writes it (data or synth)"


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
        self._builder = read_state(
            directory / INFO_FILE,
            lambda content: tfds.builder_from_directory(str(directory)),
            _REMEDY,
        )
        saved = read_json(
            directory / "metadata.json",
            keys=("name", "labels", "resolution", "channels", "provenance"),
            remedy=_REMEDY,
        )
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
        try:
            source = self._builder.as_data_source(name).data_source
        except Exception as error:  # whatever TFDS says of a file
            raise StudyError(
                f"the split {name!r} of {self._directory} cannot be read ({error}): "
                f"{_REMEDY}"
            ) from error
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
        try:
            found = self._source.__getitems__(positions)
        except Exception as error:  # whatever array_record says of a damaged file
            raise StudyError(
                f"{self._where} cannot be read ({error}): {_REMEDY}"
            ) from error
        return [
            decode_example(data, self.schema, pixels=images, where=self._where)
            for data in found
        ]
