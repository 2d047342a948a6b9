"""RSNA Intracranial Hemorrhage Detection (Kaggle 2019; Flanders et al. 2020): head CT.

stage_2_train.csv has six rows for each slice (`ID_000012eaf_epidural,0`), the slice is
stage_2_train/ID_000012eaf.dcm, and its patient is in the DICOM header alone. The
column "any" is replaced by "no finding", as the paper's authors do.
"""

import dataclasses
from collections import Counter
from pathlib import Path, PurePath

import numpy as np
import pyarrow as pa

from synthjax.core.config import Config, field
from synthjax.core.errors import ConfigError, StudyError
from synthjax.core.findings import BRAIN, HAEMORRHAGES
from synthjax.data.listing import Context, Listing, make_metadata
from synthjax.data.problems import (
    FILE_MISSING,
    FILE_NAME,
    ROW_MISSING,
    ROWS_CONTRADICT,
    Problems,
)
from synthjax.data.sources.attributes import ODD_AGES, ODD_SEXES
from synthjax.data.sources.dicom_patients import check_patients, header_file
from synthjax.data.sources.header_index import index_headers
from synthjax.data.sources.ignored import IgnoredFiles, printable
from synthjax.data.sources.rsna_ich_table import (
    ABSENT,
    COLUMNS,
    FAULTY,
    FIX,
    SliceTable,
    read_table,
)
from synthjax.data.sources.set_folder import digest_files, find_root
from synthjax.data.sources.source import Source
from synthjax.data.sources.tree import Fault, ReadFile, Tree

_INCOMPLETE = "rows incomplete"  # kind of problem: a slice without all of its rows
_SUFFIX = ".dcm"


@dataclasses.dataclass(frozen=True)
class RsnaIchConfig(Config):
    """Where the haemorrhage set is."""

    path: str = field(
        "",
        "the folder with the table and the slices, or the folder around it",
        is_place=True,
    )
    labels_csv: str = field(
        "stage_2_train.csv",
        "the table of labels, relative to the folder",
        is_place=True,
    )
    images: str = field(
        "stage_2_train",
        "the folder of DICOM files, relative to the folder",
        is_place=True,
    )
    index: str = field(
        "",
        "parquet file of the headers, for studies to share; empty: one for each study",
        is_place=True,
        affects_result=False,
    )

    def check(self) -> None:
        """Raises ConfigError for a name that leaves the folder."""
        for name in ("labels_csv", "images"):
            file = PurePath(getattr(self, name))
            if not file.parts or file.is_absolute() or ".." in file.parts:
                raise ConfigError(
                    f"{name}={str(file)!r}: must be a name inside the folder"
                )


def list_images(config: RsnaIchConfig, context: Context) -> Listing:
    """Lists the slices of the table, in its order; only headers of images are opened.

    Ids are ID_000012eaf; patient, study, age and sex are those of the headers, which
    are indexed once (`header_index`); an odd age or sex is unknown and counted. Rows
    that repeat an earlier one are merged and counted.

    Raises:
        StudyError: the folder, the table or a column is missing; and as the policy
            says: rows that are malformed, contradict each other or are missing, "any"
            that contradicts the five types, a slice without its file or a file without
            its rows, a link out of the folder, a header that cannot be read or names no
            patient, or one by a person's name.
    """
    root, problems = _root(config), context.problems
    facts: Counter[str] = Counter()
    slices = read_table(root / config.labels_csv, problems, facts)
    files, faults, ignored = _find_files(root, config.images)
    listed = _join(slices, files, faults, config, problems)
    total = len(slices.place.keys() | files.keys() | faults.keys())
    problems.settle(total)  # before the headers, which take long
    headers = index_headers(
        root,
        list(files.values()),
        header_index(config, context.prepared),
        context.workers,
    )
    headers = _usable(headers, files, listed, problems)
    problems.settle(total)
    if not headers.num_rows:
        raise StudyError(f"{root / config.labels_csv} has no slice that can be used.")
    facts[ODD_AGES] = sum(headers["odd_age"].to_pylist())
    facts[ODD_SEXES] = sum(headers["odd_sex"].to_pylist())
    ids = headers["id"].to_pylist()
    indices = [slices.place[identity] for identity in ids]
    types = slices.stated[indices, : len(HAEMORRHAGES)].astype(np.float32)
    return Listing(
        name="rsna_ich",
        labels=BRAIN,
        metadata=make_metadata(
            id=ids,
            label=np.column_stack([types, types.max(axis=1) == 0]),
            patient_id=headers["patient_id"].to_pylist(),
            study_id=headers["study_id"].to_pylist(),
            age=headers["age"].to_numpy(),
            sex=headers["sex"].to_pylist(),
            origin=headers["file"].to_pylist(),
        ),
        read=ReadFile(root, context.pixels),
        root=root,
        facts={**facts, **ignored.facts(), "slices listed": headers.num_rows},
    )


