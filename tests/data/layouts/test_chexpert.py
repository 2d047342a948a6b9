"""What is written as CheXpert is read back, and has its table."""

import numpy as np
import pytest

from builders.chexpert import HEADER, load
from synthjax.core.errors import StudyError
from synthjax.core.findings import CHEST
from synthjax.data.images.pixels import unit
from synthjax.data.layouts.chexpert import write_chexpert
from synthjax.data.schema import Record

NAN = float("nan")


def make_records(count=8, size=40):
    rng = np.random.default_rng(4)
    for number in range(count):
        x, y = np.mgrid[:size, :size] / size
        smooth = 120 + 100 * np.sin(3 * x + number) * np.cos(4 * y)
        label = rng.choice([0, 1, NAN], len(CHEST)).astype(np.float32)
        label[number % len(CHEST)] = 1
        yield Record(
            id=f"image {number}",
            pixels=np.rint(smooth + rng.normal(0, 4, x.shape)).astype(np.uint8)[
                ..., None
            ],
            label=label,
            patient_id=f"p{number // 3}",
            study_id=f"s{number // 2}" if number else "",
            age=(NAN, 61.5, 7)[number % 3],
            sex=("F", "M", "")[number % 3],
            view=("PA", "AP", "")[number % 3],
        )


def test_an_export_is_read_back_the_same(tmp_path):
    records = list(make_records())
    assert write_chexpert(tmp_path / "phantom", iter(records)) == len(records)
    listing = load(tmp_path / "phantom", tmp_path, blanks="unknown")
    rows = listing.metadata
    assert len(rows) == len(records)
    for number, record in enumerate(records):
        back = rows.record(number)
        np.testing.assert_array_equal(back.label, record.label)
        assert back.patient_id == f"patient{number // 3 + 1:05d}"
        np.testing.assert_equal(back.age, record.age)
        assert (back.sex, back.view) == (record.sex, record.view)
        error = np.abs(listing.read(back) - unit(record.pixels))
        assert error.max() <= 16 / 255
        assert error.mean() <= 2 / 255
    studies = {(r.patient_id, r.study_id or r.id) for r in records}
    assert len(set(rows.study_id)) == len(studies)
    write_chexpert(tmp_path / "again" / "phantom", iter(records))
    for path in (tmp_path / "phantom").rglob("*.*"):
        again = tmp_path / "again" / path.relative_to(tmp_path)
        assert again.read_bytes() == path.read_bytes()


def test_an_export_has_chexperts_table(tmp_path):
    labels = ("Edema", "Fever")
    record = Record(
        id="a",
        pixels=np.zeros((16, 16, 1), np.uint8),
        label=np.array([1, 0], np.float32),
        patient_id="p",
        view="LATERAL",
    )
    write_chexpert(tmp_path / "set", [record], labels)
    text = (tmp_path / "set" / "train.csv").read_text()
    assert text.splitlines()[0] == ",".join(HEADER)
    assert text.splitlines()[1] == (
        "set/train/patient00001/study1/view1_lateral.jpg,Unknown,,Lateral,,"
        ",,,,,1.0,,,,,,,,"
    )


def test_an_export_refuses_what_does_not_fit(tmp_path):
    records = list(make_records(3))
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "file").touch()
    with pytest.raises(StudyError, match="used is not empty"):
        write_chexpert(tmp_path / "used", records)
    records[1].pixels = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(StudyError, match=r"'image 1'.*channels=1"):
        write_chexpert(tmp_path / "set", records)
    assert not (tmp_path / "set" / "train.csv").exists()
    with pytest.raises(StudyError, match="14 labels, not the 1"):
        write_chexpert(tmp_path / "other", records[:1], ("Edema",))
