"""What is written as MIMIC-CXR-JPG is read back, and has its tables."""

import gzip

import numpy as np
import pytest

from builders.mimic import (
    METADATA,
    load,
)
from synthjax.core.errors import StudyError
from synthjax.data.images.pixels import unit
from synthjax.data.layouts.mimic_cxr_jpg import write_mimic_cxr_jpg
from synthjax.data.schema import Record

NAN = float("nan")


def make_records():
    rng = np.random.default_rng(2)
    for number in range(8):
        label = np.random.default_rng(number // 2).choice([0, 1, NAN], 14)
        label[number // 2] = 1
        smooth = np.add.outer(np.arange(32), np.arange(24)) * 3.0 + number
        yield Record(
            id=f"image {number}",
            pixels=(smooth + rng.normal(0, 3, smooth.shape)).astype(np.uint8)[
                ..., None
            ],
            label=label.astype(np.float32),
            patient_id=f"p{number // 4}",
            study_id=f"s{number // 2}",
            view=("PA", "AP")[number % 2],
        )


def test_an_export_is_read_back_the_same(tmp_path):
    records = list(make_records())
    assert write_mimic_cxr_jpg(tmp_path / "phantom", iter(records)) == 8
    listing = load(tmp_path / "phantom", tmp_path, blanks="unknown")
    assert len(listing.metadata) == 8
    for number, record in enumerate(records):
        back = listing.metadata.record(number)
        np.testing.assert_array_equal(back.label, record.label)
        assert back.patient_id == f"p{10000001 + number // 4}"
        assert back.study_id == f"s{50000001 + number // 2}"
        assert back.view == record.view
        error = np.abs(listing.read(back) - unit(record.pixels))
        assert error.max() <= 16 / 255
        assert error.mean() <= 2 / 255
    write_mimic_cxr_jpg(tmp_path / "again", iter(records))
    for path in (tmp_path / "phantom").rglob("*.*"):
        again = tmp_path / "again" / path.relative_to(tmp_path / "phantom")
        assert again.read_bytes() == path.read_bytes()
        if path.suffix == ".gz":
            assert path.read_bytes()[4:8] == bytes(4)  # no time in the header
    with gzip.open(tmp_path / "phantom/mimic-cxr-2.0.0-metadata.csv.gz", "rt") as file:
        assert file.readline().strip().split(",") == METADATA
    assert listing.facts["own splits, not used"] == {"train": 8}


def test_an_export_refuses_a_study_of_two_minds(tmp_path):
    records = list(make_records())
    records[1].label[:] = 0
    with pytest.raises(StudyError, match=r"'image 1' has other labels.*'s0'"):
        write_mimic_cxr_jpg(tmp_path / "phantom", records)
    assert not list((tmp_path / "phantom").glob("*.gz"))
