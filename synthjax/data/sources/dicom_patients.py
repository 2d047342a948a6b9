"""Whose an image is, from its DICOM header, where no table says so."""

import dataclasses
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Bool

from synthjax.data.listing import Context, Metadata
from synthjax.data.problems import FILE_UNUSABLE, PATIENT_MISSING, Problems
from synthjax.data.sources.attributes import ODD_AGES, ODD_SEXES
from synthjax.data.sources.header_index import index_headers

_COLUMNS = ("study_id", "sex", "view")  # "" = unknown
_NAMED = "patient named"  # kind of problem
_NAME = "^"  # parts the components of a person's name (PS3.5 section 6.2)


def header_file(prepared: Path) -> Path:
    """Returns where the index of a source's headers is kept."""
    return prepared / "headers.parquet"


def add_patients(
    metadata: Metadata, root: Path, context: Context, facts: Counter[str]
) -> Metadata:
    """Returns the metadata with the patient ids of the files' headers.

    Study, sex, view and age come from the header as well where the metadata does not
    have them; an odd age or sex is unknown and counted in the facts. The ids go into
    the set as they are: they must be pseudonyms. The index of the headers is kept in
    `context.prepared`.

    Raises:
        StudyError: problems, as the policy says: a file that is not DICOM, or has no
            PatientID, or a person's name as such. Their images are left out.
    """
    target = header_file(context.prepared)
    headers = index_headers(root, list(metadata.origin), target, context.workers)
    kept = check_patients(headers, context.problems, "or name a patient_column")
    context.problems.settle(len(metadata))
    columns = {
        name: np.where(
            getattr(metadata, name) == "",
            _texts(headers, name),
            getattr(metadata, name),
        )
        for name in _COLUMNS
    }
    odd_age, odd_sex = headers["odd_age"].to_numpy(), headers["odd_sex"].to_numpy()
    facts[ODD_AGES] += int((odd_age & np.isnan(metadata.age) & kept).sum())
    facts[ODD_SEXES] += int((odd_sex & (metadata.sex == "") & kept).sum())
    return dataclasses.replace(
        metadata,
        patient_id=_texts(headers, "patient_id"),
        age=np.where(np.isnan(metadata.age), headers["age"].to_numpy(), metadata.age),
        **columns,
    ).take(np.flatnonzero(kept))


def check_patients(
    headers: pa.Table, problems: Problems, otherwise: str
) -> Bool[np.ndarray, " n"]:
    """Finds which files of an index of headers can be used, and say whose they are.

    The others are added to the problems.

    Args:
        headers: rows of `header_index.SCHEMA`.
        otherwise: what to do about a file without a patient, if not to correct it.
    """
    kept = np.zeros(headers.num_rows, bool)
    columns = headers.select(["file", "error", "patient_id"]).to_pydict()
    for index, (file, error, patient) in enumerate(zip(*columns.values(), strict=True)):
        if error:
            problems.add(FILE_UNUSABLE, file, error)
        elif not patient:
            what = f"its header has no PatientID; add it, {otherwise}"
            problems.add(PATIENT_MISSING, file, what)
        elif _NAME in patient:
            what = (
                f"its header's PatientID holds {_NAME}, as names of people do; put a "
                f"pseudonym in its place, {otherwise}"
            )
            problems.add(_NAMED, file, what)
        else:
            kept[index] = True
    return kept


def _texts(headers: pa.Table, name: str) -> np.ndarray:
    """Returns a column of texts as metadata has it."""
    return headers[name].to_numpy()
