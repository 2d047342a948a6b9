"""RSNA Intracranial Hemorrhage Detection (Kaggle 2019; Flanders et al. 2020): head CT.

stage_2_train.csv has six rows for each slice (`ID_000012eaf_epidural,0`), the slice is
stage_2_train/ID_000012eaf.dcm, and its patient is told by the DICOM header alone. The
column "any" is replaced by "no finding", as the paper's authors do.
"""

import dataclasses
import os
from collections import Counter
from pathlib import Path, PurePath
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import UInt8

from synthjax.core.errors import ConfigError, StudyError
from synthjax.data.header_index import index_headers
from synthjax.data.listing import Context, Listing, make_rows
from synthjax.data.problems import Problems
from synthjax.data.sources.findings import BRAIN, HAEMORRHAGES
from synthjax.data.sources.tree import ReadFile, digest_files, find_root
from synthjax.data.tables import Table

COLUMNS = (*HAEMORRHAGES, "any")  # of the table, in the order of its rows
_PLACES = {name: place for place, name in enumerate(COLUMNS)}
_STATED = {"0": 0, "1": 1}
_ABSENT, _FAULTY = 2, 3  # beside 0 and 1: no row yet; reported, to be left out
_REMEDY = (
    "It comes with the download of the competition; config.data.rsna_ich.labels_csv "
    "says its name."
)
_FIX = "correct the table, or download it again"
_SUFFIX = ".dcm"


@dataclasses.dataclass(frozen=True)
class RsnaIchConfig:
    """Where the haemorrhage set is."""

    path: str = ""  # the folder with the table and the slices, or the one around it
    labels_csv: str = "stage_2_train.csv"  # the table, relative to the folder
    images: str = "stage_2_train"  # the folder of DICOM files, relative to the folder
    index: str = ""  # parquet file of the headers, for studies to share; empty: own

    def __post_init__(self) -> None:
        for name in ("labels_csv", "images"):
            file = PurePath(getattr(self, name))
            if not file.parts or file.is_absolute() or ".." in file.parts:
                raise ConfigError(
                    f"{name}={str(file)!r}: must be a name inside the folder"
                )


class _Slices(NamedTuple):
    """The table, one slice per row."""

    numbers: dict[str, int]  # id -> its row, in the order of the file
    stated: UInt8[np.ndarray, "n 6"]  # in the order of COLUMNS: 0, 1, absent, faulty


