"""A tree of ChestX-ray14 as it is unpacked."""

import csv

from builders.images import save_grey
from builders.listings import make_context
from synthjax.data.sources.nih14 import Nih14Config, list_images

HEADER_2017 = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,"
    "View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
)
HEADER_2020 = HEADER_2017.replace("Gender", "Sex").rstrip(",")


# name: findings, follow-up, patient, age, sex, view
ROWS = {
    "00000001_000.png": ("Cardiomegaly", "0", "1", "058Y", "M", "PA"),
    "00000001_001.png": ("Cardiomegaly|Emphysema", "1", "1", "59", "M", "PA"),
    "00000002_000.png": ("No Finding", "0", "2", "006M", "F", "AP"),
    "00000003_000.png": (
        "Hernia|Pleural_Thickening",
        "000",
        "00000003",
        "414",
        "F",
        "",
    ),
}


def write_table(root, rows, header=HEADER_2017, name="Data_Entry_2017.csv", bom=False):
    """Write a table; rows are cells up to the view: sizes and spacings follow, as in the set."""
    tail = ["2682", "2749", "0.143", "0.143", ""]
    tail = tail[: len(header.split(",")) - 7]
    with open(root / name, "w", newline="", encoding="utf-8") as file:
        file.write(("\ufeff" if bom else "") + header + "\n")
        csv.writer(file).writerows([*row, *tail] for row in rows)


def table_rows():
    """Return ROWS as the table has them."""
    return [[name, *cells] for name, cells in ROWS.items()]


def make_tree(root):
    """Write ROWS as they are unpacked, in several folders; return the folder."""
    for number, name in enumerate(ROWS):
        folder = ("images_001/images", "images_002/images", "images", ".")[number]
        save_grey(root / folder / name, 50 + number, (16, 16))
    write_table(root, table_rows())
    return root


def load(root, tmp_path, problems=None, **changes):
    """List the set; by default the first problem is an error."""
    config = Nih14Config(path=str(root), **changes)
    return list_images(config, make_context(tmp_path, problems))
