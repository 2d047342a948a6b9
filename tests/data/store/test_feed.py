"""The same batches resident or streamed, on any devices and processes, resumed or not."""

import dataclasses

import numpy as np
import pytest

from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.core.errors import StudyError
from synthjax.data.dataset import Dataset
from synthjax.data.store import loader
from synthjax.data.store.feed import BatchOrder, ResidentFeed, StreamingFeed


def batches(directory, count, *, devices=1, mapping="pmap", resident="always", skip=0):
    """`count` batches as host arrays, after a restore to batch `skip`."""
    door = make_devices(DevicesConfig(count=devices, mapping=mapping))
    feed = Dataset.open(directory).feed(
        "train", batch_size=8, seed=5, devices=door, resident=resident
    )
    if skip:
        feed.restore({"batch": skip, "batch_size": 8})
    taken = [door.gather(feed.next()) for _ in range(count)]
    assert feed.position() == {"batch": skip + count, "batch_size": 8}
    return taken


def assert_same(found, expected):
    for batch, other in zip(found, expected, strict=True):
        assert batch.keys() == other.keys() == {"pixels", "label"}
        assert batch["pixels"].dtype == np.uint8
        for name, values in batch.items():
            np.testing.assert_array_equal(values, other[name])


@pytest.fixture(scope="module")
def reference(noise_set):
    return batches(noise_set, 12)


@pytest.mark.slow
@pytest.mark.parametrize("resident", ["always", "never"])
@pytest.mark.parametrize("mapping", ["pmap", "shard_map"])
@pytest.mark.parametrize("devices", [1, 2, 4])
def test_same_batches_on_any_devices(noise_set, reference, devices, mapping, resident):
    found = batches(noise_set, 12, devices=devices, mapping=mapping, resident=resident)
    assert_same(found, reference)


@pytest.mark.parametrize("resident", ["always", "never"])
def test_resumes_bit_for_bit(noise_set, reference, resident):
    assert_same(batches(noise_set, 5, resident=resident, skip=7), reference[7:])


def test_restore_in_the_middle_forgets_what_was_read_ahead(noise_set, reference):
    door = make_devices(DevicesConfig(count=1))
    feed = Dataset.open(noise_set).feed(
        "train", batch_size=8, seed=5, devices=door, resident="never"
    )
    feed.next()
    feed.restore({"batch": 9, "batch_size": 8})
    assert_same([door.gather(feed.next())], reference[9:10])


def test_rows_and_labels_belong_together(noise_set, reference):
    table = Dataset.open(noise_set).table("train")
    rows = BatchOrder(len(table), 8, 5).indices(3)
    np.testing.assert_array_equal(reference[3]["pixels"], table.pixels[rows])
    np.testing.assert_array_equal(reference[3]["label"], table.label[rows])


@pytest.mark.parametrize("processes", [2, 4])
def test_processes_read_disjoint_parts_of_each_batch(processes):
    whole = BatchOrder(40, 8, 1)
    parts = [BatchOrder(40, 8, 1, index, processes) for index in range(processes)]
    epoch = []
    for batch in range(5):
        rows = [part.indices(batch) for part in parts]
        assert len(set(np.concatenate(rows))) == 8
        np.testing.assert_array_equal(np.concatenate(rows), whole.indices(batch))
        epoch.append(rows)
    assert sorted(np.concatenate([np.concatenate(rows) for rows in epoch])) == list(
        range(40)
    )


@dataclasses.dataclass
class OneOfSeveral:
    """Stands for the devices of one process of several; batches stay on the host."""

    process_index: int
    process_count: int

    def shard(self, tree):
        return tree


def test_processes_together_stream_the_whole_batch(noise_set, reference):
    stored = Dataset.open(noise_set)["train"]
    feeds = [
        StreamingFeed(stored, batch_size=8, seed=5, devices=OneOfSeveral(index, 2))
        for index in range(2)
    ]
    for expected in reference[:6]:
        parts = [feed.next() for feed in feeds]
        assert [len(part["label"]) for part in parts] == [4, 4]
        whole = {
            name: np.concatenate([part[name] for part in parts]) for name in parts[0]
        }
        assert_same([whole], [expected])


def test_every_epoch_is_another_permutation():
    order = BatchOrder(20, 4, 3)
    epochs = [
        np.concatenate([order.indices(batch) for batch in range(5 * e, 5 * e + 5)])
        for e in range(3)
    ]
    for epoch in epochs:
        assert sorted(epoch) == list(range(20))
    assert not np.array_equal(epochs[0], epochs[1])
    assert not np.array_equal(epochs[1], epochs[2])
    assert not np.array_equal(epochs[0], BatchOrder(20, 4, 4).indices(0))


def test_streaming_never_reads_the_whole_split(noise_set, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the whole split was read")

    monkeypatch.setattr(loader, "_read", refuse)
    batches(noise_set, 1, resident="never")


def test_auto_streams_what_does_not_fit(noise_set):
    door = make_devices(DevicesConfig(count=1))
    settings = {"batch_size": 8, "seed": 0, "devices": door}
    feed = Dataset.open(noise_set).feed("train", **settings)
    assert isinstance(feed, ResidentFeed)
    feed = Dataset.open(noise_set).feed("train", resident_bytes=1000, **settings)
    assert isinstance(feed, StreamingFeed)


def test_batch_must_divide_by_the_devices(noise_set):
    door = make_devices(DevicesConfig(count=4))
    with pytest.raises(StudyError, match=r"batch_size=10 .*4 devices.*8 or 12"):
        Dataset.open(noise_set).feed("train", batch_size=10, seed=0, devices=door)


def test_another_batch_size_cannot_resume(noise_set):
    door = make_devices(DevicesConfig(count=1))
    feed = Dataset.open(noise_set).feed("train", batch_size=8, seed=0, devices=door)
    with pytest.raises(StudyError, match="batch_size=16, this run has 8"):
        feed.restore({"batch": 2, "batch_size": 16})


def test_feeds_of_equal_splits_compile_one_step(noise_set):
    door = make_devices(DevicesConfig(count=1))
    for seed in (1, 2):
        Dataset.open(noise_set).feed(
            "train", batch_size=8, seed=seed, devices=door, resident="always"
        ).next()
    assert door.take.traces == 1
