"""The doctor finds what is planted, where it is planted, and nothing in clean trees."""

import csv
import dataclasses
import os
import pickle
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest
from PIL import Image

import launch.data
from launch.study import Launch
from synthjax.core.errors import StudyError
from synthjax.core.findings import CHEST
from synthjax.data.builder import assign_splits, build, list_source
from synthjax.data.config import DataConfig
from synthjax.data.doctor import Finding, Findings, batches, examine
from synthjax.data.doctor.batches import run_batches
from synthjax.data.doctor.looks import spread
from synthjax.data.images.pixels import PixelsConfig
from synthjax.data.layouts.chexpert import write_chexpert
from synthjax.data.layouts.mimic_cxr_jpg import write_mimic_cxr_jpg
from synthjax.data.layouts.nih14 import write_nih14
from synthjax.data.layouts.rsna_ich import write_rsna
from synthjax.data.problems import Problems
from synthjax.data.schema import Record
from synthjax.data.sources.chexpert import ChexpertConfig
from synthjax.data.sources.folder import FolderConfig
from synthjax.data.sources.mimic_cxr_jpg import MimicCxrJpgConfig
from synthjax.data.sources.nih14 import Nih14Config
from synthjax.data.sources.phantom_brain import PhantomBrainConfig
from synthjax.data.sources.phantom_chest import PhantomChestConfig
from synthjax.data.sources.rsna_ich import RsnaIchConfig

ROOT = Path(__file__).parents[3]
COLUMNS = ("file", "patient", "study", "age", "sex", "view", "cat", "dog")
PATIENTS, SIZE = 24, 32  # two images each


def picture(number, size=SIZE):
    """[s s] uint8: alike (a bright middle), and no two the same."""
    rng = np.random.default_rng(number)
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    bright = 200 * np.exp(-2 * (x - rng.normal(0, 0.1)) ** 2 - 2 * y**2)
    return np.clip(bright + rng.normal(20, 8, (size, size)), 0, 255).astype(np.uint8)


class Tree:
    """A folder of images with labels.csv, clean until something is planted."""

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
            self.save(number, picture(number))
        self.last = len(self.rows) - 1  # of a patient in whom nothing else is planted

    def path(self, number):
        return self.root / self.rows[number]["file"]

    def save(self, number, pixels):
        Image.fromarray(pixels).save(self.path(number))

    def add(self, file, **cells):
        self.rows.append({**self.rows[0], "file": file, **cells})

    def config(self, **changes):
        """Writes labels.csv; the config that reads the tree."""
        path = self.root / "labels.csv"
        with open(path, "w", newline="", encoding="utf-8") as file:
            rows = [list(row.values()) for row in self.rows]
            csv.writer(file).writerows([COLUMNS, *rows])
        folder = {f"{name}_column": name for name in COLUMNS[1:6]}
        changes = {"resolution": 16, "workers": 1, **changes}
        config = FolderConfig(path=str(self.root), **folder)
        return DataConfig(source="folder", folder=config, **changes)


@pytest.fixture(scope="session")
def clean_tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("clean") / "scans"
    return Tree(root)


@pytest.fixture
def tree(clean_tree, tmp_path):
    copy = Tree.__new__(Tree)
    copy.root = tmp_path / "scans"
    copy.last = clean_tree.last
    copy.rows = [dict(row) for row in clean_tree.rows]
    shutil.copytree(clean_tree.root, copy.root)
    return copy


def png(width, height, bits=8):
    """A whole PNG header, and no pixels behind it."""

    def chunk(kind, data):
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"")


# Each plants one defect in scan n or n + 1, which are of patient n / 2, and returns what
# the finding's place must say.


def missing_file(tree, n):
    tree.path(n).unlink()
    return f"'scan{n:03d}.png' does not exist"


def file_without_row(tree, n):
    Image.fromarray(picture(999)).save(tree.root / "stray.png")
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
    return f"scan{n:03d}.png: is no readable PNG"


