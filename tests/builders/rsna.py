"""The RSNA haemorrhage set, written in its own layout, and faults to plant in it."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pydicom

from builders.listings import make_context
from synthjax.data.layouts.rsna_ich import HIGHEST, INTERCEPT
from synthjax.data.problems import Problems
from synthjax.data.schema import Record
from synthjax.data.sources.rsna_ich import RsnaIchConfig, list_images

COUNT = 40


def make_slices(count=COUNT, seed=0):
    """Yield slices of patients with three each, in an order that is not that of the ids."""
    rng = np.random.default_rng(seed)
    for number in rng.permutation(count):
        types = (rng.random(5) < 0.25).astype(np.float32)
        record = Record(
            id=f"ID_{number:09x}",
            pixels=None,
            label=np.array([*types, 1 - types.max()], np.float32),
            patient_id=f"ID_{number // 3:08x}",
            study_id=f"study {number // 3}",
            age=float(20 + number),
            sex=("F", "M", "")[number % 3],
        )
        units = rng.integers(INTERCEPT, HIGHEST, (9, 7), endpoint=True)
        yield record, units.astype(np.int16)


SLICES = list(make_slices())
TRUTH = {record.id: (record, units) for record, units in SLICES}


def read_table(root):
    """Return the rows of the table of labels, its header among them."""
    with open(root / "stage_2_train.csv", newline="") as file:
        return list(csv.reader(file))


def write_rows(root, rows, name="stage_2_train.csv"):
    """Write a table of labels."""
    with open(root / name, "w", newline="") as file:
        csv.writer(file).writerows(rows)


def context(tmp_path, action="error", limit=0.0, window="brain"):
    """Return the context of a set of 8 pixels a side, shown in a window."""
    problems = Problems(action, limit)
    return make_context(tmp_path, problems, resolution=8, window=window)


def load(root, tmp_path, **changes):
    """List the set; the first problem is an error."""
    return list_images(RsnaIchConfig(path=str(root), **changes), context(tmp_path))


def edit_row(number, change):
    def plant(root):
        rows = read_table(root)
        rows[number] = change(rows[number])
        write_rows(root, rows)

    return plant


def add_rows(*added):
    return lambda root: write_rows(root, [*read_table(root), *added])


def edit_file(change):
    def plant(root):
        path = root / "stage_2_train" / f"{SLICES[0][0].id}.dcm"
        change(path)

    return plant


def with_patient(path, patient):
    dataset = pydicom.dcmread(path)
    dataset.PatientID = patient
    dataset.save_as(path)


def link_out(root):
    path = root / "stage_2_train" / f"{FIRST}.dcm"
    path.rename(root.parent / "elsewhere.dcm")
    path.symlink_to(root.parent / "elsewhere.dcm")


def without_patient(path):
    dataset = pydicom.dcmread(path)
    del dataset.PatientID
    dataset.save_as(path)


FIRST = SLICES[0][0].id
OTHER = {"0": "1", "1": "0"}
FAULTS = {  # name: (plant, kind, message, slices left)
    "no file": (edit_file(Path.unlink), "file missing", f"{FIRST}.dcm does not", 39),
    "no rows": (
        edit_file(
            lambda path: path.with_name("ID_new.dcm").write_bytes(path.read_bytes())
        ),
        "row missing",
        "stage_2_train/ID_new.dcm: stage_2_train.csv has no rows",
        40,
    ),
    "no subtype": (
        lambda root: write_rows(
            root, [r for n, r in enumerate(read_table(root)) if n != 2]
        ),
        "rows incomplete",
        f"{FIRST} in stage_2_train.csv: it has no row for intraparenchymal",
        39,
    ),
    "unknown subtype": (
        add_rows([f"{FIRST}_epidurall", "0"]),
        "row malformed",
        "row 242 of .* does not end in one of epidural, ",
        40,
    ),
    "no id": (add_rows(["_any", "0"]), "row malformed", "row 242", 40),
    "too many cells": (
        add_rows([f"{FIRST}_any", "0", "1"]),
        "row malformed",
        "cells",
        40,
    ),
    "another label": (
        edit_row(3, lambda row: [row[0], "2"]),
        "label unknown",
        "row 4 of .*intraventricular is '2'; it must be 0 or 1",
        39,
    ),
    "a blank label": (edit_row(3, lambda row: [row[0], ""]), "label unknown", "''", 39),
    "a contradiction": (
        lambda root: add_rows([(row := read_table(root)[1])[0], OTHER[row[1]]])(root),
        "rows contradict",
        f"row 242 of .*{FIRST}_epidural is . here",
        39,
    ),
    "any alone": (
        edit_row(6, lambda row: [row[0], OTHER[row[1]]]),
        "rows contradict",
        f"{FIRST} in stage_2_train.csv: its 'any' is",
        39,
    ),
    "no pixels": (
        edit_file(lambda path: path.write_bytes(path.read_bytes()[:-30])),
        "file unusable",
        f"stage_2_train/{FIRST}.dcm: has .* bytes of PixelData",
        39,
    ),
    "no dicom": (
        edit_file(lambda path: path.write_bytes(b"no")),
        "file unusable",
        "has no image",
        39,
    ),
    "no patient": (edit_file(without_patient), "patient missing", "no PatientID", 39),
    "a name": (
        edit_file(lambda path: with_patient(path, "Doe^a")),
        "patient named",
        f"stage_2_train/{FIRST}.dcm: its header's PatientID holds .*pseudonym",
        39,
    ),
    "a link out": (
        lambda root: link_out(root),
        "file outside",
        f"{FIRST} in stage_2_train.csv: .*leaves the folder",
        39,
    ),
    "two files": (
        edit_file(lambda path: shutil.copy(path, path.with_suffix(".DCM"))),
        "file name",
        f"{FIRST}.DCM and .*{FIRST}.dcm are of one slice",
        39,
    ),
}
