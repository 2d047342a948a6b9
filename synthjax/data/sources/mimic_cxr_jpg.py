"""MIMIC-CXR-JPG: 377,110 chest radiographs of 227,835 studies (Johnson et al. 2019).

The tables mimic-cxr-2.0.0-metadata.csv.gz (one row for each image) and
mimic-cxr-2.0.0-chexpert.csv.gz (one for each exam, which MIMIC calls a study; its labels
are those of all of its images) are joined by subject and exam; images are
files/p10/p10000032/s50414267/<dicom_id>.jpg. The tables may be unpacked to .csv. The
split table is counted, not used: patients are assigned to splits anew. Dates and times are
not read. Age and sex are not part of this set.
"""

import dataclasses
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from synthjax.core.config import field
from synthjax.core.errors import StudyError
from synthjax.core.findings import CHEST
from synthjax.data.listing import Context, Listing, make_metadata
from synthjax.data.problems import (
    LABEL_UNKNOWN,
    ROW_MALFORMED,
    ROWS_CONTRADICT,
    Problem,
    Problems,
)
from synthjax.data.sources.labelled_images import usable_images
from synthjax.data.sources.merged_rows import MergedRows
from synthjax.data.sources.set_folder import digest_files, find_root
from synthjax.data.sources.source import Source
from synthjax.data.sources.tables import MALFORMED, CsvTable
from synthjax.data.sources.tree import ReadFile, Tree
from synthjax.data.sources.uncertainty import ReportLabelsConfig, parse_stated

_FRONTAL = ("AP", "PA")
_IMAGES = "files"  # the folder of all images
_Study = tuple[str, str]  # subject, study
_REMEDY = "It comes with the download of MIMIC-CXR-JPG, as .csv.gz or unpacked to .csv."


@dataclasses.dataclass(frozen=True)
class MimicCxrJpgConfig(ReportLabelsConfig):
    """Which images of MIMIC-CXR-JPG, and what their labels count as."""

    path: str = field("", "the set's folder, or the folder around it", is_place=True)
    labeler: str = field(
        "chexpert",
        "program whose labels are used",
        one_of=("chexpert", "negbio"),
    )
    views: str = field(
        "frontal",
        "views that are used; frontal: AP and PA",
        one_of=("frontal", "all"),
    )


class _Image(NamedTuple):
    """One row of the metadata, with its labels."""

    where: str
    dicom_id: str
    subject: str
    study: str
    view: str
    stated: tuple[float, ...]

    @property
    def file(self) -> str:
        """Returns the file, relative to the folder."""
        return _file(self.subject, self.study, self.dicom_id)


class _Studies(NamedTuple):
    """The table of labels."""

    stated: dict[_Study, tuple[float, ...]]  # 14 labels
    faults: dict[_Study, list[Problem]]  # of studies that cannot be used


def list_images(config: MimicCxrJpgConfig, context: Context) -> Listing:
    """Lists the radiographs of the metadata, in their order; no image is opened.

    Ids are DICOM ids, patients p10000032, exams s50414267. Rows that say the same are
    one.
    Images of studies without labels and other views are left out and counted; so are
    images without a row.

    Raises:
        StudyError: the folder, a table or a column is missing; problems in rows (a
            label that is not 1, 0, -1 or blank, rows that disagree, a missing file), as
            the policy says.
    """
    root = _root(config)
    counts: Counter[str] = Counter()
    tree = Tree(root, believed=context.tables_alone)
    named, problems = set[str](), context.problems
    studies = _read_studies(_table(root, config.labeler), problems)
    metadata = _table(root, "metadata")
    images, label, facts = usable_images(
        config,
        _read_images(config, metadata, studies, problems, counts, named),
        tree,
        problems,
        counts,
        "mimic_cxr_jpg",
    )
    return Listing(
        name="mimic_cxr_jpg",
        labels=CHEST,
        metadata=make_metadata(
            id=[image.dicom_id for image in images],
            label=label,
            patient_id=[f"p{image.subject}" for image in images],
            study_id=[f"s{image.study}" for image in images],
            view=[image.view for image in images],
            origin=[image.file for image in images],
        ),
        read=ReadFile(root, context.pixels),
        root=root,
        facts={
            "labeler": config.labeler,
            "views": config.views,
            **counts,
            **facts,
            **tree.unnamed([_IMAGES], named),
            **_count_splits(root),
        },
    )