def truncated_jpeg(tree, n):
    tree.path(n).unlink()
    tree.rows[n]["file"] = "cut.jpg"
    Image.fromarray(picture(n, 40)).save(tree.path(n), quality=95)
    data = tree.path(n).read_bytes()
    tree.path(n).write_bytes(data[: 2 * len(data) // 3])
    return "cut.jpg: is no readable JPEG"


def not_an_image(tree, n):
    tree.path(n).write_text("hello")
    return f"scan{n:03d}.png: is no PNG"


def empty_file(tree, n):
    tree.path(n).write_bytes(b"")
    return f"scan{n:03d}.png: is empty"


def zip_bomb(tree, n):
    tree.path(n).write_bytes(png(60000, 60000))
    return f"scan{n:03d}.png: is said to have 60000 x 60000"


def sixteen_bits(tree, n):
    tree.save(n, picture(n).astype(np.uint16) * 16)
    return f"scan{n:03d}.png: has 16 bits"


def two_sexes(tree, n):
    tree.rows[n]["sex"] = "M"
    tree.rows[n + 1]["sex"] = "F"
    return f"patient 'p{n // 2}' is F and M"


def ages_apart(tree, n):
    tree.rows[n]["age"] = "42.5"
    return f"study 's{n // 2}' of patient 'p{n // 2}': 40 to 42.5"


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
    tree.save(n, picture(n) // 8)
    return f"scan{n:03d}.png: its brightest value is 0.1"


def clipped(tree, n):
    tree.save(n, np.clip(picture(n).astype(int) * 5, 0, 255).astype(np.uint8))
    return f"scan{n:03d}.png: "


def mask(tree, n):
    tree.save(n, (picture(n) > 90).astype(np.uint8) * 200)
    return f"scan{n:03d}.png: it has 2 different values"


def negative(tree, n):
    tree.save(n, 230 - np.minimum(picture(n), 230))
    return f"scan{n:03d}.png: it is dark"


def annotated(tree, n):
    colour = np.repeat(picture(n)[..., None], 3, axis=-1)
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
}
WARNINGS = {
    two_sexes: "patient of two sexes",
    ages_apart: "ages within one study differ",
    ages_of_a_lifetime: "patient of two ages",
    shared_study: "study of several patients",
    patient_in_other_case: "patient ids nearly the same",
    patient_with_zeros: "patient ids nearly the same",
    placeholder: "patient id looks like a placeholder",
    name_of_a_person: "patient id looks like a name",
    ids_by_case: "ids that differ by case alone",
    odd_name: "odd file name",
    copy_in_two_patients: "same pixels in several patients",
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


def faults(findings):
    """Kind -> finding, of errors and warnings."""
    return {f.kind: f for f in findings.findings if f.severity != "note"}


def named(function):
    return getattr(function, "__name__", None)


@pytest.mark.parametrize("plant", DEFECTS, ids=named)
def test_a_planted_defect_is_found_and_nothing_else(tree, tmp_path, plant):
    place = plant(tree, 8)
    findings = examine(tree.config(), seed=0, prepared=tmp_path / "out")
    found = faults(findings)
    kind = DEFECTS[plant]
    assert {kind} <= set(found) <= {kind} | BESIDE.get(plant, set())
    assert found[kind].severity == ("error" if plant in ERRORS else "warning")
    assert found[kind].count == 1
    assert place in found[kind].places[0]
    assert found[kind].remedy.endswith(".")
    assert findings.fatal == (plant in ERRORS)


def test_odd_ages_and_sexes_are_told(tree, tmp_path):
    """They are unknown, and stop nothing."""
    tree.rows[8]["sex"] = "x"
    tree.rows[12]["age"] = "old"
    findings = examine(tree.config(), seed=0, prepared=tmp_path)
    assert not faults(findings)
    told = dict(findings.facts)["source"]
    assert "odd ages, unknown: 1" in told and "odd sexes, unknown: 1" in told


def test_all_of_them_are_found_together(tmp_path):
    tree = Tree(tmp_path / "scans", 2 * len(DEFECTS))
    planted = {plant: plant(tree, 2 * n) for n, plant in enumerate(DEFECTS)}
    findings = examine(tree.config(), seed=0, prepared=tmp_path)
    found = faults(findings)
    assert set(found) == set(DEFECTS.values())
    assert len(found) >= 20
    for plant, place in planted.items():
        if plant is not placeholder:  # it has another number of images here
            said = found[DEFECTS[plant]].places
            assert any(place in text for text in said), plant
    assert findings.fatal
    text = findings.table()
    assert "DOE" not in text
    assert "a build would fail" in text
    assert set(text) <= {"\n", *map(chr, range(32, 127))}
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize(
    "plant",
    [*ERRORS, constant, copy_in_two_patients, screenshot, odd_name, name_of_a_person],
    ids=named,
)
def test_fatal_is_what_a_build_fails_at(tree, tmp_path, plant):
    plant(tree, 8)
    config = tree.config()
    try:
        build(config, seed=0, out=tmp_path / "data", prepared=tmp_path)
        fails = False
    except StudyError:
        fails = True
    assert examine(config, seed=0, prepared=tmp_path).fatal == fails


@pytest.mark.parametrize("limit", [0.0, 0.02, 0.05, 0.2])
def test_skipping_is_as_a_build_skips(tree, tmp_path, limit):
    """A faulty row of 48, and two faulty files of the 47 that are left."""
    truncated_png(tree, 8)
    empty_file(tree, 10)
    label_of_another_value(tree, 12)
    config = tree.config(on_bad_file="skip", skip_limit=limit)
    findings = examine(config, seed=0, prepared=tmp_path)
    assert {f.severity for f in faults(findings).values()} == {
        "error" if findings.fatal else "warning"
    }
    if findings.fatal:
        assert "skip_limit" in findings.findings[0].remedy
        with pytest.raises(StudyError, match="skip_limit"):
            build(config, seed=0, out=tmp_path / "data", prepared=tmp_path)
    else:
        build(config, seed=0, out=tmp_path / "data", prepared=tmp_path)
    assert findings.fatal == (limit < 2 / 47)


def test_damage_in_a_sample_is_reckoned_for_all(tree, tmp_path):
    """Of 12 decoded images a third is damaged: a fifth of all would be too many."""
    for number in range(0, 48, 3):
        truncated_png(tree, number)
    config = tree.config(on_bad_file="skip", skip_limit=0.2)
    findings = examine(config, seed=0, prepared=tmp_path, sample=12)
    found = faults(findings)["damaged image"]
    assert found.count < 0.2 * 48
    assert findings.fatal


def test_damage_outside_the_cohort_stops_no_build(tree, tmp_path):
    config = tree.config(cohort="classes:2", cohort_scale=0.0005)
    problems = Problems("error", 0)
    listing = list_source(config, seed=0, prepared=tmp_path, problems=problems)
    _, splits, _ = assign_splits(config, listing, 0)
    used = {row for numbers in splits.values() for row in numbers}
    truncated_png(tree, min(set(range(48)) - used))
    empty_file(tree, max(set(range(48)) - used))
    findings = examine(config, seed=0, prepared=tmp_path)
    assert set(faults(findings)) == {
        "damaged image, unused",
        "unreadable image, unused",
    }
    assert not findings.fatal
    build(config, seed=0, out=tmp_path / "data", prepared=tmp_path)
    truncated_png(tree, min(used))
    assert examine(config, seed=0, prepared=tmp_path).fatal


def test_copies_are_found_outside_the_sample(tree, tmp_path):
    place = copy_in_two_patients(tree, 8)
    findings = examine(tree.config(), seed=0, prepared=tmp_path, sample=1)
    (finding,) = faults(findings).values()
    assert place in finding.places[0]
    assert dict(findings.facts)["decoded"] in ("2 of them", "3 of them")


def test_a_class_folder_with_an_unwritable_name(tmp_path):
    for number in range(12):
        name = b"scan\xff.png" if number == 7 else f"scan{number}.png".encode()
        folder = tmp_path / "scans" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture(number)).save(folder / os.fsdecode(name))
    config = FolderConfig(path=str(tmp_path / "scans"), labels_csv="")
    config = DataConfig(source="folder", folder=config, resolution=16, workers=1)
    findings = examine(config, seed=0, prepared=tmp_path)
    assert faults(findings)["file name"].severity == "error"
    assert "scan\\udcff.png" in findings.table()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "labels.csv is empty"),
        ("\ufefffile,patient\n", "no column 'study'"),
        ("file,patient,study,age,sex,view,cat\n", "a header but no rows"),
        (
            "file,patient,study,age,sex,view,cat\nscan000.png,p,s,,,,1\nscan001.png,p,s,,,,0",
            "are too few for 3 splits",
        ),
    ],
)
def test_a_source_that_is_no_set_is_fatal(tree, tmp_path, text, place):
    config = tree.config()
    (tree.root / "labels.csv").write_text(text, encoding="utf-8")
    findings = examine(config, seed=0, prepared=tmp_path)
    assert findings.fatal
    assert any(place in said for f in findings.findings for said in f.places)


