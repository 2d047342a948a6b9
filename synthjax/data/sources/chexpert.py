"""CheXpert: 224,316 chest radiographs of 65,240 patients (Irvin et al. 2019).

Reads CheXpert-v1.0, CheXpert-v1.0-small and CheXpert Plus as they were downloaded. The
first two have train.csv and valid.csv, whose column Path starts with the name of the
folder. CheXpert Plus (Chambon et al. 2024) has df_chexpert_plus_240401.csv, the labels
apart in chexbert_labels/, and PNG images under the same names.

The defaults are the paper's: train.csv, the first two frontal views of a study,
uncertain labels 1, blank ones 0, images without any label left out.
"""

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from synthjax.core.errors import ConfigError, StudyError
from synthjax.data.listing import Context, Listing, make_rows
from synthjax.data.problems import Problems
from synthjax.data.sources import chexpert_plus
from synthjax.data.sources.attributes import parse_age, parse_sex
from synthjax.data.sources.findings import CHEST
from synthjax.data.sources.tree import ReadFile, Tree, digest_files, find_root
from synthjax.data.sources.uncertainty import (
    ReportLabelsConfig,
    parse_stated,
    resolve,
)
from synthjax.data.tables import Table

_REMEDY = "It comes with the download of CheXpert."
_PATH = re.compile(  # <set>/train/patient00001/study1/view1_frontal.jpg
    r"(?:[^/]+/)?([^/]+/(patient[^/]+)/(study[^/]+)/(view\d+_(?:frontal|lateral))\.\w+)"
)


@dataclasses.dataclass(frozen=True)
class ChexpertConfig(ReportLabelsConfig):
    """Which images of CheXpert, and what their labels count as."""

    path: str = ""  # CheXpert-v1.0, -v1.0-small or Plus, or the folder around it
    tables: tuple[str, ...] = ("train.csv",)  # of train.csv, valid.csv; pooled
    views: str = "first_two"  # first_two: view1 and view2; frontal: all frontal views
    plus_labels: str = "impression"  # of Plus, read from: impression, findings, report

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.tables or len(set(self.tables)) < len(self.tables):
            raise ConfigError(
                f"tables={self.tables}: must be one or more, all different"
            )
        for name in self.tables:
            if not re.fullmatch(r"\w+\.csv", name):
                raise ConfigError(f"tables={self.tables}: must be names like train.csv")
        if self.views not in ("first_two", "frontal"):
            raise ConfigError(f"views={self.views!r}: must be first_two or frontal")
        if self.plus_labels not in ("impression", "findings", "report"):
            raise ConfigError(
                f"plus_labels={self.plus_labels!r}: must be impression, findings or "
                "report"
            )


class _Row(NamedTuple):
    """One row of whichever table, its cells still text."""

    table: str
    line: int
    cells: list[str] | None  # path, sex, age, AP/PA, 14 labels; None: of another width

    @property
    def where(self) -> str:
        return f"row {self.line} of {self.table}"


class _Image(NamedTuple):
    """One row, checked."""

    where: str
    file: str  # relative to the folder of the images
    patient: str
    study: str
    sex: str
    age: float
    view: str
    stated: tuple[float, ...]


def list_images(config: ChexpertConfig, context: Context) -> Listing:
    """The radiographs of the tables, in their order; no image is opened.

    Ids are paths such as train/patient00001/study1/view1_frontal.jpg, patients such as
    patient00001. A row that agrees with an earlier one is left out and counted.

    Raises:
        StudyError: the folder, a table or a column is missing; problems in rows (a path
            of another form, a label that is not 1, 0, -1 or blank, rows of one image
            that disagree, a missing file), as the policy says.
    """
    root = _root(config)
    plus = _plus_table(config, root)
    counts: Counter[str] = Counter()
    if plus is None:
        below, rows = "", _table_rows(config, root, counts)
    else:
        below, rows = (
            chexpert_plus.images_folder(root),
            _plus_rows(config, root, plus, counts),
        )
    images = list(_check(config, rows, below, context.problems, counts))
    stated = np.array([image.stated for image in images], np.float32)
    label, kept, facts = resolve(config, stated.reshape(-1, len(CHEST)))
    images = [image for image, keep in zip(images, kept, strict=True) if keep]
    found = Tree(root).present(
        [image.file for image in images], lambda i: images[i].where, context.problems
    )
    label = label[kept][found]
    images = [image for image, keep in zip(images, found, strict=True) if keep]
    context.problems.settle(counts["rows"])
    if not images:
        raise StudyError(
            f"no image of {root} is left of {counts['rows']} rows: {dict(counts)} "
            f"{facts}; look at config.data.chexpert."
        )
    return Listing(
        name="chexpert",
        labels=CHEST,
        rows=make_rows(
            id=[image.file.removeprefix(below) for image in images],
            label=label,
            patient_id=[image.patient for image in images],
            study_id=[image.study for image in images],
            age=[image.age for image in images],
            sex=[image.sex for image in images],
            view=[image.view for image in images],
            origin=[image.file for image in images],
        ),
        read=ReadFile(root, context.pixels),
        root=root,
        facts={
            "set": "CheXpert" if plus is None else "CheXpert Plus",
            "tables": list(config.tables),
            "views": config.views,
            **counts,
            **facts,
        },
    )


