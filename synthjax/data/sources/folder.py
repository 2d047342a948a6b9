"""A folder of PNG, JPEG, TIFF or DICOM images: how anybody's data comes in.

Either labels.csv has one row per image: the file (relative to the folder), optionally
the patient, study, age, sex and view, and one column per label with 0, 1 or blank
(unknown). Or, with `labels_csv=""`, each folder in it is a class and holds its images,
in folders per patient if there are any. All of it is checked before an image is read.
"""

import dataclasses
import hashlib
import math
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from synthjax.core.errors import ConfigError, StudyError
from synthjax.data.listing import Context, Listing, make_rows
from synthjax.data.sources.attributes import parse_age, parse_sex
from synthjax.data.sources.dicom_patients import add_patients
from synthjax.data.sources.tree import Fault, ReadFile, Tree
from synthjax.data.tables import Table

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".dcm")
_LABEL_VALUES = {"0": 0.0, "0.0": 0.0, "1": 1.0, "1.0": 1.0, "": math.nan}


@dataclasses.dataclass(frozen=True)
class FolderConfig:
    """Where the images are and what the columns of labels.csv mean."""

    path: str = ""  # the folder; relative to where the command is run
    labels_csv: str = (
        "labels.csv"  # relative to the folder; empty: one folder per class
    )
    file_column: str = "file"  # image file, relative to the folder
    patient_column: str = ""  # patient id; empty: each image is its own patient
    study_column: str = ""  # id of the examination; empty: unknown
    age_column: str = ""  # years; empty: unknown
    sex_column: str = ""  # F, M or blank; empty: unknown
    view_column: str = ""  # PA, AP, ...; empty: unknown
    label_columns: tuple[str, ...] = ()  # empty: all columns not named above
    patient_folders: bool = False  # with class folders: class/patient/image
    patient_from_dicom: bool = False  # of all images, from their DICOM headers

    def __post_init__(self) -> None:
        named = (self.patient_column, self.patient_folders, self.patient_from_dicom)
        if sum(map(bool, named)) > 1:
            raise ConfigError(
                "patient_column, patient_folders and patient_from_dicom exclude each "
                "other; choose one"
            )
        if self.labels_csv and self.patient_folders:
            raise ConfigError(
                "patient_folders=True is for class folders (labels_csv=''); name the "
                "patient_column of the table instead"
            )
        if not self.labels_csv and (self.label_columns or self.patient_column):
            raise ConfigError(
                "labels_csv='' means class folders, which have no label_columns and no "
                "patient_column; see patient_folders"
            )

    @property
    def has_patients(self) -> bool:
        """Whether anything says whose an image is."""
        return bool(
            self.patient_column or self.patient_folders or self.patient_from_dicom
        )

    @property
    def side_columns(self) -> dict[str, str]:
        """Attribute -> its column, for the columns that are no labels."""
        columns = {
            "file": self.file_column,
            "patient_id": self.patient_column,
            "study_id": self.study_column,
            "age": self.age_column,
            "sex": self.sex_column,
            "view": self.view_column,
        }
        return {attribute: column for attribute, column in columns.items() if column}


class _Image(NamedTuple):
    """One image, checked."""

    file: str  # relative to the folder, with forward slashes
    label: tuple[float, ...]
    patient_id: str
    study_id: str = ""
    age: float = math.nan
    sex: str = ""
    view: str = ""


def list_images(config: FolderConfig, context: Context) -> Listing:
    """The images of the table, or of the class folders; none is opened.

    Raises:
        StudyError: a missing folder, table or column, no rows or classes; and, as the
            policy says, problems: a row with a missing file, a path that leaves the
            folder, a second row of a file, a label that is not 0, 1 or blank, an image
            without a row.
    """
    root = _root(config)
    found: Counter[str] = Counter()
    if config.labels_csv:
        labels, images = _read_table(config, root, context, found)
    else:
        labels, images = _read_classes(config, root, context, found)
    if not images:
        raise StudyError(f"{root} has no image that can be used.")
    rows = make_rows(
        id=[image.file for image in images],
        label=np.array([image.label for image in images], np.float32),
        patient_id=[image.patient_id for image in images],
        study_id=[image.study_id for image in images],
        age=[image.age for image in images],
        sex=[image.sex for image in images],
        view=[image.view for image in images],
        origin=[image.file for image in images],
    )
    if config.patient_from_dicom:
        rows = add_patients(rows, root, context)
    return Listing(
        name="folder",
        labels=labels,
        rows=rows,
        read=ReadFile(root, context.pixels),
        has_patients=config.has_patients,
        root=root,
        facts=dict(found),
    )


def _root(config: FolderConfig) -> Path:
    if not config.path:
        raise StudyError(
            "no folder is given; set --config.data.folder.path=/path/to/images"
        )
    root = Path(config.path).expanduser()
    if not root.is_dir():
        raise StudyError(f"{root} is no folder; correct config.data.folder.path.")
    return root


