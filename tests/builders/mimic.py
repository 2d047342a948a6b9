"""A tree of MIMIC-CXR-JPG as it is unpacked."""

import csv
import gzip

from builders.images import save_grey
from builders.listings import make_context
from synthjax.core.findings import CHEST
from synthjax.data.sources.mimic_cxr_jpg import MimicCxrJpgConfig, list_images

ALPHABETICAL = tuple(sorted(CHEST))  # as in the set's table
METADATA = [
    "dicom_id",
    "subject_id",
    "study_id",
    "PerformedProcedureStepDescription",
    "ViewPosition",
    "Rows",
    "Columns",
    "StudyDate",
    "StudyTime",
    "ProcedureCodeSequence_CodeMeaning",
    "ViewCodeSequence_CodeMeaning",
    "PatientOrientationCodeSequence_CodeMeaning",
]


# dicom_id: subject, study, view
IMAGES = {
    "02aa804e-bde0afdd-112c0b34-7bc16630-4e384014": ("10000032", "50414267", "PA"),
    "174413ec-4ec4c1f7-34ea26b7-c5f994f8-79ef1962": ("10000032", "50414267", "LATERAL"),
    "2a2277a9-b0ded155-c0de8eb9-c124d10e-82c5caab": ("10000032", "53189527", "AP"),
    "68b5c4b1-227d0485-9cc38c3f-7b84ab51-4b472714": ("10000764", "57375967", "AP"),
    "8959e402-2175d68d-edba5a6c-baab51c3-9359f700": ("10000764", "57375968", ""),
    "f0000001-2175d68d-edba5a6c-baab51c3-9359f700": ("11000764", "57375969", "PA"),
}


STUDIES = {
    ("10000032", "50414267"): {"No Finding": "1.0"},
    ("10000032", "53189527"): {"Edema": "-1.0", "Fracture": "0.0", "Pneumonia": "1"},
    ("10000764", "57375967"): {"Edema": "0.0"},
    ("10000764", "57375968"): {"Edema": "1.0"},
}
KEPT = list(IMAGES)[:3:2]


def write_table(root, kind, header, rows, packed=True):
    """Write a table of the set, packed or not."""
    name = root / f"mimic-cxr-2.0.0-{kind}.csv"
    opener = gzip.open if packed else open
    with opener(f"{name}.gz" if packed else name, "wt", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def metadata_rows():
    """Return the rows of the table of images."""
    return [
        [i, p, s, "CHEST (PA AND LAT)", v, 3056, 2544, 21800506, 213014.5, "", "", ""]
        for i, (p, s, v) in IMAGES.items()
    ]


def study_rows():
    """Return the rows of the table of labels, one an exam."""
    return [
        [*key, *(labels.get(name, "") for name in ALPHABETICAL)]
        for key, labels in STUDIES.items()
    ]


def path_of(root, image):
    """Return an image's path."""
    subject, study, _ = IMAGES[image]
    return root / f"files/p{subject[:2]}/p{subject}/s{study}/{image}.jpg"


def make(root, packed=True):
    """Write the set as it is unpacked."""
    for number, image in enumerate(IMAGES):
        path = path_of(root, image)
        save_grey(path, 40 + number, (16, 20))
    write_table(root, "metadata", METADATA, metadata_rows(), packed)
    header = ["subject_id", "study_id", *ALPHABETICAL]
    write_table(root, "chexpert", header, study_rows(), packed)


def one_more(kind, changes):
    """Return the table's header and rows with a last row that differs from a good one."""
    rows = metadata_rows() if kind == "metadata" else study_rows()
    header = (
        METADATA if kind == "metadata" else ["subject_id", "study_id", *ALPHABETICAL]
    )
    good = list(rows[2 if kind == "metadata" else 3])
    row = [changes.get(name, c) for name, c in zip(header, good, strict=True)]
    return header, [*rows, row[: changes.get("cells", len(row))]]


def load(root, tmp_path, problems=None, **changes):
    """List the set; by default the first problem is an error."""
    config = MimicCxrJpgConfig(path=str(root), **changes)
    return list_images(config, make_context(tmp_path, problems))