def _read_studies(path: Path, problems: Problems) -> _Studies:
    """Reads the labels of the studies; faults wait until it is known what they cost."""
    studies = _Studies({}, {})
    table = CsvTable(path, required=("subject_id", "study_id", *CHEST), remedy=_REMEDY)
    for line, cells in table.filled_rows(("subject_id", "study_id", *CHEST)):
        where = f"row {line} of {path.name}"
        if cells is None:
            problems.add(ROW_MALFORMED, where, MALFORMED)
            continue
        subject, exam, *texts = cells
        study = subject, exam
        stated = parse_stated(texts)
        if isinstance(stated, str):
            fault = Problem(LABEL_UNKNOWN, where, f"of the study {exam!r} {stated}")
            studies.faults.setdefault(study, []).append(fault)
        elif str(studies.stated.setdefault(study, stated)) != str(stated):  # NaN: equal
            what = f"the study {exam!r} comes twice, with other labels; keep one row"
            fault = Problem(ROWS_CONTRADICT, where, what)
            studies.faults.setdefault(study, []).append(fault)
    return studies


def _read_images(
    config: MimicCxrJpgConfig,
    path: Path,
    studies: _Studies,
    problems: Problems,
    counts: Counter[str],
    named: set[str],
) -> list[_Image]:
    """Reads the images of the metadata that have labels; the rest is counted.

    Args:
        named: gets the file of every row.
    """
    lateral, unlabelled = "left out: other views", "left out: study without labels"
    counts.update(dict.fromkeys(("rows", lateral, unlabelled), 0))
    images = MergedRows[_Image](problems, counts)
    lost: dict[_Study, set[str]] = {study: set() for study in studies.faults}
    columns = ("dicom_id", "subject_id", "study_id", "ViewPosition")
    table = CsvTable(path, required=columns, remedy=_REMEDY)
    for line, cells in table.filled_rows(columns):
        counts["rows"] += 1
        where = f"row {line} of {path.name}"
        if cells is None:
            problems.add(ROW_MALFORMED, where, MALFORMED)
            continue
        dicom_id, subject, exam, view = cells
        study = subject, exam
        if not (subject.isdecimal() and exam.isdecimal() and dicom_id):
            what = f"{cells[:3]} must be an id and two numbers; correct the row"
            problems.add("id malformed", where, what)
            continue
        named.add(_file(subject, exam, dicom_id))
        if config.views == "frontal" and view not in _FRONTAL:
            counts[lateral] += 1
        elif study in studies.faults:
            lost[study].add(dicom_id)
        elif study not in studies.stated:
            counts[unlabelled] += 1
        else:
            stated = studies.stated[study]
            image = _Image(where, dicom_id, subject, exam, view, stated)
            images.add(dicom_id, where, image)
    for study, faults in studies.faults.items():
        for place, fault in enumerate(faults):
            images_lost = 0 if place else len(lost[study])
            problems.add(fault.kind, fault.where, fault.what, images_lost)
    return images.images()


def _file(subject: str, study: str, dicom_id: str) -> str:
    """Returns an image, relative to the folder."""
    return f"{_IMAGES}/p{subject[:2]}/p{subject}/s{study}/{dicom_id}.jpg"


def _count_splits(root: Path) -> dict[str, dict[str, int]]:
    """Counts images in each of the set's own splits, if the table is there."""
    path = _find(root, "split")
    if path is None:
        return {}
    rows = CsvTable(path, required=("split",)).filled_rows(("split",))
    splits = Counter(cells[0] for _, cells in rows if cells is not None)
    return {"own splits, not used": dict(splits)}


def _names(kind: str) -> tuple[str, str]:
    return f"mimic-cxr-*-{kind}.csv.gz", f"mimic-cxr-*-{kind}.csv"


def _find(root: Path, kind: str) -> Path | None:
    """Finds the table of a kind, gzipped or not."""
    found = [path for name in _names(kind) for path in sorted(root.glob(name))]
    return found[0] if found else None


def _table(root: Path, kind: str) -> Path:
    return _find(root, kind) or root / f"mimic-cxr-2.0.0-{kind}.csv.gz"


def _root(config: MimicCxrJpgConfig) -> Path:
    return find_root(config.path, "mimic_cxr_jpg", _names("metadata"))


def digest(config: MimicCxrJpgConfig) -> str | None:
    """Identifies the tables by their bytes; None if one is away.

    The images are not read: that would take minutes at every launch.
    """
    try:
        root = _root(config)
    except StudyError:
        return None
    return digest_files(_table(root, kind) for kind in ("metadata", config.labeler))


SOURCE = Source(
    MimicCxrJpgConfig, list_images, digest, labels=lambda config: CHEST, has_tables=True
)
