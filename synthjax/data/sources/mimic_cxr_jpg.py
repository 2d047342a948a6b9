"""MIMIC-CXR-JPG: 377,110 chest radiographs of 227,835 studies (Johnson et al. 2019).

The tables mimic-cxr-2.0.0-metadata.csv.gz (one row for each image) and
mimic-cxr-2.0.0-chexpert.csv.gz (one for each study; its labels are those of all of its
images) are joined by subject and study; images are
files/p10/p10000032/s50414267/<dicom_id>.jpg. The tables may be unpacked to .csv. The
split table is counted, not used: a study is split anew by patient. Dates and times are
not read. Age and sex are not part of this set.
"""

import dataclasses
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from synthjax.core.errors import ConfigError, StudyError
from synthjax.data.listing import Context, Listing, make_rows
from synthjax.data.problems import Problems
from synthjax.data.sources.findings import CHEST
from synthjax.data.sources.tree import ReadFile, Tree, digest_files, find_root
from synthjax.data.sources.uncertainty import (
    ReportLabelsConfig,
    parse_stated,
    resolve,
)
from synthjax.data.tables import Table

_FRONTAL = ("AP", "PA")
_MALFORMED = "it has not as many cells as the header; correct commas and quotes"
_REMEDY = "It comes with the download of MIMIC-CXR-JPG, as .csv.gz or unpacked to .csv."


@dataclasses.dataclass(frozen=True)
class MimicCxrJpgConfig(ReportLabelsConfig):
    """Which images of MIMIC-CXR-JPG, and what their labels count as."""

    path: str = ""  # the set's folder, or the folder around it
    labeler: str = "chexpert"  # whose labels: chexpert or negbio
    views: str = "frontal"  # frontal: AP and PA; all

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.labeler not in ("chexpert", "negbio"):
            raise ConfigError(f"labeler={self.labeler!r}: must be chexpert or negbio")
        if self.views not in ("frontal", "all"):
            raise ConfigError(f"views={self.views!r}: must be frontal or all")


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
        """Relative to the folder."""
        group, subject = f"p{self.subject[:2]}", f"p{self.subject}"
        return f"files/{group}/{subject}/s{self.study}/{self.dicom_id}.jpg"


def list_images(config: MimicCxrJpgConfig, context: Context) -> Listing:
    """The radiographs of the metadata, in their order; no image is opened.

    Ids are DICOM ids, patients p10000032, studies s50414267. Images of studies without
    labels, other views and rows that agree with an earlier one are left out and
    counted.

    Raises:
        StudyError: the folder, a table or a column is missing; problems in rows (a
            label that is not 1, 0, -1 or blank, rows that disagree, a missing file), as
            the policy says.
    """
    root = _root(config)
    counts: Counter[str] = Counter()
    problems = context.problems
    studies = _read_studies(_table(root, config.labeler), problems)
    images = _read_images(config, _table(root, "metadata"), studies, problems, counts)
    stated = np.array([image.stated for image in images], np.float32)
    label, kept, facts = resolve(config, stated.reshape(-1, len(CHEST)))
    images = [image for image, keep in zip(images, kept, strict=True) if keep]
    files = [image.file for image in images]
    found = Tree(root).present(files, lambda i: images[i].where, problems)
    label = label[kept][found]
    images = [image for image, keep in zip(images, found, strict=True) if keep]
    problems.settle(counts["rows"])
    if not images:
        raise StudyError(
            f"no image of {root} is left of {counts['rows']} rows: {dict(counts)} "
            f"{facts}; look at config.data.mimic_cxr_jpg."
        )
    return Listing(
        name="mimic_cxr_jpg",
        labels=CHEST,
        rows=make_rows(
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
            **_count_splits(root),
        },
    )


