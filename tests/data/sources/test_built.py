"""Every source, from files in its true layout to the built set, label by label.

Each image shows its own number, as a pattern of light and dark blocks that survives
JPEG and resizing, so what is read back is known by its pixels, not by its name.
"""

import csv
import dataclasses
import math

import numpy as np
import pytest
from PIL import Image

from synthjax.core.files import read_json
from synthjax.core.findings import BRAIN, CHEST
from synthjax.data.builder import build
from synthjax.data.config import DataConfig
from synthjax.data.dataset import Dataset
from synthjax.data.layouts.chexpert import write_chexpert
from synthjax.data.layouts.mimic_cxr_jpg import write_mimic_cxr_jpg
from synthjax.data.layouts.nih14 import write_nih14
from synthjax.data.layouts.rsna_ich import make_dicom, write_rsna
from synthjax.data.schema import Record
from synthjax.data.sources.nih14 import FINDINGS

COUNT = 48


def pattern(number):
    """[64 64 1] uint8: the number's nine bits as blocks, and one that is always light."""
    bits = [1, *((number >> bit) & 1 for bit in range(8))]
    blocks = np.array(bits).reshape(3, 3) * 180 + 40
    return np.kron(np.pad(blocks, ((0, 1), (0, 1))), np.ones((16, 16)))[
        ..., None
    ].astype(np.uint8)


def number_of(pixels):
    """Inverse of `pattern`, from an image of any size."""
    side = len(pixels) // 4
    grey = pixels.mean(axis=-1).reshape(4, side, 4, side).mean(axis=(1, 3))
    light = grey[:3, :3].ravel() > 0.5 * grey[0, 0]
    return int(light[1:] @ (1 << np.arange(8)))


