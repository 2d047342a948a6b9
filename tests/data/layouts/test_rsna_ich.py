"""Head CT slices written in the layout of the RSNA set."""

from pathlib import Path

import numpy as np
import pydicom
import pytest

from builders.rsna import COUNT, SLICES, make_slices, read_table
from synthjax.core.errors import StudyError
from synthjax.data.layouts.rsna_ich import make_dicom, write_rsna


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The set in its layout; tests only read it."""
    root = tmp_path_factory.mktemp("written")
    assert write_rsna(root, SLICES) == COUNT
    return root


def test_the_written_layout_is_that_of_the_set(written: Path):
    assert sorted(path.name for path in written.iterdir()) == [
        "stage_2_train",
        "stage_2_train.csv",
    ]
    rows = read_table(written)
    assert rows[0] == ["ID", "Label"]
    first = SLICES[0][0].id
    assert [row[0] for row in rows[1:7]] == [
        f"{first}_epidural",
        f"{first}_intraparenchymal",
        f"{first}_intraventricular",
        f"{first}_subarachnoid",
        f"{first}_subdural",
        f"{first}_any",
    ]
    assert len(rows) == 1 + 6 * COUNT
    names = {path.name for path in (written / "stage_2_train").iterdir()}
    assert names == {f"{record.id}.dcm" for record, _ in SLICES}


def test_every_file_is_a_valid_ct_image(written: Path):
    uids = set()
    for record, units in SLICES:
        dataset = pydicom.dcmread(written / "stage_2_train" / f"{record.id}.dcm")
        assert dataset.SOPClassUID.name == "CT Image Storage"
        assert dataset.file_meta.TransferSyntaxUID.name == "Explicit VR Little Endian"
        assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
        assert dataset.SOPInstanceUID.is_valid and dataset.StudyInstanceUID.is_valid
        assert (dataset.WindowCenter, dataset.WindowWidth) == (40, 80)
        assert str(dataset.PatientName) == ""
        slope, intercept = float(dataset.RescaleSlope), float(dataset.RescaleIntercept)
        np.testing.assert_array_equal(dataset.pixel_array * slope + intercept, units)
        uids.add(dataset.SOPInstanceUID)
    assert len(uids) == COUNT


def test_the_same_slices_are_the_same_bytes(written: Path, tmp_path: Path):
    write_rsna(tmp_path / "again", make_slices())
    for path in written.rglob("*"):
        if path.is_file():
            again = tmp_path / "again" / path.relative_to(written)
            assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "a/b"}, "a file's name"),
        ({"patient_id": ""}, "not a DICOM identifier"),
        ({"label": np.array([0, 0, 0, 0, np.nan, 1])}, "not 6 of 0 or 1"),
        ({"label": np.zeros(5)}, "not 6 of 0 or 1"),
        ({"label": np.array([0, 0, 0, 0, 1, 1])}, "contradict"),
        ({"label": np.zeros(6)}, "contradict"),
    ],
)
def test_a_slice_that_does_not_fit_is_not_written(tmp_path: Path, changes, message):
    record, units = next(make_slices())
    for name, value in changes.items():
        setattr(record, name, value)
    with pytest.raises(StudyError, match=message):
        write_rsna(tmp_path, [(record, units)])
    assert not (tmp_path / "stage_2_train.csv").exists()


def test_units_that_do_not_fit_are_not_written(tmp_path: Path):
    record, units = next(make_slices())
    for bad in (units.astype(np.float32), units[None], units[:0], units - 2000):
        with pytest.raises(StudyError, match="cannot be written"):
            write_rsna(tmp_path, [(record, bad)])
    with pytest.raises(StudyError, match="once"):
        write_rsna(tmp_path / "twice", [(record, units)] * 2)
    with pytest.raises(StudyError, match="is not empty"):
        write_rsna(tmp_path / "twice", [(record, units)])


def test_uids_follow_from_the_ids():
    (one, units), (two, _) = list(make_slices(2))
    same = make_dicom(one, units)
    assert same.SOPInstanceUID == make_dicom(one, units * 0).SOPInstanceUID
    other = make_dicom(two, units)
    assert other.SOPInstanceUID != same.SOPInstanceUID
    assert other.StudyInstanceUID == same.StudyInstanceUID  # one patient, one study
