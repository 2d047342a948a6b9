"""CheXpert: 224,316 chest radiographs of 65,240 patients (Irvin et al. 2019).

Reads CheXpert-v1.0, CheXpert-v1.0-small and CheXpert Plus as they were downloaded, the
first also in the folders of its batches (`chexpert_batches`). The first two have train.csv and valid.csv, whose column Path starts with the name of the
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

from synthjax.core.config import field
from synthjax.core.errors import ConfigError, StudyError
from synthjax.core.findings import CHEST
from synthjax.data.listing import Context, Listing, make_metadata
from synthjax.data.problems import FILE_NAME, LABEL_UNKNOWN, ROW_MALFORMED, Problems
from synthjax.data.sources import chexpert_plus
from synthjax.data.sources.attributes import known_age, known_sex
from synthjax.data.sources.chexpert_batches import Batches
from synthjax.data.sources.labelled_images import usable_images
from synthjax.data.sources.merged_rows import MergedRows
from synthjax.data.sources.set_folder import digest_files, find_root
from synthjax.data.sources.source import Source
from synthjax.data.sources.tables import MALFORMED, CsvTable
from synthjax.data.sources.tree import Fault, ReadFile, Tree
from synthjax.data.sources.uncertainty import ReportLabelsConfig, parse_stated

_REMEDY = "It comes with the download of CheXpert."
_SIDES = 4  # cells of a row before its labels
_PATH = re.compile(  # <set>/train/patient00001/study1/view1_frontal.jpg
    r"(?:[^/]+/)?([^/]+/(patient[^/]+)/(study[^/]+)/(view\d+_(?:frontal|lateral))\.\w+)"
)


@dataclasses.dataclass(frozen=True)
class ChexpertConfig(ReportLabelsConfig):
    """Which images of CheXpert, and what their labels count as."""

    path: str = field(
        "",
        "folder of CheXpert-v1.0, CheXpert-v1.0-small or CheXpert Plus, or the folder "
        "around it",
        is_place=True,
    )
    tables: tuple[str, ...] = field(
        ("train.csv",), "tables that are read, of train.csv and valid.csv; pooled"
    )
    views: str = field(
        "first_two",
        "frontal views of an exam that are used; first_two: view1 and view2, frontal: "
        "all",
        one_of=("first_two", "frontal"),
    )
    plus_labels: str = field(
        "impression",
        "section of a report that the labels of CheXpert Plus were read from",
        one_of=("impression", "findings", "report"),
    )

    def check(self) -> None:
        """Raises ConfigError for tables that are doubled or not named like one."""
        super().check()
        if not self.tables or len(set(self.tables)) < len(self.tables):
            raise ConfigError(
                f"tables={self.tables}: must be one or more, all different"
            )
        for name in self.tables:
            if not re.fullmatch(r"\w+\.csv", name):
                raise ConfigError(f"tables={self.tables}: must be names like train.csv")


class _Row(NamedTuple):
    """One row of whichever table, its cells still text."""

    table: str
    line: int
    # Path, sex, age, AP/PA and the 14 labels, if it has any; None: malformed.
    cells: list[str] | None

    @property
    def where(self) -> str:
        return f"row {self.line} of {self.table}"


class _Image(NamedTuple):
    """One row, checked."""

    where: str
    name: str  # as the table has it, without the set's folder
    file: str  # relative to the folder of the images
    patient: str
    study: str
    sex: str
    age: float
    view: str
    stated: tuple[float, ...]


def list_images(config: ChexpertConfig, context: Context) -> Listing:
    """Lists the radiographs of the tables, in their order; no image is opened.

    Ids are paths such as train/patient00001/study1/view1_frontal.jpg, patients such as
    patient00001. Rows that say the same are one. An odd age or sex is unknown and
    counted; images without a row, below the folders that the tables name, are
    counted.

    Raises:
        StudyError: the folder, a table or a column is missing; problems in rows (a path
            of another form, a label that is not 1, 0, -1 or blank, rows of one image
            that disagree, a missing file), as the policy says.
    """
    root = _root(config)
    plus = _plus_table(config, root)
    counts: Counter[str] = Counter()
    named, batches = set[str](), Batches(root if plus is None else None)
    top = batches.top or root  # what the images are below
    tree = Tree(top, believed=context.tables_alone)
    if plus is None:
        below, rows = "", _table_rows(config, root, counts)
    else:
        below = chexpert_plus.images_folder(root)
        rows = _plus_rows(config, root, plus, counts)
    images, label, facts = usable_images(
        config,
        _check(config, rows, below, context.problems, counts, named, batches),
        tree,
        context.problems,
        counts,
        "chexpert",
    )
    return Listing(
        name="chexpert",
        labels=CHEST,
        metadata=make_metadata(
            id=[image.name.removeprefix(below) for image in images],
            label=label,
            patient_id=[image.patient for image in images],
            study_id=[image.study for image in images],
            age=[image.age for image in images],
            sex=[image.sex for image in images],
            view=[image.view for image in images],
            origin=[image.file for image in images],
        ),
        read=ReadFile(top, context.pixels),
        root=top,
        facts={
            "set": "CheXpert" if plus is None else "CheXpert Plus",
            "tables": list(config.tables),
            "views": config.views,
            **counts,
            **facts,
            **tree.unnamed(_folders(named, below, batches), named),
        },
    )


def _check(
    config: ChexpertConfig,
    rows: Iterator[_Row],
    below: str,
    problems: Problems,
    counts: Counter[str],
    named: set[str],
    batches: Batches,
) -> list[_Image]:
    """Returns the frontal images among the rows; others are counted, or a problem.

    Args:
        below: the folder of the images, with a slash at the end, of CheXpert Plus.
        named: gets the file of every row.
    """
    lateral, late = "left out: lateral", "left out: third and later frontal views"
    counts.update(dict.fromkeys(("rows", lateral, late), 0))
    images = MergedRows[_Image](problems, counts)
    for row in rows:
        counts["rows"] += 1
        if row.cells is None:
            problems.add(ROW_MALFORMED, row.where, MALFORMED)
            continue
        path = row.cells[0].replace("\\", "/")  # a table that Windows wrote
        match = _PATH.fullmatch(path)
        if match is None or ".." in path.split("/"):
            what = (
                f"the path {path!r} is not of the form <set>/train/"
                "patient00001/study1/view1_frontal.jpg; correct it"
            )
            problems.add(FILE_NAME, row.where, what)
            continue
        name, patient, study, view = match.groups()
        if below:
            name = f"{below}{PurePosixPath(name).with_suffix('.png')}"
        file = batches.place(name)
        named.add(file)
        if view.endswith("_lateral"):
            counts[lateral] += 1
        elif config.views == "first_two" and view[4:-8] not in ("1", "2"):
            counts[late] += 1
        elif len(row.cells) == _SIDES:
            counts[chexpert_plus.UNLABELLED] += 1
        else:
            image = _image(row, name, file, patient, study, counts)
            images.add(file, row.where, image)
    return images.images()


def _image(
    row: _Row, name: str, file: str, patient: str, study: str, counts: Counter[str]
) -> _Image | Fault:
    """Returns a row as an image, or what is wrong with it."""
    assert row.cells is not None
    _, sex, age, view, *labels = row.cells
    stated = parse_stated(labels)
    if isinstance(stated, str):
        return Fault(LABEL_UNKNOWN, f"of {file!r} {stated}")
    return _Image(
        where=row.where,
        name=name,
        file=file,
        patient=patient,
        study=f"{patient}/{study}",
        sex=known_sex(sex, counts),
        age=known_age(age, counts),
        view=view,
        stated=stated,
    )


def _folders(named: set[str], below: str, batches: Batches) -> list[str]:
    """Returns the folders that hold images: train, PNG/train, or the batches."""
    if batches.top:
        return batches.folders
    return sorted({below + file.removeprefix(below).split("/")[0] for file in named})


def _table_rows(
    config: ChexpertConfig, root: Path, counts: Counter[str]
) -> Iterator[_Row]:
    """Yields the rows of train.csv and its like."""
    for name in config.tables:
        table = CsvTable(root / name, required=("Path", *CHEST), remedy=_REMEDY)
        sides = ["Sex", "Age", "AP/PA"]  # test_labels.csv has none of them
        have = [column for column in sides if column in table.header]
        known = {"Path", "Frontal/Lateral", *sides, *CHEST}
        counts["columns not read"] += len(set(table.header) - known)
        for line, cells in table.filled_rows(["Path", *have, *CHEST]):
            if cells is not None and len(have) < len(sides):
                side = dict(zip(have, cells[1:], strict=False))
                texts = [side.get(column, "") for column in sides]
                cells = [cells[0], *texts, *cells[1 + len(have) :]]
            yield _Row(name, line, cells)


def _plus_rows(
    config: ChexpertConfig, root: Path, table: Path, counts: Counter[str]
) -> Iterator[_Row]:
    """Yields the rows of CheXpert Plus's table with its labels."""
    splits = {Path(name).stem for name in config.tables}  # train.csv: train/patient...
    labels = chexpert_plus.labels_file(root, config.plus_labels)
    for line, cells in chexpert_plus.read_lines(table, labels, splits, counts):
        yield _Row(table.name, line, cells)


def _plus_table(config: ChexpertConfig, root: Path) -> Path | None:
    """Returns CheXpert Plus's table, if that is what the folder holds."""
    if any((root / name).is_file() for name in config.tables):
        return None
    return next(iter(sorted(root.glob(chexpert_plus.TABLE))), None)


def _root(config: ChexpertConfig) -> Path:
    return find_root(config.path, "chexpert", (*config.tables, chexpert_plus.TABLE))


def digest(config: ChexpertConfig) -> str | None:
    """Identifies the tables by their bytes; None if one is away.

    The images are not read: that would take minutes at every launch.
    """
    try:
        root = _root(config)
    except StudyError:
        return None
    plus = _plus_table(config, root)
    if plus is None:
        return digest_files(root / name for name in config.tables)
    return digest_files((plus, chexpert_plus.labels_file(root, config.plus_labels)))


SOURCE = Source(
    ChexpertConfig, list_images, digest, labels=lambda config: CHEST, has_tables=True
)