def _check(
    config: ChexpertConfig,
    rows: Iterator[_Row],
    below: str,
    problems: Problems,
    counts: Counter[str],
) -> Iterator[_Image]:
    """The frontal images among the rows; what is left out is counted or a problem."""
    counts.update(dict.fromkeys(("rows", "left out: lateral", "left out: same row"), 0))
    counts["left out: third and later frontal views"] = 0
    seen: dict[str, tuple[str, int]] = {}
    for row in rows:
        counts["rows"] += 1
        if row.cells is None:
            what = "it has not as many cells as the header; correct commas and quotes"
            problems.add("malformed row", row.where, what)
            continue
        match = _PATH.fullmatch(row.cells[0])
        if match is None or ".." in row.cells[0].split("/"):
            what = (
                f"the path {row.cells[0]!r} is not of the form <set>/train/"
                "patient00001/study1/view1_frontal.jpg; correct it"
            )
            problems.add("odd path", row.where, what)
            continue
        file, patient, study, view = match.groups()
        if view.endswith("_lateral"):
            counts["left out: lateral"] += 1
            continue
        if config.views == "first_two" and view[4:-8] not in ("1", "2"):
            counts["left out: third and later frontal views"] += 1
            continue
        first, content = seen.setdefault(file, (row.where, hash(tuple(row.cells[1:]))))
        if first != row.where:
            if content == hash(tuple(row.cells[1:])):
                counts["left out: same row"] += 1
            else:
                what = f"{file!r} is also in {first}, with other values; keep one row"
                problems.add("contradicting rows", row.where, what)
            continue
        image = _image(row, file, patient, study, below)
        if isinstance(image, _Image):
            yield image
        else:
            problems.add(image[0], row.where, image[1])


def _image(
    row: _Row, file: str, patient: str, study: str, below: str
) -> _Image | tuple[str, str]:
    """A row as an image, or kind and description of what is wrong with it."""
    assert row.cells is not None
    _, sex_text, age_text, view, *labels = row.cells
    stated = parse_stated(labels)
    if isinstance(stated, str):
        return "odd label", f"of {file!r} {stated}"
    sex, age = parse_sex(sex_text), parse_age(age_text)
    if sex is None:
        return (
            "odd sex",
            f"the sex {sex_text!r} of {file!r} is not Male, Female or blank",
        )
    if age is None:
        return "odd age", f"the age {age_text!r} of {file!r} is no number of years"
    if below:
        file = f"{below}{PurePosixPath(file).with_suffix('.png')}"
    study = f"{patient}/{study}"
    return _Image(row.where, file, patient, study, sex, age, view, stated)


def _table_rows(
    config: ChexpertConfig, root: Path, counts: Counter[str]
) -> Iterator[_Row]:
    """The rows of train.csv and its like."""
    for name in config.tables:
        table = Table(root / name, required=("Path", *CHEST), remedy=_REMEDY)
        sides = ["Sex", "Age", "AP/PA"]  # test_labels.csv has none of them
        have = [column for column in sides if column in table.header]
        known = {"Path", "Frontal/Lateral", *sides, *CHEST}
        counts["columns not read"] += len(set(table.header) - known)
        for line, cells in table.rows(["Path", *have, *CHEST]):
            if cells is not None and len(have) < len(sides):
                side = dict(zip(have, cells[1:], strict=False))
                texts = [side.get(column, "") for column in sides]
                cells = [cells[0], *texts, *cells[1 + len(have) :]]
            yield _Row(name, line, cells)


def _plus_rows(
    config: ChexpertConfig, root: Path, table: Path, counts: Counter[str]
) -> Iterator[_Row]:
    """The rows of CheXpert Plus's table with its labels."""
    splits = {Path(name).stem for name in config.tables}  # train.csv: train/patient...
    labels = chexpert_plus.labels_file(root, config.plus_labels)
    for line, cells in chexpert_plus.read_rows(table, labels, splits, counts):
        yield _Row(table.name, line, cells)


def _plus_table(config: ChexpertConfig, root: Path) -> Path | None:
    """CheXpert Plus's table, if that is what the folder holds."""
    if any((root / name).is_file() for name in config.tables):
        return None
    return next(iter(sorted(root.glob(chexpert_plus.TABLE))), None)


def _root(config: ChexpertConfig) -> Path:
    return find_root(config.path, "chexpert", (*config.tables, chexpert_plus.TABLE))


def digest(config: ChexpertConfig) -> str | None:
    """Identifies the tables by their bytes; None if one is away."""
    try:
        root = _root(config)
    except StudyError:
        return None
    plus = _plus_table(config, root)
    if plus is None:
        return digest_files(root / name for name in config.tables)
    return digest_files((plus, chexpert_plus.labels_file(root, config.plus_labels)))
