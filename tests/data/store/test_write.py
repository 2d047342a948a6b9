"""What is written comes back bit for bit, in order, whole or not at all."""

import dataclasses
import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds

from builders.records import noise_records
from synthjax.core.errors import StudyError
from synthjax.core.files import read_json
from synthjax.data.dataset import Dataset
from synthjax.data.schema import Record, Schema, decode_png, encode_png
from synthjax.data.store.write import PARTIAL, write_set

SCHEMA = Schema("noise", ("dense", "rare"), 16, 1)


def shards(directory: Path) -> dict[str, str]:
    paths = sorted(directory.glob("*.array_record-*"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


@pytest.mark.parametrize("channels", [1, 3])
def test_png_is_lossless(channels):
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, channels), np.uint8)
    np.testing.assert_array_equal(decode_png(encode_png(pixels)), pixels)


@pytest.mark.parametrize("channels", [1, 3])
def test_round_trip_bit_for_bit(tmp_path, channels):
    schema = Schema("noise", ("a", "b", "c"), 32, channels)
    splits = {name: list(noise_records(name, 9, schema)) for name in ("train", "test")}
    write_set(tmp_path, schema, splits, {"seed": 4, "from": ["x"]})
    assert Dataset.open(tmp_path).schema == schema
    assert Dataset.open(tmp_path).provenance == {"seed": 4, "from": ["x"]}
    assert Dataset.open(tmp_path).counts == {"train": 9, "test": 9}
    for split, records in splits.items():
        table = Dataset.open(tmp_path).table(split)
        records = sorted(records, key=lambda record: record.id)
        for field in dataclasses.fields(table):
            expected = np.array([getattr(record, field.name) for record in records])
            found = getattr(table, field.name)
            np.testing.assert_array_equal(found, expected.astype(found.dtype))
        assert np.isnan(table.label).any()
        assert table.label.dtype == np.float32


def test_standard_tfds_reads_it(noise_set):
    builder = tfds.builder_from_directory(str(noise_set))
    example = builder.as_data_source("valid")[2]
    assert example["id"] == b"valid-0002"
    assert example["image"].shape == (16, 16, 1)
    table = Dataset.open(noise_set).table("valid")
    np.testing.assert_array_equal(example["image"], table.pixels[2])
    np.testing.assert_array_equal(example["label"], table.label[2])


def test_same_records_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_set(tmp_path / name, SCHEMA, {"train": noise_records("train", 20)})
    assert shards(tmp_path / "a") == shards(tmp_path / "b")
    again = read_json(tmp_path / "a" / "splits.json")
    assert again == read_json(tmp_path / "b" / "splits.json")


def test_ids_must_ascend(tmp_path):
    backwards = list(noise_records("train", 20))[::-1]
    with pytest.raises(StudyError, match=r"'train-0018'.*after 'train-0019'"):
        write_set(tmp_path, SCHEMA, {"train": backwards})


def test_large_sets_are_sharded(tmp_path):
    write_set(tmp_path, SCHEMA, {"train": noise_records("train", 50)}, shard_mb=0.005)
    assert len(shards(tmp_path)) > 3
    stored = Dataset.open(tmp_path)["train"]
    ids = [record.id for record in stored.read(range(50), images=False)]
    assert ids == [f"train-{number:04d}" for number in range(50)]


def test_splits_json(noise_set):
    described = read_json(noise_set / "splits.json")
    train = Dataset.open(noise_set).table("train")
    facts = described["splits"]["train"]
    assert facts["images"] == 37
    assert facts["patients"] == 19
    assert facts["patient_ids"] == sorted(set(train.patient_id))
    positive = int(np.sum(train.label[:, 0] == 1))
    negative = int(np.sum(train.label[:, 0] == 0))
    assert facts["labels"]["dense"] == {
        "positive": positive,
        "negative": negative,
        "unknown": 37 - positive - negative,
        "prevalence": positive / (positive + negative),
    }
    assert sum(entry["images"] for entry in facts["combinations"]) == 37
    both = int(np.sum(np.all(train.label == 1, axis=1)))
    counted = [e["images"] for e in facts["combinations"] if len(e["positive"]) == 2]
    assert sum(counted) == both