# Clean trees.


def grey_records(count):
    """Two images each of patients with CheXpert's labels."""
    for number in range(count):
        rng = np.random.default_rng(number // 2)  # one label vector a study
        yield Record(
            id=f"image{number:03d}",
            pixels=picture(number)[..., None],
            label=(rng.random(len(CHEST)) < 0.3).astype(np.float32),
            patient_id=f"patient{number // 2}",
            study_id=f"study{number // 2}",
            age=50.0,
            sex="F",
            view="PA",
        )


def slices(count):
    """Records with haemorrhage labels, and Hounsfield units."""
    for record in grey_records(count):
        label = np.r_[record.label[:5], not record.label[:5].any()].astype(np.float32)
        units = picture(int(record.id[5:])).astype(np.int16) - 100
        yield dataclasses.replace(record, label=label), units


def chexpert_tree(root):
    write_chexpert(root, grey_records(40))
    return DataConfig(source="chexpert", chexpert=ChexpertConfig(path=str(root)))


def nih14_tree(root):
    write_nih14(root, grey_records(40))
    return DataConfig(source="nih14", nih14=Nih14Config(path=str(root)))


def mimic_tree(root):
    write_mimic_cxr_jpg(root, grey_records(40))
    mimic = MimicCxrJpgConfig(path=str(root))
    return DataConfig(source="mimic_cxr_jpg", mimic_cxr_jpg=mimic)


def rsna_tree(root):
    write_rsna(root, slices(40))
    pixels = PixelsConfig(window="brain")
    rsna = RsnaIchConfig(path=str(root))
    return DataConfig(source="rsna_ich", rsna_ich=rsna, pixels=pixels)


def phantom_chest(root):
    chest = PhantomChestConfig(patients=12)
    return DataConfig(resolution=32, phantom_chest=chest)


def phantom_brain(root):
    brain = PhantomBrainConfig(patients=8)
    return DataConfig(source="phantom_brain", resolution=64, phantom_brain=brain)


@pytest.mark.parametrize(
    "make",
    [chexpert_tree, nih14_tree, mimic_tree, rsna_tree, phantom_chest, phantom_brain],
)
def test_clean_sources_have_no_findings(tmp_path, make):
    config = dataclasses.replace(make(tmp_path / "tree"), workers=1)
    findings = examine(config, seed=0, prepared=tmp_path)
    assert not faults(findings)
    assert not findings.fatal
    assert "a build would go through" in findings.table()


@pytest.mark.parametrize("sample", [0, 10])
def test_the_clean_folder_has_no_findings(tree, tmp_path, sample):
    config = tree.config(fractions=(0.5, 0.25, 0.25))
    findings = examine(config, seed=0, prepared=tmp_path, sample=sample)
    assert not findings.findings, findings.table()
    assert findings.verdict() == "Nothing to report: a build would go through."
    assert dict(findings.facts)["files"].startswith("48 found, 0 missing")
    assert dict(findings.facts)["height x width"] == "32 x 32 (48)"


# Sources with layouts of their own.


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (",PA,1.0", ",PA,3", "label unknown"),
        (",PA,0.0", ",PA,no", "label unknown"),
        ("view1_frontal", "view7_frontal_", "file name"),
        ("study1/view2", "study9/view2", "file missing"),
    ],
)
def test_chexpert_rows(tmp_path, old, new, kind):
    config = chexpert_tree(tmp_path / "tree")
    edit(tmp_path / "tree" / "train.csv", old, new)
    findings = examine(config, seed=0, prepared=tmp_path)
    assert kind in faults(findings)
    assert findings.fatal


