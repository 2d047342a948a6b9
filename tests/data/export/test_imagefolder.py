"""PNG and metadata.csv come back bit for bit, and say what the set is."""

import csv
import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from builders.folder import load
from builders.records import noise_records
from synthjax.data.dataset import Dataset
from synthjax.data.export.formats import export
from synthjax.data.schema import Schema
from synthjax.data.sources.folder import FolderConfig
from synthjax.data.store.write import write_set

FOLDERS = {"train": "train", "valid": "validation", "test": "test"}
SYNTHETIC = {
    "synthetic": True,
    "generator": {"checkpoint": "/home/me/gan/7", "step": 7, "ema_sha256": "ab12"},
    "seed": 5,
    "versions": {"jax": "0.10.2"},
}


def read_folder(folder, split):
    """A split as anybody reads it: a table, and a picture for each of its rows."""
    with open(folder / FOLDERS[split] / "metadata.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    pixels = [
        np.asarray(Image.open(folder / FOLDERS[split] / row["file_name"]))
        for row in rows
    ]
    return rows, np.stack(pixels)


def read_header(folder):
    """The card's YAML header, whose values are JSON."""
    head = (folder / "README.md").read_text().split("---\n")[1]
    entries = (line.partition(": ") for line in head.splitlines())
    return {key: json.loads(value) for key, _, value in entries}


def number(text):
    return float(text) if text else np.nan


@pytest.mark.parametrize(("channels", "bits"), [(1, 8), (1, 16), (3, 8)])
def test_round_trip(tmp_path, channels, bits):
    schema = Schema("noise", ("dense", "rare"), 16, channels, bits)
    scale = 257 if bits == 16 else 1

    def records(split, count):
        for record in noise_records(split, count, schema):
            pixels = record.pixels.astype(schema.dtype) * scale
            yield dataclasses.replace(record, pixels=pixels)

    sizes = {"train": 9, "valid": 4, "test": 5}
    write_set(tmp_path / "set", schema, {s: records(s, n) for s, n in sizes.items()})
    export(tmp_path / "set", tmp_path / "out", "png", keep_ids=True)
    for split, count in sizes.items():
        rows, pixels = read_folder(tmp_path / "out", split)
        table = Dataset.open(tmp_path / "set").table(split)
        assert list(rows[0]) == [
            *("file_name", "id", "patient_id", "study_id", "age", "sex", "view"),
            *schema.labels,
        ]
        assert len(rows) == count
        assert pixels.dtype == schema.dtype
        np.testing.assert_array_equal(pixels.reshape(table.pixels.shape), table.pixels)
        for name in ("id", "patient_id", "study_id", "sex", "view"):
            assert [row[name] for row in rows] == list(getattr(table, name))
        ages = [number(row["age"]) for row in rows]
        np.testing.assert_array_equal(ages, table.age)
        label = [[number(row[name]) for name in schema.labels] for row in rows]
        np.testing.assert_array_equal(label, table.label)
        folder = tmp_path / "out" / FOLDERS[split]
        files = {row["file_name"] for row in rows}
        assert {path.name for path in folder.iterdir()} == {"metadata.csv", *files}


def test_nested_ids_are_flat_files_and_stay_in_the_table(tmp_path):
    ids = ["../up.png", "P1/view.png", "p1/view.png", "p1_view.png"]
    records = [
        dataclasses.replace(record, id=identity)
        for record, identity in zip(noise_records("train", 4), ids, strict=True)
    ]
    schema = Schema("noise", ("dense", "rare"), 16, 1)
    write_set(tmp_path / "set", schema, {"train": records})
    export(tmp_path / "set", tmp_path / "out", "png", keep_ids=True)
    rows, pixels = read_folder(tmp_path / "out", "train")
    assert [row["id"] for row in rows] == ids
    assert len({row["file_name"].lower() for row in rows}) == 4
    assert not any("/" in row["file_name"] for row in rows)
    for record, image in zip(records, pixels, strict=True):
        np.testing.assert_array_equal(record.pixels[..., 0], image)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "set"]


def test_of_a_real_set_numbers_leave_and_pseudonyms_stay(tmp_path):
    """Equal names have equal numbers in all splits; no name is in any file."""
    schema = Schema("noise", ("dense", "rare"), 16, 1)
    parts = {
        split: [
            dataclasses.replace(
                record,
                id=f"mueller/{record.id}.png",
                patient_id=f"mueller {record.patient_id}",
                study_id=f"mueller {record.study_id}",
            )
            for record in noise_records(split, 6)
        ]
        for split in FOLDERS
    }
    write_set(tmp_path / "set", schema, parts)
    for kind in ("png", "npz"):
        export(tmp_path / "set", tmp_path / kind, kind)
        for path in (tmp_path / kind).rglob("*"):
            assert "mueller" not in path.name
            if path.is_file():
                content = path.read_bytes()
                assert b"mueller" not in content
                assert "mueller".encode("utf-32-le") not in content
    numbers = {}
    for split, records in parts.items():
        rows, _ = read_folder(tmp_path / "png", split)
        for row, record in zip(rows, records, strict=True):
            for name in ("id", "patient_id", "study_id"):
                key = (name, getattr(record, name))
                assert numbers.setdefault(key, row[name]) == row[name]
    for name in ("id", "patient_id", "study_id"):
        given = [number for (kind, _), number in numbers.items() if kind == name]
        assert len(set(given)) == len(given)


