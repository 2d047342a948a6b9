"""Patients from headers: what a row has goes first, and no name gets into the set."""

import math
from collections import Counter

import numpy as np
import pytest

from builders.dicom import ct
from builders.listings import make_context
from synthjax.core.errors import StudyError
from synthjax.data.listing import make_metadata
from synthjax.data.problems import Problems
from synthjax.data.sources.dicom_patients import add_patients
from synthjax.data.sources.header_index import digest_uid

HEADERS = {  # file -> what is in its header
    "a.dcm": {"PatientID": "p1", "PatientAge": "061Y", "PatientSex": "F"},
    "b.dcm": {"PatientID": "p2", "PatientAge": "093Y", "PatientSex": "?"},
    "c.dcm": {"PatientID": "p3", "PatientAge": "61", "PatientSex": "M"},
    "d.dcm": {"PatientID": "p4", "PatientAge": "old", "PatientSex": "M"},
    "e.dcm": {"PatientID": "p5", "PatientAge": "old", "PatientSex": "?"},
    "f.dcm": {"PatientID": "", "PatientAge": "old", "PatientSex": "?"},
    "g.dcm": {"PatientID": "Doe^Jane^^", "PatientAge": "", "PatientSex": ""},
}


def rows_of(root, files, **columns):
    for file in files:
        made = ct(np.zeros((4, 4), np.int16), of={"id": file, "patient_id": "p"})
        for keyword, value in HEADERS[file].items():
            made.add_new(keyword, "LO", value)
        made.ViewPosition = "PA"
        made.save_as(root / file, enforce_file_format=True)
    label = np.zeros((len(files), 1))
    return make_metadata(
        id=files, label=label, patient_id=files, origin=files, **columns
    )


def context(root, action="error"):
    return make_context(root, Problems(action, 1.0), resolution=8)


def test_the_header_fills_what_a_row_does_not_have(tmp_path):
    files = list(HEADERS)[:5]
    given = rows_of(
        tmp_path,
        files,
        age=[math.nan, math.nan, 30, math.nan, 30],
        sex=["", "", "", "", "F"],
        view=["AP", "", "", "", ""],
        study_id=["mine", "", "", "", ""],
    )
    facts: Counter[str] = Counter()
    rows = add_patients(given, tmp_path, context(tmp_path), facts)
    assert list(rows.patient_id) == ["p1", "p2", "p3", "p4", "p5"]
    np.testing.assert_array_equal(rows.age, np.float32([61, 90, 30, np.nan, 30]))
    assert list(rows.sex) == ["F", "", "M", "M", "F"]
    assert list(rows.view) == ["AP", "PA", "PA", "PA", "PA"]
    assert rows.study_id[0] == "mine"
    uid = ct(np.zeros((4, 4), np.int16), of={"patient_id": "p"})
    assert set(rows.study_id[1:]) == {digest_uid(uid.StudyInstanceUID)}
    # Of e.dcm nothing odd is used, for its row says it.
    assert facts == {"odd ages, unknown": 1, "odd sexes, unknown": 1}


def test_a_file_that_names_a_person_or_nobody_is_a_problem(tmp_path):
    (tmp_path / "h.dcm").write_bytes(b"no")
    given = rows_of(tmp_path, ["a.dcm", "f.dcm", "g.dcm"])
    files = [*given.origin, "h.dcm"]
    given = make_metadata(
        id=files, label=np.zeros((4, 1)), patient_id=files, origin=files
    )
    lenient = context(tmp_path, "skip")
    facts: Counter[str] = Counter()
    rows = add_patients(given, tmp_path, lenient, facts)
    assert list(rows.patient_id) == ["p1"] and list(rows.origin) == ["a.dcm"]
    assert lenient.problems.summary()["kinds"] == {
        "patient missing": 1,
        "patient named": 1,
        "file unusable": 1,
    }
    assert not any(facts.values())  # of files that are left out
    with pytest.raises(StudyError, match=r"g\.dcm: .*holds \^.*pseudonym") as caught:
        add_patients(given, tmp_path, context(tmp_path), facts)
    assert "Doe" not in str(caught.value) and "Jane" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)
