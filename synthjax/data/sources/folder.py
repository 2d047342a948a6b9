"""A folder of PNG, JPEG, TIFF or DICOM images: how anybody's data comes in.

Either labels.csv has one row per image: the file (relative to the folder), optionally
the patient, study, age, sex and view, and one column per label with 0, 1 or blank
(unknown). A split column says who is for training and who for tests, where that is
decided already. Or, with `labels_csv=""`, each folder in it is a class and holds its
images, in folders per patient if there are any. All of it is checked before an image is
read.
"""

import dataclasses
import hashlib
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from synthjax.core.errors import ConfigError, StudyError
from synthjax.data.listing import Context, Listing, make_metadata
from synthjax.data.problems import (
    LABEL_UNKNOWN,
    PATIENT_MISSING,
    ROW_MALFORMED,
    ROW_MISSING,
    SPLIT_UNKNOWN,
)
from synthjax.data.schema import SPLITS
from synthjax.data.sources.attributes import known_age, known_sex
from synthjax.data.sources.class_folders import class_names, list_classes
from synthjax.data.sources.dicom_patients import add_patients
from synthjax.data.sources.merged_rows import MergedRows
from synthjax.data.sources.tables import MALFORMED, CsvTable
from synthjax.data.sources.tree import (
    Fault,
    IgnoredFiles,
    ReadFile,
    Tree,
    existing_folder,
    printable,
)
from synthjax.data.splits import group_by_split

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
    split_column: str = ""  # train, valid or test; empty: patients are dealt by lot
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
        if not self.labels_csv and (
            self.label_columns or self.patient_column or self.split_column
        ):
            raise ConfigError(
                "labels_csv='' means class folders, which have no label_columns, no "
                "patient_column and no split_column; see patient_folders"
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
            "split": self.split_column,
        }
        return {attribute: column for attribute, column in columns.items() if column}


class _Image(NamedTuple):
    """One image, checked."""

    where: str  # its row in the table
    file: str  # relative to the folder, with forward slashes
    label: tuple[float, ...]
    patient_id: str
    study_id: str = ""
    age: float = math.nan
    sex: str = ""
    view: str = ""
    split: str = ""