def test_a_spreadsheet_calculates_nothing_and_the_folder_source_reads_it_back(
    tmp_path,
):
    """Ids, exams, views and label names that begin like formulas."""
    schema = Schema("odd", ("Edema", "=1+1"), 16, 1)
    odd = ("=cmd|'/c calc'!A1", "+1", "-1", "@SUM(A1)", "'=x")
    records = [
        dataclasses.replace(
            record, id=f"{text}{i}", patient_id=f"{text}{i}", study_id=text, view=text
        )
        for i, (record, text) in enumerate(
            zip(noise_records("train", 5), sorted(odd), strict=True)
        )
    ]
    records.sort(key=lambda record: record.id)
    write_set(tmp_path / "set", schema, {"train": records})
    export(tmp_path / "set", tmp_path / "out", "png", keep_ids=True)
    folder = tmp_path / "out" / "train"
    with open(folder / "metadata.csv", newline="") as file:
        table = list(csv.reader(file))
    assert not [cell for row in table for cell in row if cell[:1] in tuple("=+-@\t\r")]
    assert {
        feature["name"]
        for feature in read_header(tmp_path / "out")["configs"][0]["features"]
    } == {"image", *table[0][1:]}
    config = FolderConfig(
        path=str(folder),
        labels_csv="metadata.csv",
        file_column="file_name",
        patient_column="patient_id",
        study_column="study_id",
        view_column="view",
        label_columns=schema.labels,
    )
    found = load(config, tmp_path).metadata
    assert sorted(found.patient_id) == sorted(r.patient_id for r in records)
    assert sorted(found.study_id) == sorted(odd)
    assert sorted(found.view) == sorted(odd)


def test_columns_have_one_type_in_all_splits(tmp_path):
    """A reader guesses types per split, and refuses splits that differ."""
    schema = Schema("noise", ("known", "unknown_once", "age", "x_file_name"), 16, 1)

    def records(split, label, view):
        for record in noise_records(split, 3, schema):
            vector = np.array(label, np.float32)
            yield dataclasses.replace(record, label=vector, view=view, sex="")

    splits = {
        "train": list(records("train", [1, np.nan, 0, 1], "PA")),
        "valid": list(records("valid", [0, 1, 0, 1], "")),
    }
    write_set(tmp_path / "set", schema, splits)
    export(tmp_path / "set", tmp_path / "out", "png")
    train, _ = read_folder(tmp_path / "out", "train")
    valid, _ = read_folder(tmp_path / "out", "valid")
    assert (train[0]["known"], valid[0]["known"]) == ("1", "0")
    assert (train[0]["unknown_once"], valid[0]["unknown_once"]) == ("", "1.0")
    assert (train[0]["view"], valid[0]["view"]) == ("PA", "unknown")
    assert (train[0]["sex"], valid[0]["sex"]) == ("", "")
    assert (train[0]["age (label)"], train[0]["x_file_name (label)"]) == ("0", "1")


def test_the_card_describes_a_synthetic_set(tmp_path):
    schema = Schema('Chest "twin"', ("dense|odd", "rare"), 16, 1)
    labels = np.array([[1, 0], [0, np.nan], [1, np.nan], [0, 1]], np.float32)
    records = [
        dataclasses.replace(record, label=label, origin="synthetic")
        for record, label in zip(noise_records("train", 4, schema), labels, strict=True)
    ]
    write_set(tmp_path / "set", schema, {"train": records}, SYNTHETIC)
    export(tmp_path / "set", tmp_path / "out", "png")
    card = (tmp_path / "out" / "README.md").read_text()
    assert "**Every image is synthetic.**" in card
    assert "| train | 4 | 2 |" in card
    assert "| dense\\|odd | 2 of 4 (50.0%) |" in card
    assert "| rare | 1 of 2 (50.0%) |" in card
    assert "| generator.step | 7 |" in card and "| versions.jax | 0.10.2 |" in card
    assert "/home/me" not in card
    header = read_header(tmp_path / "out")
    assert header["pretty_name"] == schema.name
    assert header["tags"] == ["medical", "synthetic"]
    (config,) = header["configs"]
    assert config["data_files"] == [{"split": "train", "path": "train/**"}]
    types = {entry["name"]: entry["dtype"] for entry in config["features"]}
    assert types["image"] == "image" and types["id"] == "string"
    assert types["age"] == types["dense|odd"] == "float32"


def test_the_card_of_a_real_set_does_not_call_it_synthetic(tmp_path, noise_set):
    export(noise_set, tmp_path / "out", "png")
    card = (tmp_path / "out" / "README.md").read_text()
    assert "**This set is not synthetic**" in card
    assert read_header(tmp_path / "out")["tags"] == ["medical"]
    assert "| valid | 6 | 3 |" in card
