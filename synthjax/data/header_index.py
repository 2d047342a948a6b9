"""The headers of a folder of DICOM files as one table, made once and kept as parquet.

Hundreds of thousands of headers take many minutes from a hospital's disk. They are read
in processes and kept in parts, so that a run that is killed loses a part at the most,
and several studies can share the finished table.
"""

import hashlib
import math
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydicom.dataset import Dataset

from synthjax.core.clock import progress, say
from synthjax.core.errors import StudyError
from synthjax.core.files import write_atomic
from synthjax.data.dicom import read_header
from synthjax.data.parallel import ordered_map, worker_count
from synthjax.data.problems import BadImageError
from synthjax.data.sources.attributes import parse_age, parse_sex

SCHEMA = pa.schema(
    [
        ("file", pa.string()),  # relative to the folder
        ("patient_id", pa.string()),
        ("study_id", pa.string()),
        ("sop_instance_uid", pa.string()),
        ("rows", pa.int32()),  # 0 = unknown, as below
        ("columns", pa.int32()),
        ("bits_stored", pa.int32()),
        ("photometric", pa.string()),
        ("syntax", pa.string()),  # UID of the transfer syntax
        ("age", pa.float32()),  # years, NaN = unknown
        ("sex", pa.string()),  # F, M, "" = unknown
        ("modality", pa.string()),
        ("view", pa.string()),
        ("has_pixels", pa.bool_()),  # pixel data of the right length are there
        ("error", pa.string()),  # why the file cannot be used, "" = it can
    ]
)
PART = 4000  # files whose headers a kill loses at the most
_BATCH = 100  # files that one process reads at a time
_FEW = 400  # files that are not worth the start of processes
_VERSION = "1"  # of the columns; another makes every index anew
_DIGEST = b"synthjax_files"  # key in the metadata of the finished table


def index_headers(
    root: Path, files: Sequence[str], target: Path, workers: int = 0
) -> pa.Table:
    """The header of each file, from `target` if it has them, else read and kept there.

    `target` remembers the names and sizes of its files; if they have changed, the
    headers are read anew. Parts that an earlier run finished are not read again.

    Args:
        root: the folder.
        files: DICOM files relative to it.
        target: the parquet file.
        workers: processes (0 = all cores).

    Returns:
        A row of `SCHEMA` for each file, in their order; a file that cannot be used has
        its reason in `error`.

    Raises:
        StudyError: a file has gone, or `target` cannot be written.
    """
    sizes = _sizes(root, files)
    digest = _digest(zip(files, sizes, strict=True))
    known = _read_if(target, digest)
    if known is not None:
        return known
    parts = target.with_name(f"{target.name}.parts")
    try:
        table = _from_parts(root, files, sizes, parts, workers)
        _write(target, table.replace_schema_metadata({_DIGEST: digest}))
        shutil.rmtree(parts, ignore_errors=True)
    except OSError as error:
        raise StudyError(
            f"the index of headers {target} cannot be written: {error}."
        ) from error
    return table


def _from_parts(
    root: Path, files: Sequence[str], sizes: Sequence[int], parts: Path, workers: int
) -> pa.Table:
    """Finishes the parts that are not there yet, and reads them all."""
    starts = range(0, len(files), PART)
    paths: list[Path] = []
    for start in starts:
        part = slice(start, start + PART)
        digest = _digest(zip(files[part], sizes[part], strict=True))
        paths.append(parts / f"{digest}.parquet")
    missing = [
        (files[start : start + PART], path)
        for start, path in zip(starts, paths, strict=True)
        if not path.exists()
    ]
    left = sum(len(members) for members, _ in missing)
    if left < len(files):
        say(f"headers of {len(files) - left} files are known from an earlier run")
    bar: progress = progress(
        total=len(files), done=len(files) - left, desc="headers", unit="files"
    )
    batches = (
        (root, members[start : start + _BATCH])
        for members, _ in missing
        for start in range(0, len(members), _BATCH)
    )
    count = 1 if left <= _FEW else worker_count(workers)
    results = ordered_map(_read_batch, batches, count, processes=True)
    try:
        for members, path in missing:
            rows: list[dict[str, Any]] = []
            while len(rows) < len(members):
                batch = next(results)
                rows += batch
                bar.update(len(batch))
            _write(path, pa.Table.from_pylist(rows, SCHEMA))
    finally:
        results.close()
        bar.close()
    return pa.concat_tables([SCHEMA.empty_table(), *map(_read, paths)])


def _read_batch(batch: tuple[Path, Sequence[str]]) -> list[dict[str, Any]]:
    root, files = batch
    return [read_row(root, file) for file in files]


def read_row(root: Path, file: str) -> dict[str, Any]:
    """One row of `SCHEMA`."""
    try:
        header, fault = read_header(root / file)
    except BadImageError as error:
        header, fault = Dataset(), str(error).replace(str(root / file), "it")
    return {"file": file, **_values(header), "has_pixels": not fault, "error": fault}


def _values(header: Dataset) -> dict[str, Any]:
    def text(keyword: str) -> str:
        value = header.get(keyword)
        return "" if value is None else str(value).strip()

    def number(keyword: str) -> int:
        value = header.get(keyword)
        return int(value) if isinstance(value, int) else 0

    age = parse_age(text("PatientAge"))
    syntax = header.file_meta.TransferSyntaxUID if hasattr(header, "file_meta") else ""
    return {
        "patient_id": text("PatientID"),
        "study_id": text("StudyInstanceUID"),
        "sop_instance_uid": text("SOPInstanceUID"),
        "rows": number("Rows"),
        "columns": number("Columns"),
        "bits_stored": number("BitsStored"),
        "photometric": text("PhotometricInterpretation"),
        "syntax": str(syntax),
        "age": math.nan if age is None else age,
        "sex": parse_sex(text("PatientSex")) or "",
        "modality": text("Modality"),
        "view": text("ViewPosition"),
    }


def _sizes(root: Path, files: Sequence[str]) -> list[int]:
    try:
        return [os.stat(root / file).st_size for file in files]
    except OSError as error:
        raise StudyError(
            f"{error.filename} cannot be opened ({error.strerror}); start again when "
            "the folder is complete."
        ) from None


def _digest(named: Iterable[tuple[str, int]]) -> str:
    """Of names and sizes, and of the columns' version."""
    hasher = hashlib.sha256(_VERSION.encode())
    for file, size in named:
        hasher.update(f"{file}\0{size}\n".encode(errors="surrogateescape"))
    return hasher.hexdigest()[:24]


def _read_if(target: Path, digest: str) -> pa.Table | None:
    """The finished table if it is of these files; what is no such table is none."""
    try:
        metadata = pq.read_schema(target).metadata or {}
        if metadata.get(_DIGEST) != digest.encode():
            return None
        return _read(target).replace_schema_metadata(None)
    except (OSError, pa.ArrowException):
        return None


def _read(path: Path) -> pa.Table:
    """As it was written, even in a folder that is called a=b."""
    return pq.read_table(path, partitioning=None)


def _write(path: Path, table: pa.Table) -> None:
    """Atomically: a part that is there is whole."""
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer)
    write_atomic(path, buffer.getvalue().to_pybytes())
