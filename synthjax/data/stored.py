"""A set on disk: its schema, and random access to the records of a split."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.proto import tf_example_pb2

from synthjax.core.errors import StudyError
from synthjax.data.schema import Record, Schema, decode_png
from synthjax.data.write import INFO_FILE

_NO_PIXELS = np.zeros((0, 0, 0), np.uint8)


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
        self._schema = read_schema(directory)
        self._where = f"{directory} ({split})"
        # Records are tf.train.Example messages. Reading their fields here is ten times
        # faster than the generic decoding of TFDS.
        self._source = builder.as_data_source(split).data_source

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, position: int) -> Record:
        """One record, its image decoded."""
        return self.read([position])[0]

    def read(self, positions: Sequence[int], *, images: bool = True) -> list[Record]:
        """The records at `positions`; without pixels if `images` is False."""
        return [
            self._record(data, images) for data in self._source.__getitems__(positions)
        ]

    def _record(self, data: bytes, images: bool) -> Record:
        fields = tf_example_pb2.Example.FromString(data).features.feature

        def text(name: str) -> str:
            return fields[name].bytes_list.value[0].decode()

        identity, pixels = text("id"), _NO_PIXELS
        if images:
            pixels = decode_png(fields["image"].bytes_list.value[0])
            if pixels.shape != self._schema.image_shape:
                raise StudyError(
                    f"image {identity!r} in {self._where} is {pixels.shape}, the set "
                    f"says {self._schema.image_shape}; build the set again."
                )
        return Record(
            id=identity,
            image_u8=pixels,
            label=np.array(fields["label"].float_list.value, np.float32),
            patient_id=text("patient_id"),
            study_id=text("study_id"),
            age=fields["age"].float_list.value[0],
            sex=text("sex"),
            view=text("view"),
            origin=text("origin"),
        )
