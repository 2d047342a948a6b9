"""Images of several splits as one: the same batches from the device and from files."""

import dataclasses

import numpy as np
import pytest

from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.core.errors import StudyError
from synthjax.data.dataset import Dataset
from synthjax.data.schema import Record, Schema
from synthjax.data.store.feed import BatchOrder
from synthjax.data.store.loader import make_feed, read_metadata
from synthjax.data.store.selection import Selection
from synthjax.data.store.write import write_set

SCHEMA = Schema("noise", ("a", "b"), 16, 1)


def write(folder, name, schema=SCHEMA):
    generator = np.random.default_rng(len(name))
    records = [
        Record(
            id=f"{name}{i:02d}",
            pixels=generator.integers(0, 256, schema.image_shape).astype(np.uint8),
            label=generator.integers(0, 2, 2).astype(np.float32),
            patient_id=f"{name}{i}",
        )
        for i in range(12)
    ]
    write_set(folder / name, schema, {"train": records})
    return Dataset.open(folder / name)["train"]


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    return write(folder, "one"), write(folder, "other")


@pytest.fixture(scope="module")
def selection(splits):
    """Two of one set, all of the other, the first two again; labels of our own."""
    parts = [
        (splits[0], np.array([7, 2])),
        (splits[1], np.arange(12)),
        (splits[0], np.array([7, 2])),
    ]
    label = np.arange(32, dtype=np.float32).reshape(16, 2) % 2
    label[3, 1] = np.nan
    return Selection(parts, label)


def test_records_are_those_of_the_parts_with_the_labels_given(selection, splits):
    assert len(selection) == 16
    ids = ["one07", "one02", *(f"other{i:02d}" for i in range(12)), "one07", "one02"]
    assert [selection[place].id for place in range(16)] == ids
    places = [15, 3, 0, 3, 9]
    for place, record in zip(places, selection.read(places), strict=True):
        split = splits[0] if record.id.startswith("one") else splits[1]
        stored = split[int(record.id[-2:])]
        assert record.id == ids[place]
        np.testing.assert_array_equal(record.pixels, stored.pixels)
        np.testing.assert_array_equal(record.label, selection.label[place])


@pytest.mark.slow
def test_device_and_files_give_the_same_batches(selection):
    devices = make_devices(DevicesConfig(count=1))
    metadata = read_metadata(selection)
    order = BatchOrder(16, 8, 3)
    feeds = [
        make_feed(selection, batch_size=8, seed=3, devices=devices, resident=resident)
        for resident in ("always", "never")
    ]
    for batch in range(3):
        resident, streamed = (devices.gather(feed.next()) for feed in feeds)
        expected = selection.read(order.indices(batch).tolist())
        pixels = np.stack([record.pixels for record in expected])
        for found in (resident, streamed):
            np.testing.assert_array_equal(found["pixels"], pixels)
            np.testing.assert_array_equal(
                found["label"], metadata.label[order.indices(batch)]
            )


def test_what_cannot_be_one_split_is_refused(splits, tmp_path):
    colour = write(tmp_path, "colour", dataclasses.replace(SCHEMA, channels=3))
    all_rows = np.arange(12)
    with pytest.raises(StudyError, match="different kinds"):
        Selection(
            [(splits[0], all_rows), (colour, all_rows)], np.zeros((24, 2), np.float32)
        )
    with pytest.raises(StudyError, match="3 label vectors for 12"):
        Selection([(splits[0], all_rows)], np.zeros((3, 2), np.float32))
