"""labels.csv of a folder of images: its header and rows, checked."""

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from synthjax.core.errors import StudyError
from synthjax.data.problems import (
    FILE_MISSING,
    LABEL_UNKNOWN,
    PATIENT_MISSING,
    ROW_MALFORMED,
    ROW_MISSING,
    SPLIT_UNKNOWN,
    Problems,
)
from synthjax.data.schema import SPLITS
from synthjax.data.sources.attributes import known_age, known_sex
from synthjax.data.sources.folder_config import FolderConfig
from synthjax.data.sources.ignored import IgnoredFiles, printable
from synthjax.data.sources.merged_rows import MergedRows
from synthjax.data.sources.spelling import find_spellings
from synthjax.data.sources.tables import MALFORMED, CsvTable
from synthjax.data.sources.tree import Fault, Tree

_LABEL_VALUES = {"0": 0.0, "0.0": 0.0, "1": 1.0, "1.0": 1.0, "": math.nan}


class FolderImage(NamedTuple):
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


def read_table(
    config: FolderConfig,
    tree: Tree,
    problems: Problems,
    ignored: IgnoredFiles,
    counts: Counter[str],
) -> tuple[tuple[str, ...], list[FolderImage]]:
    """Reads labels and images of labels.csv, and settles what is wrong."""
    table = open_table(config, tree.root)
    labels = label_columns(config, table)
    images = MergedRows[FolderImage](problems, counts)
    named: set[str] = set()
    names: dict[
        str, str
    ] = {}  # real path -> its file; with links, the first of several
    rows = 0
    walked = list(tree.walk(ignored, leave_out=config.leave_out))
    spelled = _spellings(config, table, tree, walked, problems)
    for line, cells in table.filled_rows((*config.side_columns.values(), *labels)):
        rows += 1
        where = f"row {line} of {config.labels_csv}"
        if cells is None:
            problems.add(ROW_MALFORMED, where, MALFORMED)
            continue
        side = dict(zip(config.side_columns, cells, strict=False))
        side["file"] = spelled.get(side["file"], side["file"])
        file = str(PurePosixPath(side["file"])) if side["file"] else ""
        named.add(file)
        path = tree.locate(side["file"])
        if isinstance(path, Fault):
            images.add(file, where, path)
            continue
        file = names.setdefault(path, file)
        row = _check_row(config, where, file, side, labels, cells[len(side) :], counts)
        images.add(path, where, row)
    if not rows:
        raise StudyError(
            f"{table.path} has a header but no rows; add one row per image."
        )
    unnamed = [file for file in walked if file not in named]
    for file in unnamed:
        what = f"no row of {config.labels_csv} names it; add one or move it away"
        problems.add(ROW_MISSING, printable(file), what)
    remedy = f"They are in {table.path} and its folder. {table.guessed}"
    problems.settle(rows + len(unnamed), remedy=remedy)
    if table.guessed:
        problems.notice("letters of a table", [table.guessed], "Save it as UTF-8.")
    ignored.others = [file for file in ignored.others if file != config.labels_csv]
    return labels, images.images()


def _spellings(
    config: FolderConfig,
    table: CsvTable,
    tree: Tree,
    walked: Sequence[str],
    problems: Problems,
) -> dict[str, str]:
    """Finds names that are written in another way than their files, and notices them."""
    missing: dict[str, None] = {}
    left = set(walked)
    for _, cells in table.filled_rows((config.file_column,)):
        name = cells[0] if cells else ""
        if name and str(PurePosixPath(name)) in left:
            left.discard(str(PurePosixPath(name)))
        elif name and _is_missing(tree.locate(name)):
            missing[name] = None
    found = find_spellings(list(missing), left)
    problems.notice(
        "names written otherwise than the files",
        [
            f"{config.labels_csv} says {name!r}, the file is {printable(file)!r}"
            for name, file in found.items()
        ],
        "They are read as the same; write them alike.",
    )
    return found


def _is_missing(located: str | Fault) -> bool:
    return isinstance(located, Fault) and located.kind == FILE_MISSING


def open_table(config: FolderConfig, root: Path) -> CsvTable:
    return CsvTable(
        root / config.labels_csv,
        required=(),
        wanted=(*config.side_columns.values(), *config.label_columns),
        inside=root,
        remedy="Write it with one row per image, or set config.data.folder.path and "
        "labels_csv (empty: one folder per class).",
    )


def label_columns(config: FolderConfig, table: CsvTable) -> tuple[str, ...]:
    """Returns the label columns; raises StudyError if a column is missing."""
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


def _check_row(
    config: FolderConfig,
    where: str,
    file: str,
    side: dict[str, str],
    labels: tuple[str, ...],
    cells: list[str],
    counts: Counter[str],
) -> FolderImage | Fault:
    """Returns a row as an image, or what is wrong with it."""
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
    return FolderImage(
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
