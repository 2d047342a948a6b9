"""Patients of a folder from the headers of its DICOM files."""

import numpy as np
import pytest

from builders.dicom import save_radiograph
from builders.folder import load, write_table
from builders.images import save_grey
from synthjax.core.errors import StudyError
from synthjax.data.problems import Problems
from synthjax.data.sources.folder import FolderConfig
from synthjax.data.sources.header_index import digest_uid


def test_patients_from_dicom_headers(tmp_path):
    root = tmp_path / "classes"
    tags = {"PatientSex": "F", "PatientAge": "061Y", "ViewPosition": "PA"}
    save_radiograph(
        root / "cat/1.dcm", 10, PatientID="p7", StudyInstanceUID="1.2", **tags
    )
    save_radiograph(root / "dog/2", 20, PatientID="p9")
    (root / "dog/2").rename(root / "dog/2.dcm")
    config = FolderConfig(path=str(root), labels_csv="", patient_from_dicom=True)
    listing = load(config, tmp_path)
    assert listing.has_patients
    rows = listing.metadata
    assert list(rows.patient_id) == ["p7", "p9"]
    assert list(rows.study_id) == [digest_uid("1.2"), ""]
    assert list(rows.sex) == ["F", ""]
    assert list(rows.view) == ["PA", ""]
    np.testing.assert_array_equal(rows.age, np.float32([61, np.nan]))
    save_radiograph(root / "dog/3.dcm", 20)
    save_grey(root / "dog/4.png")
    with pytest.raises(StudyError, match=r"2 problem(.|\n)*3.dcm: .*no PatientID"):
        load(config, tmp_path)
    problems = Problems("skip", 0.5)
    assert list(load(config, tmp_path, problems).metadata.patient_id) == ["p7", "p9"]
    kinds = {"patient missing": 1, "file unusable": 1}
    assert problems.summary()["kinds"] == kinds


def test_a_tables_own_columns_go_before_the_header(tmp_path):
    root = tmp_path / "scans"
    tags = {"PatientSex": "F", "PatientAge": "061Y", "ViewPosition": "PA"}
    save_radiograph(root / "1.dcm", 10, PatientID="p7", **tags)
    save_radiograph(root / "2.dcm", 10, PatientID="p8", **tags)
    rows = [["1.dcm", "12", "", "1"], ["2.dcm", "", "M", "1"]]
    write_table(root, rows, ["file", "age", "sex", "cat"])
    listing = load(
        FolderConfig(
            path=str(root), age_column="age", sex_column="sex", patient_from_dicom=True
        ),
        tmp_path,
    )
    assert list(listing.metadata.patient_id) == ["p7", "p8"]
    assert list(listing.metadata.age) == [12, 61]
    assert list(listing.metadata.sex) == ["F", "M"]