def test_haemorrhage_tables_and_headers(tmp_path):
    root = tmp_path / "tree"
    config = rsna_tree(root)
    table = root / "stage_2_train.csv"
    edit(table, "image003_any,1", "image003_any,0")
    edit(table, "image004_any,", "image004_few,")
    edit(table, "image005_epidural,", "image005_epidural,7")
    (root / "stage_2_train" / "image006.dcm").unlink()
    path = root / "stage_2_train" / "image007.dcm"
    path.write_bytes(path.read_bytes()[:-200])
    path = root / "stage_2_train" / "image008.dcm"
    path.write_bytes(path.read_bytes()[: -SIZE * SIZE * 2 - 12])
    findings = examine(config, seed=0, prepared=tmp_path)
    text = "\n".join(place for f in findings.findings for place in f.places)
    for number in range(3, 9):
        assert f"image{number:03d}" in text, text
    assert "no PixelData" in text
    assert "cut off" in text
    assert findings.fatal


def test_files_that_were_exported_in_several_ways(tree, tmp_path):
    """In the headers that a source has indexed, and in those that it has not."""
    config = rsna_tree(tmp_path / "tree")
    for number, changes in {
        3: {"PhotometricInterpretation": "MONOCHROME1"},
        4: {"BitsStored": 12, "HighBit": 11},
    }.items():
        path = tmp_path / "tree" / "stage_2_train" / f"image{number:03d}.dcm"
        made = pydicom.dcmread(path)
        for keyword, value in changes.items():
            setattr(made, keyword, value)
        made.save_as(path)
    found = faults(examine(config, seed=0, prepared=tmp_path))
    assert set(found) == {"mixed bit depths", "mixed photometric interpretations"}
    assert found["mixed bit depths"].places == (
        "image004: 12 bits, as 1 of 40",
        "image000: 16 bits, as 39 of 40",
    )
    meanings = found["mixed photometric interpretations"].places
    assert meanings[0] == "image003: MONOCHROME1, as 1 of 40"
    tree.save(8, picture(8).astype(np.uint16) * 16)
    config = tree.config(pixels=PixelsConfig(white=4080))
    found = faults(examine(config, seed=0, prepared=tmp_path))
    assert set(found) == {"mixed bit depths"}
    assert found["mixed bit depths"].places[0] == "scan008.png: 16 bits, as 1 of 48"