def test_failure_leaves_the_old_set_and_no_scratch(tmp_path):
    write_set(tmp_path, SCHEMA, {"train": noise_records("train", 8)})
    before = shards(tmp_path)

    def breaks():
        yield from noise_records("train", 5, seed=1)
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        write_set(tmp_path, SCHEMA, {"train": breaks()})
    assert shards(tmp_path) == before
    assert not (tmp_path / PARTIAL).exists()
    assert Dataset.open(tmp_path).counts == {"train": 8}


def test_scratch_of_a_killed_run_is_replaced(tmp_path):
    clean, killed = tmp_path / "clean", tmp_path / "killed"
    (killed / PARTIAL / "tfds" / "image_set").mkdir(parents=True)
    (killed / PARTIAL / "spool").write_bytes(b"half")
    (killed / "stage.json").write_text("{}")
    (killed / "image_set-train.array_record-00000-of-00007").write_bytes(b"half")
    for directory in (clean, killed):
        write_set(directory, SCHEMA, {"train": noise_records("train", 8)})
    assert shards(killed) == shards(clean)
    assert not (killed / PARTIAL).exists()
    assert (killed / "stage.json").exists()


def test_unfinished_set_is_named(tmp_path):
    with pytest.raises(StudyError, match="no finished image set.*run the stage"):
        Dataset.open(tmp_path).table("train")


def faulty(**changes) -> list[Record]:
    good = Record(
        id="one",
        pixels=np.zeros((16, 16, 1), np.uint8),
        label=np.zeros(2, np.float32),
        patient_id="p",
    )
    return [dataclasses.replace(good, **changes)]


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"train": faulty(pixels=np.zeros((8, 8, 1), np.uint8))}, "'one'.*pixels"),
        ({"train": faulty(pixels=np.zeros((16, 16, 1)))}, "'one'.*float64"),
        ({"train": faulty(label=np.zeros(3, np.float32))}, "'one'.*3.*2 labels"),
        ({"train": faulty(label=np.full(2, -1.0))}, "'one'.*0, 1 or NaN"),
        ({"train": faulty(patient_id="")}, "'one'.*must not be empty"),
        ({"train": faulty() + faulty()}, "'one' comes twice"),
        (
            {"train": faulty(), "test": faulty(patient_id="q")},
            "'one' comes twice.*'test'",
        ),
        ({"train": faulty(), "test": faulty(id="two")}, "'p' is in the splits"),
        ({"train": faulty(), "test": []}, "'test'.*no image"),
    ],
)
def test_faulty_records_are_named(tmp_path, splits, message):
    with pytest.raises(StudyError, match=message):
        write_set(tmp_path, SCHEMA, splits)
    assert not list(tmp_path.iterdir())


OFFLINE = """
import socket, sys
def refuse(*args, **kwargs):
    raise OSError("no network in this test")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
import numpy as np
from pathlib import Path
from synthjax.data.dataset import Dataset
from synthjax.data.schema import Record, Schema
from synthjax.data.store.write import write_set
pixels, label = np.zeros((16, 16, 1), np.uint8), np.ones(1, np.float32)
out = Path(sys.argv[1])
write_set(out, Schema("s", ("a",), 16, 1), {"train": [Record("i", pixels, label, "p")]})
assert len(Dataset.open(out).table("train")) == 1
assert not [name for name in sys.modules if name.split(".")[0] in ("tensorflow", "torch")]
"""


@pytest.mark.slow
def test_no_network_no_tensorflow_same_bytes(tmp_path):
    there, here = tmp_path / "there", tmp_path / "here"
    # TFDS calls what newer protobufs deprecate.
    warnings = ["-W", "error", "-W", "ignore:label():DeprecationWarning"]
    command = [sys.executable, *warnings, "-c", OFFLINE, str(there)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    pixels, label = np.zeros((16, 16, 1), np.uint8), np.ones(1, np.float32)
    schema = Schema("s", ("a",), 16, 1)
    write_set(here, schema, {"train": [Record("i", pixels, label, "p")]})
    assert shards(here) == shards(there)