def header_index(config: RsnaIchConfig, prepared: Path) -> Path:
    """Returns where the index of the headers is kept."""
    if config.index:
        return Path(config.index).expanduser()
    return header_file(prepared)


def digest(config: RsnaIchConfig) -> str | None:
    """Identifies the table by its bytes; None if it is away.

    Not the slices: to read 750,000 files would take minutes at every launch.
    """
    try:
        return digest_files([_root(config) / config.labels_csv])
    except StudyError:
        return None


def _root(config: RsnaIchConfig) -> Path:
    return find_root(config.path, "rsna_ich", [config.labels_csv])


def _find_files(
    root: Path, images: str
) -> tuple[dict[str, str], dict[str, Fault], IgnoredFiles]:
    """Finds the DICOM files of the slices, by id, relative to the root.

    Returns:
        The files; what is wrong with those of other ids; what is not looked into.
    """
    if not (root / images).is_dir():
        raise StudyError(
            f"{root / images} is not a folder; unpack the slices there, or set "
            "config.data.rsna_ich.images."
        )
    tree, ignored = Tree(root), IgnoredFiles()
    found: dict[str, str] = {}
    faults: dict[str, Fault] = {}
    for file in tree.walk(ignored, images, deep=False):
        name = PurePath(file)
        if name.suffix.lower() != _SUFFIX:
            ignored.others.append(file)
            continue
        if name.stem in faults:
            continue  # a third of one slice
        located = tree.locate(file)
        if isinstance(located, Fault):
            faults[name.stem] = located
        elif printable(file) != file:
            what = f"the name of {printable(file)} is not UTF-8; rename it"
            faults[name.stem] = Fault(FILE_NAME, what)
        elif name.stem in found:
            what = f"{found.pop(name.stem)} and {file} are of one slice; remove one"
            faults[name.stem] = Fault(FILE_NAME, what)
        else:
            found[name.stem] = file
    if not found and not faults:
        raise StudyError(
            f"{root / images} has no {_SUFFIX} files; unpack the slices there, or set "
            "config.data.rsna_ich.images."
        )
    return found, faults, ignored


def _join(
    slices: SliceTable,
    files: dict[str, str],
    faults: dict[str, Fault],
    config: RsnaIchConfig,
    problems: Problems,
) -> list[str]:
    """Returns the ids, in the order of the table, that are complete and have a file."""
    stated, where = slices.stated, f"in {config.labels_csv}"
    absent = (stated == ABSENT).any(axis=1).tolist()
    faulty = (stated == FAULTY).any(axis=1).tolist()
    contradicts = (stated[:, -1] != stated[:, :-1].max(axis=1)).tolist()
    listed = []
    for identity, index in slices.place.items():
        if absent[index]:
            lacking = ", ".join(np.array(COLUMNS)[stated[index] == ABSENT])
            what = f"it has no row for {lacking}; {FIX}"
            images = int(not faulty[index])
            problems.add(_INCOMPLETE, f"{identity} {where}", what, images)
        elif faulty[index]:
            continue  # its row is reported
        elif contradicts[index]:
            what = (
                f"its 'any' is {stated[index, -1]}, but the five types say otherwise; "
                "correct one of them"
            )
            problems.add(ROWS_CONTRADICT, f"{identity} {where}", what)
        elif identity in faults:
            problems.add(
                faults[identity].kind, f"{identity} {where}", faults[identity].what
            )
        elif identity not in files:
            what = f"{identity}{_SUFFIX} does not exist in {config.images}; add it"
            problems.add(FILE_MISSING, f"{identity} {where}", what)
        else:
            listed.append(identity)
    what = f"{config.labels_csv} has no rows for it; add them or remove the file"
    for identity, file in files.items():
        if identity not in slices.place:
            problems.add(ROW_MISSING, file, what)
    for identity, fault in faults.items():
        if identity not in slices.place:
            problems.add(
                fault.kind, f"{printable(identity)} in {config.images}", fault.what
            )
    return listed


def _usable(
    headers: pa.Table, files: dict[str, str], listed: list[str], problems: Problems
) -> pa.Table:
    """Returns the headers of the listed slices that can be used, with their ids."""
    place = {identity: index for index, identity in enumerate(files)}
    order = pa.array([place[identity] for identity in listed], pa.int64())
    headers = headers.take(order).append_column("id", pa.array(listed, pa.string()))
    return headers.filter(check_patients(headers, problems, "or remove the slice"))


SOURCE = Source(
    RsnaIchConfig,
    list_images,
    digest,
    labels=lambda config: BRAIN,
    header_index=header_index,
)
