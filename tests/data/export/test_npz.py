"""npz files come back bit for bit, and are written in bounded memory."""

import dataclasses
import tracemalloc
import zipfile

import numpy as np
import pytest

from builders.records import noise_records
from synthjax.data.dataset import Dataset
from synthjax.data.export.formats import export
from synthjax.data.export.npz import write_npz
from synthjax.data.schema import Schema
from synthjax.data.store.write import write_set


@pytest.mark.parametrize(("channels", "bits"), [(1, 8), (1, 16), (3, 8)])
def test_round_trip(tmp_path, channels, bits):
    schema = Schema("noise", ("dense", "größe"), 16, channels, bits)
    scale = 257 if bits == 16 else 1
    records = [
        dataclasses.replace(record, pixels=record.pixels.astype(schema.dtype) * scale)
        for record in noise_records("train", 7, schema)
    ]
    write_set(tmp_path / "set", schema, {"train": records})
    export(tmp_path / "set", tmp_path / "out", "npz", keep_ids=True)
    with np.load(tmp_path / "out" / "train.npz", allow_pickle=False) as loaded:
        table = Dataset.open(tmp_path / "set").table("train")
        assert loaded["images"].dtype == schema.dtype
        np.testing.assert_array_equal(loaded["images"], table.pixels)
        assert loaded["labels"].dtype == np.float32
        np.testing.assert_array_equal(loaded["labels"], table.label)
        assert tuple(loaded["label_names"]) == schema.labels
        for name in ("id", "patient_id", "study_id", "sex", "view"):
            assert loaded[name].tolist() == getattr(table, name).tolist()
        np.testing.assert_array_equal(loaded["age"], table.age)
        assert not loaded["synthetic"]
        assert len(loaded.files) == 10


def test_every_split_has_a_file_and_the_same_set_the_same_bytes(tmp_path, noise_set):
    for name in ("one", "two"):
        export(noise_set, tmp_path / name, "npz")
    for split, count in Dataset.open(noise_set).counts.items():
        one, two = (tmp_path / name / f"{split}.npz" for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()
        assert zipfile.ZipFile(one).testzip() is None
        with np.load(one, allow_pickle=False) as loaded:
            assert len(loaded["images"]) == len(loaded["id"]) == count
    assert "numpy.load" in (tmp_path / "one" / "README.md").read_text()


@pytest.mark.slow
def test_memory_does_not_grow_with_the_set(tmp_path):
    schema = Schema("noise", ("dense", "rare"), 256, 1)
    pixels = np.zeros(schema.image_shape, np.uint8)
    small = Schema("noise", ("dense", "rare"), 16, 1)
    records = (
        dataclasses.replace(record, pixels=pixels)
        for record in noise_records("train", 400, small)
    )
    write_set(tmp_path / "set", schema, {"train": records})
    built = Dataset.open(tmp_path / "set", chunk_bytes=4 * pixels.size)
    for name in ("warm", "out"):
        (tmp_path / name).mkdir()
    write_npz(built, tmp_path / "warm")
    tracemalloc.start()
    try:
        write_npz(built, tmp_path / "out")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 400 * pixels.size / 2