def test_copies_with_the_header_of_another_patient(tmp_path):
    """Whole files differ, pixels do not."""

    def with_copy():
        for record, units in slices(40):
            same = picture(4).astype(np.int16) - 100
            copied = record.id in ("image004", "image030")
            yield record, same if copied else units

    write_rsna(tmp_path / "tree", with_copy())
    rsna = RsnaIchConfig(path=str(tmp_path / "tree"))
    config = DataConfig(source="rsna_ich", rsna_ich=rsna, workers=1)
    findings = examine(config, seed=0, prepared=tmp_path, sample=1)
    (finding,) = faults(findings).values()
    assert finding.kind == "same pixels in several patients"
    assert "image004" in finding.places[0]
    assert "image030" in finding.places[0]


# The table, the sample, the command.


def test_the_table_is_aligned_and_worst_first():
    findings = Findings(
        "title",
        findings=(
            Finding("note", "small", ("a",), "Do."),
            Finding("error", "large", tuple("abcd"), "Do this."),
        ),
    )
    lines = findings.table().splitlines()
    assert lines == [
        "title",
        "",
        "error     large: 4",
        "          - a",
        "          - b",
        "          - c",
        "          - and 1 more",
        "          > Do this.",
        "",
        "note      small: 1",
        "          - a",
        "          > Do.",
        "",
        "1 error, 1 note: a build would fail.",
    ]


