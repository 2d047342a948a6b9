"""Folders of images: with a table of labels, or a folder for each class."""

import csv

from builders.images import save_grey
from builders.listings import make_context
from synthjax.data.sources.folder import FolderConfig, list_images

HEADER = ["file", "patient", "age", "sex", "view", "cat", "dog"]
ROWS = [
    ["a.png", "p1", "61.5", "female", "PA", "1", ""],
    ["deep/b.jpg", "p2", "", "M", "", "0", "1.0"],
]


def write_table(root, rows, header=HEADER, encoding="utf-8"):
    """Write labels.csv."""
    with open(root / "labels.csv", "w", newline="", encoding=encoding) as file:
        csv.writer(file).writerows([header, *rows])


def config_of(root, **changes):
    """Return the config that reads all columns of HEADER."""
    columns = {
        "patient_column": "patient",
        "age_column": "age",
        "sex_column": "sex",
        "view_column": "view",
    }
    return FolderConfig(path=str(root), **{**columns, **changes})


def make_folder(root):
    """Write ROWS and their two images; return the folder."""
    save_grey(root / "a.png", 10)
    save_grey(root / "deep" / "b.jpg", 200)
    write_table(root, ROWS)
    return root


def make_classes(root):
    """Write folders of two classes, in which patients have folders; return the folder."""
    for number, name in enumerate(
        ["cat/anna/1.png", "cat/bert/1.png", "cat/bert/2.png", "dog/anna/7.jpg"]
    ):
        save_grey(root / name, 20 * (number + 1))
    return root


def load(config, tmp_path, problems=None, **pixels):
    """List the folder; by default the first problem is an error."""
    return list_images(config, make_context(tmp_path, problems, **pixels))