def list_images(config: RsnaIchConfig, context: Context) -> Listing:
    """The slices of the table, in its order; only headers of images are opened.

    Ids are ID_000012eaf; patient, study, age and sex are those of the headers, which
    are indexed once (`header_index`). Rows that repeat an earlier one are merged and
    counted.

    Raises:
        StudyError: the folder, the table or a column is missing; and as the policy
            says: rows that are malformed, contradict each other or are missing, "any"
            that contradicts the five types, a slice without its file or a file without
            its rows, a header that cannot be read or names no patient.
    """
    root, problems = _root(config), context.problems
    facts: Counter[str] = Counter()
    slices = _read_table(root / config.labels_csv, problems, facts)
    files = _find_files(root, config.images, facts)
    listed = _join(slices, files, config, problems)
    total = len(slices.numbers.keys() | files.keys())
    problems.settle(total)  # before the headers, which take long
    index = Path(config.index).expanduser() if config.index else None
    headers = index_headers(
        root,
        list(files.values()),
        index or context.prepared / "headers.parquet",
        context.workers,
    )
    headers = _usable(headers, files, listed, problems)
    problems.settle(total)
    if not headers.num_rows:
        raise StudyError(f"{root / config.labels_csv} has no slice that can be used.")
    ids = headers["id"].to_pylist()
    numbers = [slices.numbers[identity] for identity in ids]
    types = slices.stated[numbers, : len(HAEMORRHAGES)].astype(np.float32)
    return Listing(
        name="rsna_ich",
        labels=BRAIN,
        rows=make_rows(
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
        facts={**facts, "slices listed": headers.num_rows},
    )


def digest(config: RsnaIchConfig) -> str | None:
    """Identifies the table by its bytes; None if it is away."""
    try:
        return digest_files([_root(config) / config.labels_csv])
    except StudyError:
        return None


def _root(config: RsnaIchConfig) -> Path:
    return find_root(config.path, "rsna_ich", [config.labels_csv])


def _read_table(path: Path, problems: Problems, facts: Counter[str]) -> _Slices:
    """Six rows per slice, joined; what is wrong with a row goes to the problems."""
    table = Table(path, required=("ID", "Label"), remedy=_REMEDY)
    numbers: dict[str, int] = {}
    stated = bytearray()
    unset = bytes([_ABSENT]) * len(COLUMNS)
    rows = merged = 0
    for line, cells in table.rows(("ID", "Label")):
        rows += 1
        name, value = cells or ("", "")
        identity, _, kind = name.rpartition("_")
        if not identity or kind not in _PLACES:
            what = f"the ID {name!r} does not end in one of {', '.join(COLUMNS)}"
            if cells is None:
                what = "it has not as many cells as the header"
            problems.add(
                "row malformed", f"row {line} of {path.name}", f"{what}; {_FIX}"
            )
            continue
        number = numbers.setdefault(identity, len(numbers))
        place = number * len(COLUMNS) + _PLACES[kind]
        if place >= len(stated):
            stated += unset
        state, earlier = _STATED.get(value, _FAULTY), stated[place]
        if state == earlier != _FAULTY:
            merged += 1
            continue
        stated[place] = state if earlier == _ABSENT else _FAULTY
        if state == _FAULTY:
            problems.add(
                "label unknown",
                f"row {line} of {path.name}",
                f"the label of {name} is {value!r}; it must be 0 or 1",
            )
        elif earlier != _ABSENT:
            problems.add(
                "labels contradict",
                f"row {line} of {path.name}",
                f"{name} is {value} here and was not in an earlier row; keep one",
            )
    if not rows:
        raise StudyError(f"{path} has a header but no rows. {_REMEDY}")
    facts.update({"rows of the table": rows, "rows merged with an equal one": merged})
    return _Slices(
        numbers, np.frombuffer(bytes(stated), np.uint8).reshape(-1, len(COLUMNS))
    )


def _find_files(root: Path, images: str, facts: Counter[str]) -> dict[str, str]:
    """Id -> DICOM file relative to the root, sorted."""
    folder = root / images
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_file())
    except OSError as error:
        raise StudyError(
            f"{folder} cannot be looked at ({error.strerror}); unpack the slices there, "
            "or set config.data.rsna_ich.images."
        ) from None
    found = {
        name.removesuffix(_SUFFIX): f"{images}/{name}"
        for name in names
        if name.endswith(_SUFFIX)
    }
    if not found:
        raise StudyError(
            f"{folder} has no {_SUFFIX} files; unpack the slices there, or set "
            "config.data.rsna_ich.images."
        )
    facts["files that are no slices"] = len(names) - len(found)
    return found


def _join(
    slices: _Slices, files: dict[str, str], config: RsnaIchConfig, problems: Problems
) -> list[str]:
    """Ids, in the order of the table, that are complete and have a file."""
    stated, where = slices.stated, f"in {config.labels_csv}"
    absent = (stated == _ABSENT).any(axis=1).tolist()
    faulty = (stated == _FAULTY).any(axis=1).tolist()
    contradicts = (stated[:, -1] != stated[:, :-1].max(axis=1)).tolist()
    listed = []
    for identity, number in slices.numbers.items():
        if absent[number]:
            lacking = ", ".join(np.array(COLUMNS)[stated[number] == _ABSENT])
            problems.add(
                "rows missing",
                f"{identity} {where}",
                f"it has no row for {lacking}; {_FIX}",
            )
        elif faulty[number]:
            continue  # its row is reported
        elif contradicts[number]:
            problems.add(
                "any contradicts",
                f"{identity} {where}",
                f"its 'any' is {stated[number, -1]}, but the five types say otherwise; "
                "correct one of them",
            )
        elif identity not in files:
            problems.add(
                "file missing",
                f"{identity} {where}",
                f"{identity}{_SUFFIX} does not exist in {config.images}; add it",
            )
        else:
            listed.append(identity)
    for identity in files.keys() - slices.numbers.keys():
        problems.add(
            "row missing",
            files[identity],
            f"{config.labels_csv} has no rows for it; add them or remove the file",
        )
    return listed


def _usable(
    headers: pa.Table, files: dict[str, str], listed: list[str], problems: Problems
) -> pa.Table:
    """The headers of the listed slices that can be used, in that order, with ids."""
    rows = {identity: row for row, identity in enumerate(files)}
    headers = headers.take([rows[identity] for identity in listed])
    headers = headers.append_column("id", pa.array(listed, pa.string()))
    named = pc.not_equal(headers["patient_id"], "")
    whole = pc.equal(headers["error"], "")
    for row in headers.filter(pc.invert(whole)).to_pylist():
        problems.add("file unusable", row["file"], row["error"])
    for row in headers.filter(pc.and_(whole, pc.invert(named))).to_pylist():
        problems.add(
            "patient missing",
            row["file"],
            "its header has no PatientID, so it cannot be dealt to a split; write it "
            "there, or remove the slice",
        )
    return headers.filter(pc.and_(whole, named))
