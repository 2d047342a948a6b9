"""ChestX-ray14 of the NIH: 112,120 frontal radiographs of 30,805 patients (Wang 2017).

Data_Entry_2017.csv (or Data_Entry_2017_v2020.csv) has one row for each image, with its
findings as "Cardiomegaly|Effusion" or "No Finding"; the PNG images are in images/,
images_001/images/ to images_012/images/, or beside the table. The sets' own lists
(train_val_list.txt, test_list.txt) are counted, not used.
"""

import dataclasses
import os
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from synthjax.core.config import Config, field
from synthjax.core.errors import StudyError
from synthjax.core.files import open_regular
from synthjax.data.listing import Context, Listing, make_metadata
from synthjax.data.problems import (
    LABEL_UNKNOWN,
    PATIENT_MISSING,
    ROW_MALFORMED,
    Problems,
)
from synthjax.data.sources.attributes import known_age, known_sex
from synthjax.data.sources.ignored import IgnoredFiles, summarize_files
from synthjax.data.sources.merged_rows import MergedRows
from synthjax.data.sources.set_folder import digest_files, find_root
from synthjax.data.sources.source import Source
from synthjax.data.sources.tables import MALFORMED, CsvTable
from synthjax.data.sources.tree import Fault, ReadFile, Tree

FINDINGS = (
    "Atelectasis",
    "Cardiomegaly",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
    "Consolidation",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Pleural_Thickening",
    "Hernia",
)
NO_FINDING = "No Finding"
_TABLES = ("Data_Entry_2017.csv", "Data_Entry_2017_v2020.csv")
_SEX = ("Patient Gender", "Patient Sex")  # the column's name changed
_NAME = re.compile(r"(\d{8})_\d{3}\.png")  # patient, follow-up


@dataclasses.dataclass(frozen=True)
class Nih14Config(Config):
    """Which labels of ChestX-ray14."""

    path: str = field("", "the set's folder, or the folder around it", is_place=True)
    no_finding: bool = field(
        False, "add a 15th label, 1 where none of the 14 findings is"
    )


class _Image(NamedTuple):
    """One row, checked."""

    where: str
    name: str  # of the file
    patient: str
    study: str
    sex: str
    age: float
    view: str
    findings: tuple[int, ...]  # 14 of 0 and 1


def label_names(config: Nih14Config) -> tuple[str, ...]:
    """Returns the findings, and "No Finding" behind them if configured."""
    return (*FINDINGS, NO_FINDING) if config.no_finding else FINDINGS


def list_images(config: Nih14Config, context: Context) -> Listing:
    """Lists the radiographs of the table, in its order; no image is opened.

    Ids are names such as 00000001_000.png, patients such as 1. Rows that say the same
    are one. An age over 130 years (the set has some) is unknown and counted; images
    without a row are counted.

    Raises:
        StudyError: the folder, the table or a column is missing; problems in rows (an
            unknown finding, a name that contradicts the patient, rows that disagree, a
            missing file), as the policy says.
    """
    root = find_root(config.path, "nih14", _TABLES)
    tree, named = Tree(root, believed=context.tables_alone), set[str]()
    counts: Counter[str] = Counter()
    images = _read_rows(_table(root), context.problems, counts, named)
    places = _scan(tree)
    files = [places.get(image.name, image.name) for image in images]
    found = tree.present(files, lambda i: images[i].where, context.problems)
    context.problems.settle(counts["rows"], remedy=f"They are in {root}.")
    files = [file for file, keep in zip(files, found, strict=True) if keep]
    images = [image for image, keep in zip(images, found, strict=True) if keep]
    if not images:
        raise StudyError(f"{_table(root)} has no row that can be used.")
    label = np.array([image.findings for image in images], np.float32)
    if config.no_finding:
        label = np.hstack([label, label.max(axis=1, keepdims=True) == 0])
    return Listing(
        name="nih14",
        labels=label_names(config),
        metadata=make_metadata(
            id=[image.name for image in images],
            label=label,
            patient_id=[image.patient for image in images],
            study_id=[image.study for image in images],
            age=[image.age for image in images],
            sex=[image.sex for image in images],
            view=[image.view for image in images],
            origin=files,
        ),
        read=ReadFile(root, context.pixels),
        root=root,
        facts={
            "table": _table(root).name,
            **counts,
            **summarize_files(
                "files without a row",
                [place for name, place in places.items() if name not in named],
            ),
            **_count_lists(root),
        },
    )


