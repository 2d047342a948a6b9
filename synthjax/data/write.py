"""Write a set: TFDS metadata, array_record shards of PNG images, splits.json.

TensorFlow Datasets reads the result like a set of its own. Its builder class is not
used to write it: beyond a gigabyte that shuffles through TensorFlow's file system. Rows
come sorted from the spool, so they are serialised one by one by TFDS's features instead.
"""

import contextlib
import dataclasses
import io
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from array_record.python.array_record_module import ArrayRecordWriter
from tensorflow_datasets.proto import tf_example_pb2

from synthjax.core.clock import progress
from synthjax.core.errors import StudyError
from synthjax.core.files import write_json
from synthjax.data.parallel import ordered_map
from synthjax.data.schema import Record, Schema, check_record, encode_png
from synthjax.data.splits import audit, describe
from synthjax.data.spool import Spool

INFO_FILE = "dataset_info.json"  # moved in last: a directory with it is a whole set
SPLITS_FILE = "splits.json"
PARTIAL = ".partial"  # scratch inside the stage's directory, gone when it is finished
_NO_PIXELS = np.zeros((0, 0, 0), np.uint8)
_NAME = "image_set"  # TFDS's name of every set, and the head of its file names
_SHARD_BYTES = 256_000_000  # of one array_record file, about

Row = Record  # a record whose pixels are in the spool, under its position in the list


def _features(schema: Schema) -> tfds.features.FeaturesDict:
    """The fields of a record in TFDS's terms."""
    text = tfds.features.Text
    image = tfds.features.Image(shape=schema.image_shape, encoding_format="png")
    return tfds.features.FeaturesDict(
        {
            "image": image,
            "label": tfds.features.Tensor(
                shape=(len(schema.labels),), dtype=np.float32
            ),
            "id": text(doc="unique in the set"),
            "patient_id": text(doc="no two splits share one"),
            "study_id": text(doc="one examination; empty where unknown"),
            "age": tfds.features.Scalar(np.float32, doc="years; NaN unknown"),
            "sex": text(doc="F, M or empty"),
            "view": text(doc="PA, AP, ... or empty"),
            "origin": text(doc="where the image came from"),
        }
    )