def list_images(config: FolderConfig, context: Context) -> Listing:
    """The images of the table, or of the class folders; none is decoded.

    Images are known by their suffix, DICOM files without one by their content. What is
    not looked at (hidden files, other files, links to folders) is counted, and so are
    rows that say the same, and ages and sexes that are none and so unknown.

    Raises:
        StudyError: a missing folder, table or column, a folder that cannot be looked
            at, no rows or classes; and, as the policy says, problems: a row with a
            missing file, a path that leaves the folder, rows of one file that
            contradict each other, a label that is not 0, 1 or blank, an image without
            a row.
    """
    tree, ignored = Tree(existing_folder(config.path, "folder")), IgnoredFiles()
    counts: Counter[str] = Counter()
    if config.labels_csv:
        labels, images = _read_table(config, tree, context, ignored, counts)
    else:
        labels, members = list_classes(
            tree, context.problems, ignored, patient_folders=config.patient_folders
        )
        images = [_Image("", *member) for member in members]
    if not images:
        raise StudyError(f"{tree.root} has no image that can be used.")
    metadata = make_metadata(
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
        metadata = add_patients(metadata, tree.root, context, counts)
    return Listing(
        name="folder",
        labels=labels,
        metadata=metadata,
        read=ReadFile(tree.root, context.pixels),
        has_patients=config.has_patients,
        splits=group_by_split([image.split for image in images])
        if config.split_column
        else None,
        root=tree.root,
        facts={**counts, **ignored.facts()},
    )


def label_names(config: FolderConfig) -> tuple[str, ...]:
    """The labels by the table's header, or the class folders; no row or image is read.

    Raises:
        StudyError: a missing folder, table or column, or no labels.
    """
    root = existing_folder(config.path, "folder")
    if config.labels_csv:
        return _label_columns(config, _open_table(config, root))
    return class_names(Tree(root).walk(IgnoredFiles()), root)


def _read_table(
    config: FolderConfig,
    tree: Tree,
    context: Context,
    ignored: IgnoredFiles,
    counts: Counter[str],
) -> tuple[tuple[str, ...], list[_Image]]:
    """Labels and images of labels.csv; what is wrong is settled."""
    table = _open_table(config, tree.root)
    labels = _label_columns(config, table)
    problems = context.problems
    images = MergedRows[_Image](problems, counts)
    named: set[str] = set()
    names: dict[
        str, str
    ] = {}  # real path -> its file; with links, the first of several
    rows = 0
    for line, cells in table.rows((*config.side_columns.values(), *labels)):
        rows += 1
        where = f"row {line} of {config.labels_csv}"
        if cells is None:
            problems.add(ROW_MALFORMED, where, MALFORMED)
            continue
        side = dict(zip(config.side_columns, cells, strict=False))
        file = str(PurePosixPath(side["file"])) if side["file"] else ""
        named.add(file)
        path = tree.locate(side["file"])
        if isinstance(path, Fault):
            images.add(file, where, path)
            continue
        file = names.setdefault(path, file)
        row = _image(config, where, file, side, labels, cells[len(side) :], counts)
        images.add(path, where, row)
    if not rows:
        raise StudyError(
            f"{table.path} has a header but no rows; add one row per image."
        )
    unnamed = [file for file in tree.walk(ignored) if file not in named]
    for file in unnamed:
        what = f"no row of {config.labels_csv} names it; add one or move it away"
        problems.add(ROW_MISSING, printable(file), what)
    problems.settle(
        rows + len(unnamed), remedy=f"They are in {table.path} and its folder."
    )
    ignored.others = [file for file in ignored.others if file != config.labels_csv]
    return labels, images.images()


def _open_table(config: FolderConfig, root: Path) -> CsvTable:
    return CsvTable(
        root / config.labels_csv,
        required=(),
        remedy="Write it with one row per image, or set config.data.folder.path and "
        "labels_csv (empty: one folder per class).",
    )


def _label_columns(config: FolderConfig, table: CsvTable) -> tuple[str, ...]:
    """The label columns; raises if a column is missing or none is left."""
    sides = config.side_columns.values()
    for column in sides:
        table.check_column(
            column, "Set the column names in config.data.folder (config.synth.folder)."
        )
    for column in config.label_columns:
        table.check_column(
            column,
            "Add that label, with blank cells where nobody knows it, or name in "
            "config.data.folder.label_columns the labels that count.",
        )
    labels = config.label_columns or tuple(c for c in table.header if c not in sides)
    if "" in labels:
        raise StudyError(
            f"{table.path} has a column without a name in its header, perhaps a comma "
            "too many; name it or remove it, or set config.data.folder.label_columns."
        )
    if not labels:
        raise StudyError(
            f"{table.path} has no label column beside {list(sides)}; add one."
        )
    return labels


def _image(
    config: FolderConfig,
    where: str,
    file: str,
    side: dict[str, str],
    labels: tuple[str, ...],
    cells: list[str],
    counts: Counter[str],
) -> _Image | Fault:
    """A row as an image, or what is wrong with it."""
    for name, text in zip(labels, cells, strict=True):
        if text not in _LABEL_VALUES:
            what = f"label {name!r} of {file!r} is {text!r}; it must be 0, 1 or blank"
            return Fault(LABEL_UNKNOWN, f"{what} (unknown)")
    if config.patient_column and not side["patient_id"]:
        what = f"{file!r} has no patient in the column {config.patient_column!r}"
        return Fault(PATIENT_MISSING, f"{what}; add it")
    if config.split_column and side["split"] not in SPLITS:
        what = f"{file!r} is in the split {side['split']!r}"
        return Fault(SPLIT_UNKNOWN, f"{what}; it must be one of {', '.join(SPLITS)}")
    return _Image(
        where=where,
        file=file,
        label=tuple(_LABEL_VALUES[text] for text in cells),
        patient_id=side.get("patient_id", file),
        study_id=side.get("study_id", ""),
        age=known_age(side.get("age", ""), counts),
        sex=known_sex(side.get("sex", ""), counts),
        view=side.get("view", ""),
        split=side.get("split", ""),
    )


def digest(config: FolderConfig) -> str | None:
    """Identifies the table by its bytes, the images by names, sizes and times.

    The times are those of the last change: a file may be written anew with as many
    bytes. An image that is away is one too. None if the folder or the table is away or
    no table, so that nothing can be said of a change.
    """
    hasher = hashlib.sha256()
    try:
        root = existing_folder(config.path, "folder")
        if config.labels_csv:
            hasher.update((root / config.labels_csv).read_bytes())
        for file in _files(config, root):
            hasher.update(
                f"{file}\0{_state(root / file)}\n".encode(errors="surrogateescape")
            )
    except (OSError, StudyError):
        return None
    return hasher.hexdigest()[:16]


def _files(config: FolderConfig, root: Path) -> Iterator[str]:
    """The images as the table or the folders name them."""
    if not config.labels_csv:
        yield from Tree(root).walk(IgnoredFiles())
        return
    table = CsvTable(root / config.labels_csv, required=(config.file_column,))
    for _, cells in table.rows((config.file_column,)):
        if cells is not None:
            yield cells[0]


def _state(path: Path) -> str:
    """Size and time of a file."""
    try:
        found = path.stat()
    except (OSError, ValueError):  # away, no name of a file
        return "missing"
    return f"{found.st_size} {found.st_mtime_ns}"
