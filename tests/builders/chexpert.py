"""Trees of CheXpert and CheXpert Plus as they are unpacked."""

import csv
import json
import re

from builders.images import save_grey
from builders.listings import make_context
from synthjax.core.findings import CHEST
from synthjax.data.sources.chexpert import ChexpertConfig, list_images

SIDES = ["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA"]
HEADER = [*SIDES, *CHEST]
PLUS_LABELS = "chexbert_labels/impression_fixed.json"


def stated(**labels):
    """Return the 14 cells of a row; `Lung_Opacity="1.0"` sets one."""
    return [labels.get(name.replace(" ", "_"), "") for name in CHEST]


def vector(fill=0.0, **labels):
    """Return the 14 label values; `Lung_Opacity=1` sets one, the others are `fill`."""
    return [labels.get(name.replace(" ", "_"), fill) for name in CHEST]


# split/patient/study/view: sex, age, frontal, AP/PA, labels
ROWS = {
    "train/patient00001/study1/view1_frontal.jpg": (
        *("Female", "68", "Frontal", "AP"),
        stated(No_Finding="1.0", Support_Devices="1.0", Edema="0.0"),
    ),
    "train/patient00001/study1/view2_lateral.jpg": (
        *("Female", "68", "Lateral", ""),
        stated(No_Finding="1.0", Support_Devices="1.0", Edema="0.0"),
    ),
    "train/patient00002/study1/view1_frontal.jpg": (
        *("Male", "87", "Frontal", "PA"),
        stated(Cardiomegaly="-1.0", Lung_Opacity="1", Fracture="-1"),
    ),
    "train/patient00002/study2/view2_frontal.jpg": (
        *("Male", "88", "Frontal", "AP"),
        stated(Edema="-1.0", Pneumonia="0.0"),
    ),
    "train/patient00002/study2/view3_frontal.jpg": (
        *("Male", "88", "Frontal", "AP"),
        stated(Edema="1.0"),
    ),
    "train/patient00003/study1/view1_frontal.jpg": (
        *("Unknown", "0", "Frontal", "LL"),
        stated(Pneumonia="0.0"),
    ),
    "train/patient00004/study1/view1_frontal.jpg": (
        *("Male", "", "Frontal", ""),
        stated(),
    ),
}


KEPT = [name for name in ROWS if not re.search("lateral|view3|0000[34]", name)]


def write_table(path, rows, header=HEADER, encoding="utf-8"):
    """Write a table of this header."""
    with open(path, "w", newline="", encoding=encoding) as file:
        csv.writer(file).writerows([header, *rows])


def make_tree(root):
    """Write ROWS as they are unpacked, images of 10, 20, ...; return the folder."""
    for number, name in enumerate(ROWS):
        save_grey(root / name, 10 * (number + 1), (24, 20))
    write_table(root / "train.csv", table_rows(root.name))
    return root


def table_rows(prefix, rows=None):
    """Return the rows of the table of a folder of this name."""
    return [[f"{prefix}/{n}", *r[:4], *r[4]] for n, r in (rows or ROWS).items()]


def make_plus(root, images="PNG"):
    """Write CheXpert Plus as it is unpacked; return the folder.

    One image has no labels, one is of the valid split. `images` is the images' folder.
    """
    names = [*ROWS, "valid/patient64541/study1/view1_frontal.jpg"]
    rows, lines = [], []
    for number, name in enumerate(names):
        sex, age, side, view, labels = ROWS.get(name, ROWS[KEPT[0]])
        path = root / images / name.replace(".jpg", ".png")
        save_grey(path, 10 * (number + 1), (24, 20))
        patient = name.split("/")[1]
        report = "FINDINGS:\nno, nothing"
        rows.append(
            [name, name.replace("jpg", "dcm"), side, view, patient, report, age, sex]
        )
        values = {
            n: None if v == "" else float(v) for n, v in zip(CHEST, labels, strict=True)
        }
        lines.append(json.dumps({"path_to_image": name, **values}))
    header = ["path_to_image", "path_to_dcm", "frontal_lateral", "ap_pa"]
    header += ["deid_patient_id", "report", "age", "sex"]
    write_table(root / "df_chexpert_plus_240401.csv", rows, header)
    (root / "chexbert_labels").mkdir()
    (root / PLUS_LABELS).write_text("\n".join(lines[:6] + lines[7:]) + "\n")
    return root


def load(root, tmp_path, problems=None, **changes):
    """List the set; by default the first problem is an error."""
    config = ChexpertConfig(path=str(root), **changes)
    return list_images(config, make_context(tmp_path, problems))