def records(labels, known=True, seed=0):
    """Images of patients with two each, labels random."""
    rng = np.random.default_rng(seed)
    for number in range(COUNT):
        label = (rng.random(len(labels)) < 0.4).astype(np.float32)
        if not known:
            label[rng.random(len(labels)) < 0.3] = np.nan
        yield Record(
            id=f"image{number:03d}",
            pixels=pattern(number),
            label=label,
            patient_id=f"patient{number // 2:02d}",
            study_id=f"study{number:03d}",
            age=30.0 + number,
            sex="FM"[number // 2 % 2],
            view="PA",
        )


def truth_of(made):
    return {number: record.label for number, record in enumerate(made)}


def chexpert(root):
    """All four values of a label; -1 becomes 1 and blank 0, as in the paper."""
    made = list(records(CHEST, known=False))
    write_chexpert(root / "CheXpert-v1.0", made)
    table = root / "CheXpert-v1.0" / "train.csv"
    with table.open(newline="") as file:
        rows = list(csv.reader(file))
    truth = {}
    for number, (row, record) in enumerate(zip(rows[1:], made, strict=True)):
        if number % 5 == 0:
            row[5 + number % 14] = "-1.0"
            record.label[number % 14] = 1.0
        truth[number] = np.nan_to_num(record.label)
    with table.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    kept = {number: label for number, label in truth.items() if label.any()}
    return {"path": str(root)}, CHEST, kept


def mimic_cxr_jpg(root):
    made = list(records(CHEST, known=False))
    write_mimic_cxr_jpg(root / "mimic", made)
    truth = {
        number: np.where(np.isnan(label), np.nan, label)
        for number, label in truth_of(made).items()
    }
    kept = {n: label for n, label in truth.items() if np.nansum(label) > 0}
    return {"path": str(root / "mimic"), "blanks": "unknown"}, CHEST, kept


def nih14(root):
    made = list(records(FINDINGS))
    write_nih14(root / "nih", made, FINDINGS)
    return {"path": str(root / "nih")}, FINDINGS, truth_of(made)


def haemorrhages():
    """Labels as RSNA has them: no finding where there is none of the five."""
    for record in records(BRAIN):
        record.label[-1] = float(not record.label[:-1].any())
        yield record


def rsna_ich(root):
    made = list(haemorrhages())
    units = [(record.pixels[..., 0] // 3).astype(np.int16) for record in made]
    write_rsna(root / "rsna", zip(made, units, strict=True))
    return {"path": str(root / "rsna")}, BRAIN, truth_of(made)


def folder(root):
    """PNG of 8 and 16 bits, JPEG, TIFF and DICOM in one table."""
    names = ("cat", "dog")
    made = list(records(names, known=False))
    root.mkdir()
    rows = [("file", "patient", *names)]
    for number, record in enumerate(made):
        grey = record.pixels[..., 0]
        kind = ("png", "deep.png", "jpg", "tif", "dcm")[number % 5]
        path = root / f"{number}.{kind}"
        if kind == "dcm":
            make_dicom(record, (grey // 3).astype(np.int16)).save_as(
                path, enforce_file_format=True
            )
        elif kind == "deep.png":
            Image.fromarray(grey.astype(np.uint16) * 16).save(path)
        else:
            Image.fromarray(grey).save(path)
        values = ["" if math.isnan(v) else int(v) for v in record.label]
        rows.append((path.name, record.patient_id, *values))
    with open(root / "labels.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    return {"path": str(root), "patient_column": "patient"}, names, truth_of(made)


def class_folders(root):
    names = ("cat", "cow", "dog")
    truth = {}
    for number in range(COUNT):
        name = names[number % 3]
        path = root / name / f"patient{number // 6}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pattern(number)[..., 0]).save(path)
        truth[number] = np.array([name == other for other in names], np.float32)
    config = {"path": str(root), "labels_csv": "", "patient_folders": True}
    return config, names, truth


def medmnist(root):
    root.mkdir()
    labels = np.arange(COUNT) % 3
    parts = np.split(np.arange(COUNT), [30, 38])
    arrays = {}
    for split, members in zip(("train", "val", "test"), parts, strict=True):
        arrays[f"{split}_images"] = np.stack([pattern(n)[..., 0] for n in members])
        arrays[f"{split}_labels"] = labels[members][:, None].astype(np.uint8)
    np.savez_compressed(root / "ownmnist.npz", **arrays)
    truth = {n: np.eye(3, dtype=np.float32)[label] for n, label in enumerate(labels)}
    names = ("cat", "cow", "dog")
    return {"path": str(root / "ownmnist.npz"), "label_names": names}, names, truth


SOURCES = (chexpert, mimic_cxr_jpg, nih14, rsna_ich, folder, class_folders, medmnist)


@pytest.mark.slow
@pytest.mark.parametrize("make", SOURCES, ids=lambda make: make.__name__)
def test_files_become_a_set_label_by_label(tmp_path, make):
    settings, labels, truth = make(tmp_path / "tree")
    source = "folder" if make is class_folders else make.__name__
    config = DataConfig(source=source, resolution=16, workers=1)
    section = dataclasses.replace(getattr(config, source), **settings)
    pixels = dataclasses.replace(config.pixels, white=4095)
    config = dataclasses.replace(config, pixels=pixels, **{source: section})
    build(config, seed=0, out=tmp_path / "data", prepared=tmp_path / "prepared")
    schema = Dataset.open(tmp_path / "data").schema
    assert schema.labels == tuple(labels)
    found, patients = {}, {}
    for split in ("train", "valid", "test"):
        table = Dataset.open(tmp_path / "data").table(split)
        for row in range(len(table)):
            number = number_of(table.pixels[row].astype(float))
            assert number not in found
            found[number] = table.label[row]
            patients.setdefault(table.patient_id[row], set()).add(split)
    assert sorted(found) == sorted(truth)
    for number, label in truth.items():
        np.testing.assert_array_equal(found[number], label, err_msg=str(number))
    assert all(len(splits) == 1 for splits in patients.values())
    facts = read_json(tmp_path / "data" / "splits.json")
    assert facts["left_out"]["count"] == 0
    assert sum(split["images"] for split in facts["splits"].values()) == len(truth)
    if source != "medmnist":
        assert facts["patients_named"] and len(patients) < len(truth)
