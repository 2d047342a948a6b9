"""A set on disk: its schema, and random access to the records of a split."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from synthjax.core.errors import StudyError
from synthjax.data.schema import Record, Schema
from synthjax.data.store.codec import decode_example
from synthjax.data.store.write import INFO_FILE


def read_schema(directory: Path) -> Schema:
    """The schema of the set in `directory`.

    Raises:
        StudyError: there is no finished set in it.
    """
    metadata = _read_metadata(directory)
    return Schema(
        name=metadata["name"],
        labels=tuple(metadata["labels"]),
        resolution=metadata["resolution"],
        channels=metadata["channels"],
        bits=metadata.get("bits", 8),  # sets of others may not say
    )


def read_provenance(directory: Path) -> dict[str, Any]:
    """What the writer of the set said about where it comes from."""
    return _read_metadata(directory)["provenance"]


def read_counts(directory: Path) -> dict[str, int]:
    """Split -> number of images of the set in `directory`."""
    splits = _open(directory).info.splits
    return {name: int(split.num_examples) for name, split in splits.items()}


def _read_metadata(directory: Path) -> dict[str, Any]:
    _check(directory)
    return json.loads((directory / "metadata.json").read_text(encoding="utf-8"))


def _check(directory: Path) -> None:
    if not (directory / INFO_FILE).is_file():
        raise StudyError(
            f"{directory} holds no finished image set ({INFO_FILE} is missing); "
            "run the stage that writes it first (data or synth)."
        )


def _open(directory: Path) -> Any:
    _check(directory)
    return tfds.builder_from_directory(str(directory))


class StoredSplit:
    """The records of one split by position; safe to read from several threads.

    A position is a place in the file: ascending id in the sets that this project
    writes, anything in a set of other origin.
    """

    def __init__(self, directory: Path, split: str):
        builder = _open(directory)
        if split not in builder.info.splits:
            raise StudyError(
                f"{directory} has no split {split!r}; it has "
                f"{', '.join(builder.info.splits)}."
            )
        self.schema = read_schema(directory)
        self._where = f"{directory} ({split})"
        self._source = builder.as_data_source(split).data_source

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, position: int) -> Record:
        """One record, its image decoded."""
        return self.read([position])[0]

    def read(self, positions: Sequence[int], *, images: bool = True) -> list[Record]:
        """The records at `positions`; without pixels if `images` is False."""
        return [
            decode_example(data, self.schema, pixels=images, where=self._where)
            for data in self._source.__getitems__(positions)
        ]