def _read_table(
    config: FolderConfig, root: Path, context: Context, found: Counter[str]
) -> tuple[tuple[str, ...], list[_Image]]:
    """Labels and images of labels.csv; what is wrong is settled."""
    table = Table(
        root / config.labels_csv,
        required=(),
        remedy="Write it with one row per image, or set config.data.folder.path and "
        "labels_csv (empty: one folder per class).",
    )
    labels = _label_columns(config, table)
    columns = (*config.side_columns.values(), *labels)
    tree, problems = Tree(root), context.problems
    images: list[_Image] = []
    lines: dict[str, int] = {}  # real path -> its first row
    named: set[str] = set()
    rows = 0
    for line, cells in table.rows(columns):
        rows += 1
        where = f"row {line} of {config.labels_csv}"
        if cells is None:
            what = "it has not as many columns as the header; correct commas and quotes"
            problems.add("malformed row", where, what)
            continue
        side = dict(zip(config.side_columns, cells, strict=False))
        file = str(PurePosixPath(side["file"])) if side["file"] else ""
        named.add(file)
        path = tree.locate(side["file"])
        if isinstance(path, Fault):
            problems.add(path.kind, where, path.what)
            continue
        if lines.setdefault(path, line) != line:
            what = f"{file!r} comes twice, first in row {lines[path]}; keep one"
            problems.add("duplicate row", where, what)
            continue
        image = _image(config, file, side, labels, cells[len(side) :])
        if isinstance(image, _Image):
            images.append(image)
        else:
            problems.add(image.kind, where, image.what)
    if not rows:
        raise StudyError(
            f"{table.path} has a header but no rows; add one row per image."
        )
    unnamed = [file for file in _walk(root, found) if file not in named]
    for file in unnamed:
        what = f"no row of {config.labels_csv} names it; add one or move it away"
        problems.add("row missing", file, what)
    problems.settle(
        rows + len(unnamed), remedy=f"They are in {table.path} and its folder."
    )
    return labels, images


def _label_columns(config: FolderConfig, table: Table) -> tuple[str, ...]:
    """The label columns; raises if a column is missing or none is left."""
    sides = config.side_columns.values()
    for column in (*sides, *config.label_columns):
        table.check_column(column, "Set the column names in config.data.folder.")
    labels = config.label_columns or tuple(c for c in table.header if c not in sides)
    if not labels:
        raise StudyError(
            f"{table.path} has no label column beside {list(sides)}; add one."
        )
    return labels


def _image(
    config: FolderConfig,
    file: str,
    side: dict[str, str],
    labels: tuple[str, ...],
    cells: list[str],
) -> _Image | Fault:
    """A row as an image, or what is wrong with it."""
    for name, text in zip(labels, cells, strict=True):
        if text not in _LABEL_VALUES:
            what = f"label {name!r} of {file!r} is {text!r}; it must be 0, 1 or blank"
            return Fault("odd label", f"{what} (unknown)")
    if config.patient_column and not side["patient_id"]:
        what = f"{file!r} has no patient in the column {config.patient_column!r}"
        return Fault("no patient", what)
    age, sex = parse_age(side.get("age", "")), parse_sex(side.get("sex", ""))
    if age is None:
        what = f"the age {side['age']!r} of {file!r} is no age in years; correct it"
        return Fault("odd age", what)
    if sex is None:
        what = f"the sex {side['sex']!r} of {file!r} is not F, M or blank"
        return Fault("odd sex", what)
    return _Image(
        file=file,
        label=tuple(_LABEL_VALUES[text] for text in cells),
        patient_id=side.get("patient_id", file),
        study_id=side.get("study_id", ""),
        age=age,
        sex=sex,
        view=side.get("view", ""),
    )


def _read_classes(
    config: FolderConfig, root: Path, context: Context, found: Counter[str]
) -> tuple[tuple[str, ...], list[_Image]]:
    """Labels and images of class folders: each image has the label of its folder."""
    files = list(_walk(root, found))
    labels = tuple(sorted({file.split("/")[0] for file in files if "/" in file}))
    if len(labels) < 2:
        raise StudyError(
            f"{root} has {len(labels)} folder(s) with images in them; with "
            "labels_csv='' each class is a folder, two or more. Or name a table in "
            "config.data.folder.labels_csv."
        )
    tree, images = Tree(root), []
    for file in files:
        parts = file.split("/")
        path = tree.locate(file)
        if isinstance(path, Fault):
            context.problems.add(path.kind, file, path.what)
        elif len(parts) == 1:
            what = "it is in no class folder; move it into one or away"
            context.problems.add("no class", file, what)
        elif config.patient_folders and len(parts) == 2:
            what = "it is in no folder of a patient (class/patient/image); move it"
            context.problems.add("no patient", file, what)
        else:
            label = tuple(float(name == parts[0]) for name in labels)
            patient = parts[1] if config.patient_folders else file
            images.append(_Image(file, label, patient))
    context.problems.settle(len(files))
    return labels, images


def _walk(root: Path, found: Counter[str]) -> Iterator[str]:
    """Images below the folder, sorted, relative to it; no links to folders followed."""
    found["hidden files, not looked at"] = 0
    for directory, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = Path(directory).relative_to(root)
        for name in sorted(names):
            if name.lower().endswith(SUFFIXES):
                if name.startswith("."):
                    found["hidden files, not looked at"] += 1
                else:
                    yield (below / name).as_posix()


def digest(config: FolderConfig) -> str | None:
    """Identifies the table by its bytes and the images by their names and sizes.

    None if the table or an image is away, so that nothing can be said of a change.
    """
    hasher = hashlib.sha256()
    try:
        root = _root(config)
        if config.labels_csv:
            hasher.update((root / config.labels_csv).read_bytes())
            table = Table(root / config.labels_csv, required=(config.file_column,))
            rows = table.rows((config.file_column,))
            files = [cells[0] for _, cells in rows if cells is not None]
        else:
            files = list(_walk(root, Counter()))
        for file in files:
            hasher.update(f"{file} {(root / file).stat().st_size}\n".encode())
    except (OSError, ValueError, StudyError):  # away, no file name, no table
        return None
    return hasher.hexdigest()[:16]
