"""What is written as ChestX-ray14 is read back, and has its table."""

import numpy as np
import pytest

from builders.nih import HEADER_2017, load, make_tree
from synthjax.core.findings import CHEST
from synthjax.data.images.pixels import unit
from synthjax.data.layouts.nih14 import write_nih14
from synthjax.data.schema import Record
from synthjax.data.sources.nih14 import FINDINGS


@pytest.fixture
def root(tmp_path):
    """The set as it is unpacked."""
    return make_tree(tmp_path / "CXR8")


def test_an_export_is_read_back_bit_for_bit(tmp_path):
    rng = np.random.default_rng(1)
    records = [
        Record(
            id=f"image {number}",
            pixels=rng.integers(0, 256, (20, 24, 1), np.uint8),
            label=rng.choice([0, 1, np.nan], 14).astype(np.float32),
            patient_id=f"p{number % 3}",
            age=(np.nan, 61, 7)[number % 3],
            sex=("F", "M", "")[number % 3],
            view=("PA", "AP")[number % 2],
        )
        for number in range(9)
    ]
    assert write_nih14(tmp_path / "phantom", iter(records)) == 9
    header, *rows = (tmp_path / "phantom/Data_Entry_2017.csv").read_text().splitlines()
    assert header == HEADER_2017
    assert [row.split(",")[4] for row in rows[:3]] == ["", "61", "7"]
    listing = load(tmp_path / "phantom", tmp_path)
    assert len(listing.metadata) == 9
    for number, record in enumerate(records):
        back = listing.metadata.record(number)
        np.testing.assert_array_equal(listing.read(back), unit(record.pixels))
        truth = dict(zip(CHEST, record.label == 1, strict=True))
        truth["Effusion"] = truth["Pleural Effusion"]
        expected = [float(truth.get(name, False)) for name in FINDINGS]
        np.testing.assert_array_equal(back.label, expected)
        assert back.patient_id == str(number % 3 + 1)
        np.testing.assert_equal(back.age, record.age)
        assert (back.sex, back.view) == (record.sex, record.view)


def test_an_export_of_the_nihs_own_labels_loses_none(root, tmp_path):
    listing = load(root, tmp_path, no_finding=True)
    records = []
    for number in range(4):
        record = listing.metadata.record(number)
        values = listing.read(record)
        record.pixels = np.rint(values * 255).astype(np.uint8)
        records.append(record)
    write_nih14(tmp_path / "again", records, listing.labels)
    again = load(tmp_path / "again", tmp_path, no_finding=True)
    np.testing.assert_array_equal(again.metadata.label, listing.metadata.label)
