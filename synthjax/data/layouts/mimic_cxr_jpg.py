"""A set of chest images in the layout of MIMIC-CXR-JPG."""

import contextlib
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from synthjax.core.errors import StudyError
from synthjax.core.findings import CHEST
from synthjax.data.layouts.layout import (
    Census,
    grey,
    label_text,
    make_folder,
    pick_labels,
    write_table,
)
from synthjax.data.schema import Record

_LABELS = tuple(sorted(CHEST))  # their order in the table
_METADATA = (
    *("dicom_id", "subject_id", "study_id", "PerformedProcedureStepDescription"),
    *("ViewPosition", "Rows", "Columns", "StudyDate", "StudyTime"),
    "ProcedureCodeSequence_CodeMeaning",
    "ViewCodeSequence_CodeMeaning",
    "PatientOrientationCodeSequence_CodeMeaning",
)
_SUBJECT, _STUDY = 10_000_000, 50_000_000  # ids are larger than these


def write_mimic_cxr_jpg(
    folder: Path,
    records: Iterable[Record],
    labels: Sequence[str] = CHEST,
    *,
    quality: int = 95,
) -> int:
    """Writes JPEG images and three csv.gz tables; `sources.mimic_cxr_jpg` reads them.

    Images are files/p10/p10000001/s50000001/<dicom_id>.jpg, subjects and studies
    numbered as they come, dicom_id a digest of the record's id. An unknown label is
    blank; so are labels that the records do not have. The layout has no ages and sexes;
    dates, times and codes are blank; the split is train throughout. The same records
    give the same bytes.

    Args:
        folder: new or empty.
        records: with uint8 pixels [h w 1]; images of one study have the same labels.
        labels: names of the records' labels; those that CheXpert does not have are left
            out.
        quality: of the JPEG files, 1 to 95.

    Returns:
        How many images were written.

    Raises:
        StudyError: the folder is in use, an image is not grey with 8 bits, the images
            of a study differ in their labels.
    """
    make_folder(folder)
    census, count = Census(), 0
    studies: dict[int, list[str]] = {}
    with contextlib.ExitStack() as stack:
        metadata, chexpert, split = _open_tables(stack, folder)
        for record in records:
            place = census.place(record)
            subject, study = _SUBJECT + place.patient, _STUDY + place.study_of_all
            values = [label_text(v) for v in pick_labels(record, labels, _LABELS)]
            if place.study_of_all not in studies:
                chexpert.writerow([subject, study, *values])
            if studies.setdefault(place.study_of_all, values) != values:
                raise StudyError(
                    f"{record.id!r} has other labels than earlier images of its study "
                    f"{record.study_id!r}; MIMIC-CXR-JPG has one label vector a study."
                )
            dicom_id = _dicom_id(record.id)
            pixels = grey(record)
            inner = folder / f"files/p{str(subject)[:2]}/p{subject}/s{study}"
            inner.mkdir(parents=True, exist_ok=True)
            path = inner / f"{dicom_id}.jpg"
            Image.fromarray(pixels).save(path, "JPEG", quality=quality)
            ids = (dicom_id, subject, study)
            metadata.writerow([*ids, "", record.view, *pixels.shape, *[""] * 5])
            split.writerow([dicom_id, study, subject, "train"])
            count += 1
    return count


def _open_tables(stack: contextlib.ExitStack, folder: Path) -> list[Any]:
    """Opens writers of the tables of images, of labels and of splits."""
    headers = {
        "metadata": _METADATA,
        "chexpert": ("subject_id", "study_id", *_LABELS),
        "split": ("dicom_id", "study_id", "subject_id", "split"),
    }
    paths = {kind: folder / f"mimic-cxr-2.0.0-{kind}.csv.gz" for kind in headers}
    return [
        stack.enter_context(write_table(paths[kind], header))
        for kind, header in headers.items()
    ]


def _dicom_id(identity: str) -> str:
    """Returns five groups of eight hexadecimal digits, as the set names its images."""
    digits = hashlib.sha256(identity.encode()).hexdigest()
    return "-".join(digits[start : start + 8] for start in range(0, 40, 8))