def _read_studies(
    path: Path, problems: Problems
) -> dict[tuple[str, str], tuple[float, ...] | None]:
    """(subject, study) -> 14 labels as stated; None where they cannot be used."""
    studies: dict[tuple[str, str], tuple[float, ...] | None] = {}
    table = Table(path, required=("subject_id", "study_id", *CHEST), remedy=_REMEDY)
    for line, cells in table.rows(("subject_id", "study_id", *CHEST)):
        where = f"row {line} of {path.name}"
        if cells is None:
            problems.add("malformed row", where, _MALFORMED)
            continue
        subject, study, *texts = cells
        stated = parse_stated(texts)
        if isinstance(stated, str):
            problems.add("odd label", where, f"of the study {study!r} {stated}")
            studies[subject, study] = None
            continue
        known = studies.setdefault((subject, study), stated)
        if known is not None and str(known) != str(stated):  # NaN equals no NaN
            what = f"the study {study!r} comes twice, with other labels; keep one row"
            problems.add("contradicting rows", where, what)
            studies[subject, study] = None
    return studies


def _read_images(
    config: MimicCxrJpgConfig,
    path: Path,
    studies: dict[tuple[str, str], tuple[float, ...] | None],
    problems: Problems,
    counts: Counter[str],
) -> list[_Image]:
    """The images of the metadata that have labels; the rest is counted or a problem."""
    lateral, unlabelled = "left out: other views", "left out: study without labels"
    same, faulty = "left out: same row", "left out: study with faulty labels"
    counts.update(dict.fromkeys(("rows", lateral, unlabelled, same, faulty), 0))
    images: dict[str, _Image] = {}
    columns = ("dicom_id", "subject_id", "study_id", "ViewPosition")
    table = Table(path, required=columns, remedy=_REMEDY)
    for line, cells in table.rows(columns):
        counts["rows"] += 1
        where = f"row {line} of {path.name}"
        if cells is None:
            problems.add("malformed row", where, _MALFORMED)
            continue
        dicom_id, subject, study, view = cells
        if not (subject.isdecimal() and study.isdecimal() and dicom_id):
            what = f"{cells[:3]} must be an id and two numbers; correct the row"
            problems.add("odd id", where, what)
        elif config.views == "frontal" and view not in _FRONTAL:
            counts[lateral] += 1
        elif (subject, study) not in studies:
            counts[unlabelled] += 1
        elif (stated := studies[subject, study]) is None:
            counts[faulty] += 1
        else:
            image = _Image(where, dicom_id, subject, study, view, stated)
            first = images.setdefault(dicom_id, image)
            if first is image:
                continue
            if first[1:5] == image[1:5]:
                counts[same] += 1
            else:
                what = f"{dicom_id!r} is also in {first.where}, with other values"
                problems.add("contradicting rows", where, f"{what}; keep one row")
    return list(images.values())


def _count_splits(root: Path) -> dict[str, dict[str, int]]:
    """Images in each of the set's own splits, if the table is there."""
    path = _find(root, "split")
    if path is None:
        return {}
    rows = Table(path, required=("split",)).rows(("split",))
    splits = Counter(cells[0] for _, cells in rows if cells is not None)
    return {"own splits, not used": dict(splits)}


def _names(kind: str) -> tuple[str, str]:
    return f"mimic-cxr-*-{kind}.csv.gz", f"mimic-cxr-*-{kind}.csv"


def _find(root: Path, kind: str) -> Path | None:
    """The table of a kind, gzipped or not."""
    found = [path for name in _names(kind) for path in sorted(root.glob(name))]
    return found[0] if found else None


def _table(root: Path, kind: str) -> Path:
    return _find(root, kind) or root / f"mimic-cxr-2.0.0-{kind}.csv.gz"


def _root(config: MimicCxrJpgConfig) -> Path:
    return find_root(config.path, "mimic_cxr_jpg", _names("metadata"))


def digest(config: MimicCxrJpgConfig) -> str | None:
    """Identifies the tables by their bytes; None if one is away."""
    try:
        root = _root(config)
    except StudyError:
        return None
    return digest_files(_table(root, kind) for kind in ("metadata", config.labeler))