def _read_rows(
    path: Path, problems: Problems, counts: Counter[str], named: set[str]
) -> list[_Image]:
    """Reads the rows that are right; the others are problems.

    Args:
        named: gets the file of every row.
    """
    needed = ("Image Index", "Finding Labels", "Patient ID")
    table = CsvTable(path, required=needed, remedy="It comes with the download.")
    sex_column = next((name for name in _SEX if name in table.header), _SEX[0])
    sides = ("Follow-up #", "Patient Age", sex_column, "View Position")
    for column in sides:
        table.check_column(column)
    counts["rows"] = 0
    images = MergedRows[_Image](problems, counts)
    for line, cells in table.filled_rows((*needed, *sides)):
        counts["rows"] += 1
        where = f"row {line} of {path.name}"
        if cells is None:
            problems.add(ROW_MALFORMED, where, MALFORMED)
            continue
        named.add(cells[0])
        images.add(cells[0], where, _image(where, cells, counts))
    return images.images()


def _image(where: str, cells: list[str], counts: Counter[str]) -> _Image | Fault:
    """Returns a row as an image, or what is wrong with it."""
    name, text, patient, follow_up, age, sex, view = cells
    findings = text.split("|")
    unknown = [word for word in findings if word not in (*FINDINGS, NO_FINDING)]
    if unknown or (NO_FINDING in findings and len(findings) > 1):
        what = f"the findings {text!r} of {name!r} are not of the 14, or No Finding"
        return Fault(LABEL_UNKNOWN, f"{what} alone; correct them")
    if not patient:
        what = f"{name!r} has no patient in the column 'Patient ID'; add it"
        return Fault(PATIENT_MISSING, what)
    match = _NAME.fullmatch(name)
    if match and patient.isdecimal() and int(match[1]) != int(patient):
        what = f"the patient of {name!r} is {patient!r}; one of them is wrong"
        return Fault("patient contradicts", what)
    patient = patient.lstrip("0") or "0"
    return _Image(
        where=where,
        name=name,
        patient=patient,
        study=f"{patient}/{follow_up.lstrip('0') or '0'}",
        sex=known_sex(sex, counts),
        age=known_age(age, counts),
        view=view,
        findings=tuple(int(finding in findings) for finding in FINDINGS),
    )


def _scan(tree: Tree) -> dict[str, str]:
    """Finds PNG name -> path in the folder, wherever the archives were unpacked.

    Raises:
        StudyError: two different files have one name.
    """
    root, places = tree.root, dict[str, str]()
    inner = [*sorted(root.glob("images*")), *sorted(root.glob("images*/images"))]
    folders = ["", *(f.relative_to(root).as_posix() for f in inner if f.is_dir())]
    for folder in folders:
        for place in tree.walk(IgnoredFiles(), folder, deep=False):
            name = place.rpartition("/")[2]
            if not name.endswith(".png"):
                continue
            first = places.setdefault(name, place)
            if first != place and not os.path.samefile(root / first, root / place):
                raise StudyError(
                    f"{root} has {name} twice: {first} and {place}; keep one of the "
                    "two folders."
                )
    return places


def _table(root: Path) -> Path:
    """Returns the table that is there; the first of the two if both are."""
    return next((root / name for name in _TABLES if (root / name).is_file()), root)


def _count_lists(root: Path) -> dict[str, dict[str, int]]:
    """Counts lines of the set's own lists, if they are there."""
    counts = {}
    for name in ("train_val_list.txt", "test_list.txt"):
        if (root / name).is_file():
            with open_regular(root / name, inside=root) as file:
                counts[name] = sum(1 for line in file if line.strip())
    return {"own splits, not used": counts} if counts else {}


def digest(config: Nih14Config) -> str | None:
    """Identifies the table by its bytes; None if it is away.

    The images are not read: that would take minutes at every launch.
    """
    try:
        root = find_root(config.path, "nih14", _TABLES)
    except StudyError:
        return None
    return digest_files((_table(root),))


SOURCE = Source(Nih14Config, list_images, digest, label_names, has_tables=True)