def _write_split(
    directory: Path,
    split: str,
    features: tfds.features.FeaturesDict,
    spool: Spool,
    rows: Sequence[Row],
    numbers: Sequence[int],
) -> tfds.core.SplitInfo:
    """Write the shards of one split, its rows by ascending id.

    So a position in a split means the same row in every set made from the same rows,
    and the files depend on the rows alone.
    """
    ordered = sorted(numbers, key=lambda number: rows[number].id)
    pixels = sum(spool.size(number) for number in ordered)
    shards = np.array_split(ordered, min(1 + pixels // _SHARD_BYTES, len(ordered)))
    size = 0
    for index, shard in enumerate(shards):
        name = f"{_NAME}-{split}.array_record-{index:05d}-of-{len(shards):05d}"
        writer = ArrayRecordWriter(str(directory / name), "group_size:1")
        for number in shard:
            data = features.serialize_example(_example(rows[number], spool, number))
            # The order of protobuf's map fields changes from process to process.
            example = tf_example_pb2.Example.FromString(data)
            writer.write(example.SerializeToString(deterministic=True))
            size += len(data)
        writer.close()
    return tfds.core.SplitInfo(
        name=split,
        shard_lengths=[len(shard) for shard in shards],
        num_bytes=size,
        filename_template=tfds.core.ShardedFileTemplate(
            data_dir=directory,
            dataset_name=_NAME,
            split=split,
            filetype_suffix="array_record",
        ),
    )


def _example(row: Row, spool: Spool, number: int) -> dict[str, Any]:
    example = {
        field.name: getattr(row, field.name)
        for field in dataclasses.fields(row)
        if field.name != "image_u8"
    }
    return {**example, "image": io.BytesIO(spool.read(number))}


@contextlib.contextmanager
def open_spool(directory: Path) -> Iterator[Spool]:
    """A spool in the scratch folder of `directory`; what a killed run left is removed.

    The scratch folder goes away at the end, finished or not.
    """
    partial = directory / PARTIAL
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    spool = Spool(partial / "spool")
    try:
        with contextlib.closing(spool):
            yield spool
    finally:  # even where closing fails, on a full disk
        shutil.rmtree(partial, ignore_errors=True)


def spool_records(
    records: Iterable[Record],
    schema: Schema,
    spool: Spool,
    *,
    desc: str,
    total: int | None = None,
) -> list[Row]:
    """Check and encode records into the spool; row i is byte string i.

    Raises:
        StudyError: a record does not fit the schema, or an id comes twice.
    """

    def encode(record: Record) -> tuple[Row, bytes]:
        check_record(record, schema)
        png = encode_png(record.image_u8)
        return dataclasses.replace(record, image_u8=_NO_PIXELS), png

    rows: list[Row] = []
    seen: set[str] = set()
    encoded = progress(
        ordered_map(encode, records), total=total, desc=desc, unit="images"
    )
    for row, png in encoded:
        if row.id in seen:
            raise StudyError(f"the id {row.id!r} comes twice; ids must be unique.")
        seen.add(row.id)
        spool.add(png)
        rows.append(row)
    return rows


def write_rows(
    directory: Path,
    schema: Schema,
    spool: Spool,
    rows: Sequence[Row],
    splits: Mapping[str, Sequence[int]],
    *,
    provenance: Mapping[str, Any],
    split_facts: Mapping[str, Any],
) -> None:
    """Write spooled rows as a set; `directory` holds all of it or none.

    Call it inside `open_spool(directory)`.

    Args:
        splits: split -> numbers of its rows.
        provenance: JSON-ready, kept in metadata.json.
        split_facts: JSON-ready, put at the head of splits.json.

    Raises:
        StudyError: a split is empty, or two splits share a patient.
    """
    for split, numbers in splits.items():
        if not numbers:
            raise StudyError(
                f"the split {split!r} of {schema.name!r} has no image; give more "
                "images or a larger fraction."
            )
    patients = {
        s: [rows[n].patient_id for n in numbers] for s, numbers in splits.items()
    }
    audit(patients)
    labels = {s: [rows[n].label for n in numbers] for s, numbers in splits.items()}
    files = directory / PARTIAL / "set"
    files.mkdir()
    features = _features(schema)
    split_infos = [
        _write_split(files, split, features, spool, rows, numbers)
        for split, numbers in splits.items()
    ]
    tfds.folder_dataset.write_metadata(
        data_dir=files,
        features=features,
        split_infos=split_infos,
        check_data=False,  # that needs TensorFlow
        description=f"{schema.name}: labelled images, written by synthjax.",
        disable_shuffling=True,
        metadata=tfds.core.MetadataDict(
            **dataclasses.asdict(schema), provenance=dict(provenance)
        ),
    )
    summary = describe(schema.labels, labels, patients)
    write_json(
        files / SPLITS_FILE,
        {"labels": schema.labels, **split_facts, "splits": summary},
    )
    _publish(files, directory)


def write_set(
    directory: Path,
    schema: Schema,
    splits: Mapping[str, Iterable[Record]],
    provenance: Mapping[str, Any] | None = None,
) -> None:
    """Write records that are split already, such as a synthetic twin.

    Same files and guarantees as the real set: a PNG codec without loss, rows by
    ascending id, and `directory` complete or without dataset_info.json.

    Args:
        directory: made if it is missing; an earlier set in it is replaced.
        splits: split -> its records; each iterable is read once, in order.
        provenance: JSON-ready, kept in metadata.json.

    Raises:
        StudyError: a record does not fit, an id comes twice, a split is empty, or two
            splits share a patient.
    """
    with open_spool(directory) as spool:
        numbers: dict[str, list[int]] = {}
        rows: list[Row] = []
        for split, records in splits.items():
            added = spool_records(records, schema, spool, desc=f"write {split}")
            numbers[split] = list(range(len(rows), len(rows) + len(added)))
            rows += added
        if len({row.id for row in rows}) < len(rows):
            raise StudyError(f"two splits of {schema.name!r} share an image id.")
        write_rows(
            directory,
            schema,
            spool,
            rows,
            numbers,
            provenance=provenance or {},
            split_facts={"seed": None},
        )


def _publish(source: Path, directory: Path) -> None:
    """Replace the set in `directory` by the one in `source`, dataset_info.json last."""
    (directory / INFO_FILE).unlink(missing_ok=True)
    for stale in directory.glob(f"{_NAME}-*"):
        stale.unlink()
    for path in sorted(source.iterdir(), key=lambda path: path.name == INFO_FILE):
        path.replace(directory / path.name)
