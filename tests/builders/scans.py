"""A folder of scans with labels.csv, clean until a defect is planted.

Each function below `DEFECTS` plants one defect in scan n or n + 1, which are of patient
n / 2, and returns what the diagnostic's place must say.
"""

import csv
import shutil

import numpy as np
from PIL import Image

from builders.images import chest_like, png
from synthjax.data.config import DataConfig
from synthjax.data.sources.folder import FolderConfig

COLUMNS = ("file", "patient", "study", "age", "sex", "view", "cat", "dog")
PATIENTS, SIZE = 24, 32  # two images each


class ScanFolder:
    """A folder of images, and the rows of its labels.csv."""

    def __init__(self, root, patients=PATIENTS):
        self.root, self.rows = root, []
        root.mkdir()
        for number in range(2 * patients):
            patient = number // 2
            self.rows.append(
                {
                    "file": f"scan{number:03d}.png",
                    "patient": f"p{patient}",
                    "study": f"s{patient}",
                    "age": "40",
                    "sex": "FM"[patient % 2],
                    "view": "PA",
                    "cat": str(number % 2),
                    "dog": str(number // 2 % 2),
                }
            )
            self.save(number, chest_like(number))
        self.last = len(self.rows) - 1  # of a patient in whom nothing else is planted

    def copy(self, root):
        """Return the same folder at another place."""
        copy = ScanFolder.__new__(ScanFolder)
        copy.root, copy.last = root, self.last
        copy.rows = [dict(row) for row in self.rows]
        shutil.copytree(self.root, root)
        return copy

    def path(self, number):
        return self.root / self.rows[number]["file"]

    def save(self, number, pixels):
        Image.fromarray(pixels).save(self.path(number))

    def add(self, file, **cells):
        self.rows.append({**self.rows[0], "file": file, **cells})

    def config(self, **changes):
        """Write labels.csv; return the config that reads the folder."""
        path = self.root / "labels.csv"
        with open(path, "w", newline="", encoding="utf-8") as file:
            rows = [list(row.values()) for row in self.rows]
            csv.writer(file).writerows([COLUMNS, *rows])
        columns = {f"{name}_column": name for name in COLUMNS[1:6]}
        changes = {"resolution": 16, "workers": 1, **changes}
        config = FolderConfig(path=str(self.root), **columns)
        return DataConfig(source="folder", folder=config, **changes)


def missing_file(tree, n):
    tree.path(n).unlink()
    return f"'scan{n:03d}.png' does not exist"


def file_without_row(tree, n):
    Image.fromarray(chest_like(999)).save(tree.root / "stray.png")
    return "stray.png: no row"


def duplicate_row(tree, n):
    tree.add(f"scan{n:03d}.png")
    return f"row {len(tree.rows) + 1} of labels.csv: its image is also in row {n + 2}"


def path_that_climbs(tree, n):
    tree.add("../secret.png")
    return "'../secret.png' leaves"


def label_of_another_value(tree, n):
    tree.rows[n]["cat"] = "2"
    return f"row {n + 2} of labels.csv: label 'cat' of 'scan{n:03d}.png' is '2'"


def short_row(tree, n):
    tree.rows.append({"file": "short.png", "patient": "p1"})
    return f"row {len(tree.rows) + 1} of labels.csv"


def no_patient(tree, n):
    tree.rows[n]["patient"] = ""
    return f"'scan{n:03d}.png' has no patient"


def truncated_png(tree, n):
    data = tree.path(n).read_bytes()
    tree.path(n).write_bytes(data[: len(data) // 2])
    return f"scan{n:03d}.png: cannot be read as PNG"


def truncated_jpeg(tree, n):
    tree.path(n).unlink()
    tree.rows[n]["file"] = "cut.jpg"
    Image.fromarray(chest_like(n, 40)).save(tree.path(n), quality=95)
    data = tree.path(n).read_bytes()
    tree.path(n).write_bytes(data[: 2 * len(data) // 3])
    return "cut.jpg: cannot be read as JPEG"


def not_an_image(tree, n):
    tree.path(n).write_text("hello")
    return f"scan{n:03d}.png: is not a PNG"


def empty_file(tree, n):
    tree.path(n).write_bytes(b"")
    return f"scan{n:03d}.png: is empty"


def zip_bomb(tree, n):
    tree.path(n).write_bytes(png(60000, 60000, 8, 0, b""))
    return f"scan{n:03d}.png: claims to have 60000 x 60000"


def sixteen_bits(tree, n):
    tree.save(n, chest_like(n).astype(np.uint16) * 16)
    return f"scan{n:03d}.png: has 16 bits"


def two_sexes(tree, n):
    tree.rows[n]["sex"] = "M"
    tree.rows[n + 1]["sex"] = "F"
    return f"patient 'p{n // 2}' is F and M"


def ages_apart(tree, n):
    tree.rows[n]["age"] = "42.5"
    return f"exam 's{n // 2}' of patient 'p{n // 2}': 40 to 42.5"


def ages_of_a_lifetime(tree, n):
    tree.rows[n].update(age="88", study="another")
    return f"patient 'p{n // 2}' is 40 to 88"


def shared_study(tree, n):
    tree.rows[n]["study"] = tree.rows[tree.last]["study"]
    return f"is of the patients 'p{n // 2}', '{tree.rows[tree.last]['patient']}'"


def patient_in_other_case(tree, n):
    tree.rows[n].update(patient=f"P{n // 2}", study="")
    return f"'P{n // 2}' and 'p{n // 2}'"


def patient_with_zeros(tree, n):
    tree.rows[n].update(patient=f"p00{n // 2}", study="")
    return f"'p00{n // 2}' and 'p{n // 2}'"


def placeholder(tree, n):
    for number in (n, n + 1):
        tree.rows[number].update(patient="anonymous", study="")
    return f"'anonymous' has 2 of {len(tree.rows)}"


def name_of_a_person(tree, n):
    tree.rows[n].update(patient="DOE^JANE", study="")
    return f"the patient of scan{n:03d}.png"


def ids_by_case(tree, n):
    tree.path(n).rename(tree.root / f"SCAN{n + 1:03d}.png")
    tree.rows[n]["file"] = f"SCAN{n + 1:03d}.png"
    return f"SCAN{n + 1:03d}.png and scan{n + 1:03d}.png"


def odd_name(tree, n):
    tree.path(n).rename(tree.root / "a\\b\t.png")
    tree.rows[n]["file"] = "a\\b\t.png"
    return "b\\t.png"


def copy_in_two_patients(tree, n):
    shutil.copy(tree.path(n), tree.path(tree.last))
    return f"scan{n:03d}.png (patient 'p{n // 2}', "


def copy_with_other_labels(tree, n):
    shutil.copy(tree.path(n), tree.path(n + 1))
    return f"scan{n:03d}.png (patient 'p{n // 2}', "


def constant(tree, n):
    tree.save(n, np.full((SIZE, SIZE), 77, np.uint8))
    return f"scan{n:03d}.png: all values are 0.30 to 0.30"


def nearly_black(tree, n):
    tree.save(n, chest_like(n) // 8)
    return f"scan{n:03d}.png: its brightest value is 0.1"


def clipped(tree, n):
    tree.save(n, np.clip(chest_like(n).astype(int) * 5, 0, 255).astype(np.uint8))
    return f"scan{n:03d}.png: "


def mask(tree, n):
    tree.save(n, (chest_like(n) > 90).astype(np.uint8) * 200)
    return f"scan{n:03d}.png: it has 2 different values"


def negative(tree, n):
    tree.save(n, 230 - np.minimum(chest_like(n), 230))
    return f"scan{n:03d}.png: it is dark"


def annotated(tree, n):
    colour = np.repeat(chest_like(n)[..., None], 3, axis=-1)
    colour[:5, :12] = (255, 255, 0)
    tree.save(n, colour)
    return f"scan{n:03d}.png: it has coloured pixels"


def screenshot(tree, n):
    Image.open(tree.path(n)).resize((96, 54)).save(tree.path(n))
    return f"scan{n:03d}.png: 54 x 96 pixels, others {SIZE} x {SIZE}"


def same_labels(tree, n):
    for row in tree.rows:
        if "dog" in row and row["cat"] in "01":
            row["dog"] = row["cat"]
    return "'cat' and 'dog'"


ERRORS = {
    missing_file: "file missing",
    file_without_row: "row missing",
    duplicate_row: "rows contradict",
    path_that_climbs: "file outside",
    label_of_another_value: "label unknown",
    short_row: "row malformed",
    no_patient: "patient missing",
    truncated_png: "damaged image",
    truncated_jpeg: "damaged image",
    not_an_image: "unreadable image",
    empty_file: "unreadable image",
    zip_bomb: "unreadable image",
    sixteen_bits: "unreadable image",
    copy_in_two_patients: "same pixels in several patients",
}
WARNINGS = {
    two_sexes: "patient of two sexes",
    ages_apart: "ages within one exam differ",
    ages_of_a_lifetime: "patient of two ages",
    shared_study: "exam of several patients",
    patient_in_other_case: "patient ids nearly the same",
    patient_with_zeros: "patient ids nearly the same",
    placeholder: "patient id looks like a placeholder",
    name_of_a_person: "patient id looks like a name",
    ids_by_case: "ids that differ by case alone",
    odd_name: "odd file name",
    copy_with_other_labels: "same pixels, other labels",
    constant: "constant image",
    nearly_black: "nearly black",
    clipped: "clipped to white",
    mask: "few grey levels",
    negative: "negative image",
    annotated: "colour among grey",
    screenshot: "unusual size",
    same_labels: "labels that are always the same",
}
DEFECTS = ERRORS | WARNINGS
# What a defect is beside what it is called.
BESIDE = {nearly_black: {"few grey levels"}, clipped: {"few grey levels"}}


def faults(report):
    """Return kind -> diagnostic, of errors and warnings."""
    return {d.kind: d for d in report.diagnostics if d.severity != "note"}


def named(function):
    """Return the name of a defect, for the ids of tests."""
    return getattr(function, "__name__", None)
