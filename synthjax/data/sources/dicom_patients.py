"""Whose an image is, from its DICOM header, where no table says so."""

import dataclasses
from pathlib import Path

import numpy as np

from synthjax.data.header_index import index_headers
from synthjax.data.listing import Context, Rows

_COLUMNS = {"study_id": "", "sex": "", "view": ""}  # attribute -> its unknown value


def add_patients(rows: Rows, root: Path, context: Context) -> Rows:
    """The rows with the patient ids of their files' headers.

    Study, sex, view and age come from the header as well where a row does not have
    them. The ids go into the set as they are: they must be pseudonyms. The index of the
    headers is kept in `context.prepared`.

    Raises:
        StudyError: problems, as the policy says: a file that is no DICOM file, or has
            no PatientID. Their rows are left out.
    """
    files = list(rows.origin)
    target = context.prepared / "headers.parquet"
    headers = index_headers(root, files, target, context.workers).to_pydict()
    kept = np.zeros(len(rows), bool)
    for number, file in enumerate(files):
        if headers["error"][number]:
            context.problems.add("unusable image", file, headers["error"][number])
        elif not headers["patient_id"][number]:
            what = "its header has no PatientID; add it, or name a patient_column"
            context.problems.add("no patient", file, what)
        else:
            kept[number] = True
    context.problems.settle(len(rows))
    columns = {
        name: np.array(
            [
                own if own != unknown else other
                for own, other in zip(getattr(rows, name), headers[name], strict=True)
            ],
            object,
        )
        for name, unknown in _COLUMNS.items()
    }
    ages = np.asarray(headers["age"], np.float32)
    return dataclasses.replace(
        rows,
        patient_id=np.array(headers["patient_id"], object),
        age=np.where(np.isnan(rows.age), ages, rows.age),
        **columns,
    ).take(np.flatnonzero(kept))
