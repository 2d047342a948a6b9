"""A set on disk: TFDS metadata, array_record shards of PNG images, splits.json.

TensorFlow Datasets reads the result like a set of its own. Its builder class is not
used to write it: beyond a gigabyte that shuffles through TensorFlow's file system.
"""

import contextlib
import dataclasses
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds
from array_record.python.array_record_module import ArrayRecordWriter

from synthjax.core.clock import progress
from synthjax.core.errors import StudyError
from synthjax.core.files import write_json
from synthjax.data.parallel import ordered_map
from synthjax.data.schema import (
    NO_PIXELS,
    Record,
    Schema,
    check_record,
    encode_png,
)
from synthjax.data.splits import check_disjoint, summarize_splits
from synthjax.data.store.codec import encode_example, features
from synthjax.data.store.plan import SET_NAME, SHARD_MB, shard_name

INFO_FILE = "dataset_info.json"  # moved in last: a directory with it is a whole set
SPLITS_FILE = "splits.json"
PARTIAL = ".partial"  # scratch inside the stage's directory, gone when it is finished


@dataclasses.dataclass
class Split:
    """What is in the files of a split, in the order of their shards."""

    shard_images: list[int]  # images of each shard
    bytes: int
    labels: list[Any]  # label vectors [y] of the images
    patients: list[str]  # patient of each image


def publish(
    files: Path,
    directory: Path,
    schema: Schema,
    splits: Mapping[str, Split],
    *,
    provenance: Mapping[str, Any],
    split_facts: Mapping[str, Any],
) -> None:
    """Adds the metadata to finished shards and moves all into `directory`.

    An earlier set in `directory` is replaced; it holds all of the new one or none.

    Args:
        files: a directory that holds the shards and nothing else, in `directory`.
        provenance: JSON-ready, kept in metadata.json.
        split_facts: JSON-ready, put at the head of splits.json.

    Raises:
        StudyError: a split is empty, or two splits share a patient.
    """
    for name, split in splits.items():
        if not sum(split.shard_images):
            raise StudyError(
                f"the split {name!r} of {schema.name!r} has no image; give more "
                "images or a larger fraction."
            )
    patients = {name: split.patients for name, split in splits.items()}
    check_disjoint(patients)
    tfds.folder_dataset.write_metadata(
        data_dir=files,
        features=features(schema),
        split_infos=[_split_info(files, name, s) for name, s in splits.items()],
        check_data=False,  # that needs TensorFlow
        description=f"{schema.name}: labelled images, written by synthjax.",
        disable_shuffling=True,
        metadata=tfds.core.MetadataDict(
            **dataclasses.asdict(schema), provenance=dict(provenance)
        ),
    )
    labels = {name: split.labels for name, split in splits.items()}
    write_json(
        files / SPLITS_FILE,
        {
            "labels": schema.labels,
            **split_facts,
            "splits": summarize_splits(schema.labels, labels, patients),
        },
    )
    (directory / INFO_FILE).unlink(missing_ok=True)
    for stale in directory.glob(f"{SET_NAME}-*"):
        stale.unlink()
    for path in sorted(files.iterdir(), key=lambda path: path.name == INFO_FILE):
        path.replace(directory / path.name)


def _split_info(files: Path, name: str, split: Split) -> tfds.core.SplitInfo:
    return tfds.core.SplitInfo(
        name=name,
        shard_lengths=split.shard_images,
        num_bytes=split.bytes,
        filename_template=tfds.core.ShardedFileTemplate(
            data_dir=files,
            dataset_name=SET_NAME,
            split=name,
            filetype_suffix="array_record",
        ),
    )


def write_set(
    directory: Path,
    schema: Schema,
    splits: Mapping[str, Iterable[Record]],
    provenance: Mapping[str, Any] | None = None,
    *,
    shard_mb: float = SHARD_MB,
    split_facts: Mapping[str, Any] | None = None,
) -> None:
    """Writes records that are made and split already, such as a synthetic twin.

    Same files and guarantees as the real set: a PNG codec without loss, records by
    ascending id, and `directory` complete or without dataset_info.json.

    Args:
        directory: made if it is missing; an earlier set in it is replaced.
        splits: split -> its records by ascending id; each iterable is read once.
        provenance: JSON-ready, kept in metadata.json.
        shard_mb: size of one file, about, megabytes.
        split_facts: JSON-ready, put at the head of splits.json.

    Raises:
        StudyError: a record does not fit, ids do not ascend, a split is empty, or two
            splits share an id or a patient.
    """
    with _scratch(directory) as files:
        seen: set[str] = set()
        written = {
            split: _write_split(files, schema, split, records, seen, shard_mb)
            for split, records in splits.items()
        }
        publish(
            files,
            directory,
            schema,
            written,
            provenance=provenance or {},
            split_facts=split_facts or {"seed": None},
        )


@contextlib.contextmanager
def _scratch(directory: Path) -> Iterator[Path]:
    """Yields an empty folder; what a killed run left in it is removed."""
    partial = directory / PARTIAL
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "set").mkdir(parents=True)
    try:
        yield partial / "set"
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write_split(
    files: Path,
    schema: Schema,
    split: str,
    records: Iterable[Record],
    seen: set[str],
    shard_mb: float,
) -> Split:
    """Writes records to shards, a new one whenever the last is full."""

    def encode(record: Record) -> tuple[Record, bytes]:
        check_record(record, schema)
        example = encode_example(record, encode_png(record.pixels))
        return dataclasses.replace(record, pixels=NO_PIXELS), example

    done = Split([], 0, [], [])
    writer: ArrayRecordWriter | None = None
    room, last = 0.0, ""
    encoded = ordered_map(encode, records)
    try:
        for record, example in progress(encoded, desc=f"write {split}", unit="images"):
            if record.id in seen or record.id < last:
                raise StudyError(
                    f"the id {record.id!r} comes twice or after {last!r} in {split!r} of "
                    f"{schema.name!r}; ids must be unique and ascend."
                )
            if writer is None or room <= 0:
                if writer is not None:
                    writer.close()
                path = files / f"{split}.{len(done.shard_images):05d}"
                writer = ArrayRecordWriter(str(path), "group_size:1")
                done.shard_images.append(0)
                room = shard_mb * 1e6
            writer.write(example)
            room -= len(example)
            done.shard_images[-1] += 1
            done.bytes += len(example)
            done.labels.append(record.label)
            done.patients.append(record.patient_id)
            seen.add(record.id)
            last = record.id
    finally:
        if writer is not None:
            writer.close()
    count = len(done.shard_images)
    for index in range(count):
        final = files / shard_name(split, index, count)
        (files / f"{split}.{index:05d}").rename(final)
    return done