def test_the_sample_is_spread_evenly():
    numbers = spread(1000, 10, seed=3)
    np.testing.assert_array_equal(numbers // 100, np.arange(10))
    np.testing.assert_array_equal(numbers, spread(1000, 10, seed=3))
    assert (numbers != spread(1000, 10, seed=4)).any()
    np.testing.assert_array_equal(spread(7, 10, seed=0), np.arange(7))


def test_processes_find_what_one_finds(tree, tmp_path, monkeypatch):
    """All that goes to a process and comes back is pickled."""

    def pickled(function, batches, count, *, processes):
        for batch in batches:
            there, work = pickle.loads(pickle.dumps((function, batch)))
            yield pickle.loads(pickle.dumps(there(work)))

    truncated_png(tree, 8)
    not_an_image(tree, 10)
    negative(tree, 12)
    alone = examine(tree.config(), seed=0, prepared=tmp_path)
    monkeypatch.setattr(batches, "ordered_map", pickled)
    monkeypatch.setattr("synthjax.data.doctor.files._BATCH", 7)
    assert examine(tree.config(), seed=0, prepared=tmp_path) == alone


@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_batches_in_processes_keep_their_order(monkeypatch, seconds):
    monkeypatch.setattr(batches, "_LONG", seconds)
    work = ([number, number + 0.5] for number in range(9))
    done = run_batches(list, work, total=18, desc="x", unit="x", workers=2)
    assert done == [number / 2 for number in range(18)]


def run_check(config, workdir):
    """The exit code of the launcher's examination."""
    study = SimpleNamespace(workdir=workdir)
    with pytest.raises(SystemExit) as caught:
        launch.data.check(Launch(study, {"data": config}, 0, None), 500)
    return caught.value.code


def test_the_exit_code_says_whether_a_build_would_fail(tree, tmp_path, capsys):
    assert run_check(tree.config(), tmp_path) == 0
    assert "a build would go through" in capsys.readouterr().out
    screenshot(tree, 4)
    assert run_check(tree.config(), tmp_path) == 0
    missing_file(tree, 8)
    assert run_check(tree.config(), tmp_path) == 1
    assert "'scan008.png' does not exist" in capsys.readouterr().out
    skip = tree.config(on_bad_file="skip", skip_limit=0.1)
    assert run_check(skip, tmp_path) == 0


def test_the_command(tree, tmp_path):
    missing_file(tree, 8)
    tree.config()
    flags = [f"--config.data.folder.{name}_column={name}" for name in COLUMNS[1:6]]
    command = [sys.executable, "-m", "launch.data", "--config=configs/folder.py"]
    done = subprocess.run(
        [
            *command,
            *flags,
            f"--config.data.folder.path={tree.root}",
            "--config.data.resolution=16",
            "--check",
            f"--workdir={tmp_path / 'run'}",
        ],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("Doctor: folder\n")
    assert "'scan008.png' does not exist" in done.stdout
    assert not (tmp_path / "run" / "data").exists()
