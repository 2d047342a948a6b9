"""The headers of a folder of DICOM files as one table, made once and kept as parquet.

Hundreds of thousands of headers take many minutes from a hospital's disk. They are read
in processes and kept in parts, so that a run that is killed loses a part at the most,
and several studies can share the finished table.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydicom.dataset import Dataset

from synthjax.core.clock import progress, say
from synthjax.core.errors import StudyError
from synthjax.core.files import write_atomic
from synthjax.data.images.dicom import read_header, says_burned_in
from synthjax.data.images.dicom_display import is_shown_by_all
from synthjax.data.parallel import INLINE, ordered_map, processes_for
from synthjax.data.problems import BadImageError
from synthjax.data.sources.attributes import ODD_AGES, ODD_SEXES, known_age, known_sex

SCHEMA = pa.schema(
    [
        ("file", pa.string()),  # relative to the folder
        ("patient_id", pa.string()),
        ("study_id", pa.string()),  # a digest of its UID, "" = unknown
        ("rows", pa.int32()),  # 0 = unknown, as below
        ("columns", pa.int32()),
        ("bits_stored", pa.int32()),
        ("photometric", pa.string()),
        ("age", pa.float32()),  # years, NaN = unknown
        ("odd_age", pa.bool_()),  # unknown because the text is not an age
        ("sex", pa.string()),  # F, M, "" = unknown
        ("odd_sex", pa.bool_()),
        ("view", pa.string()),
        ("burned_in", pa.bool_()),  # it says that there is text in its pixels
        ("doubtful", pa.bool_()),  # some configs of pixels cannot show it
        ("error", pa.string()),  # why the file cannot be used, "" = it can
    ]
)
PART = 4000  # files whose headers a kill loses at the most
BATCH = 100  # files that one process reads at a time
_VERSION = "3"  # of the columns; another makes every index anew
_DIGEST = b"synthjax_files"  # key in the metadata of the finished table


def index_headers(
    root: Path,
    files: Sequence[str],
    target: Path,
    workers: int = 0,
    *,
    part: int = PART,
    batch: int = BATCH,
    inline: int = INLINE,
) -> pa.Table:
    """Returns the header of each file, read from `target` or else from the files.

    What is read from the files is kept in `target`.

    `target` remembers the names, sizes and times of its files; if they have changed,
    the headers are read anew. Parts that an earlier run finished are not read again. Of
    several studies that want the same table, one makes it and the others wait.

    Args:
        root: the folder.
        files: DICOM files relative to it.
        target: the parquet file.
        workers: processes (0 = all cores).
        part: files whose headers a kill loses at the most.
        batch: files that a process reads at a time.
        inline: up to so many files are read in this process.

    Returns:
        A row of `SCHEMA` for each file, in their order; a file that cannot be used has
        its reason in `error`.

    Raises:
        StudyError: a file has gone, or `target` cannot be written.
    """
    states = _states(root, files)
    digest = _digest(zip(files, states, strict=True))
    known = _read_if(target, digest)
    if known is not None:
        return known
    parts = target.with_name(f"{target.name}.parts")
    try:
        with _alone_in(parts):
            table = _read_if(target, digest)  # made while this study waited
            if table is None:
                planned = _plan_parts(files, states, parts, part)
                _finish_parts(root, planned, batch, workers, inline)
                finished = [_read(path) for _, path in planned]
                table = pa.concat_tables([SCHEMA.empty_table(), *finished])
                _write(target, table.replace_schema_metadata({_DIGEST: digest}))
            shutil.rmtree(parts, ignore_errors=True)
    except OSError as error:
        raise StudyError(
            f"the index of headers {target} cannot be written: {error}."
        ) from error
    return table


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Makes the folder, waits until no other process is in it, and yields."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except FileNotFoundError:
            continue  # the other is done, and has removed it
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"another study reads the headers into {folder}; waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            if _is_still(folder, lock):
                yield
                return
        finally:
            os.close(lock)


def _is_still(folder: Path, descriptor: int) -> bool:
    """Whether an open folder is still the one of that name; others remove it."""
    try:
        return os.path.samestat(os.stat(folder), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _plan_parts(
    files: Sequence[str],
    states: Sequence[tuple[int, int]],
    folder: Path,
    part: int,
) -> list[tuple[Sequence[str], Path]]:
    """Returns the files of each part, and where their headers are kept."""
    planned = []
    for start in range(0, len(files), part):
        members = files[start : start + part]
        named = zip(members, states[start : start + part], strict=True)
        planned.append((members, folder / f"{_digest(named)}.parquet"))
    return planned


def _finish_parts(
    root: Path,
    planned: Sequence[tuple[Sequence[str], Path]],
    batch: int,
    workers: int,
    inline: int,
) -> None:
    """Reads the headers of the parts that are not there yet, and keeps them."""
    missing = [(members, path) for members, path in planned if not path.exists()]
    total = sum(len(members) for members, _ in planned)
    left = sum(len(members) for members, _ in missing)
    if left < total:
        say(f"headers of {total - left} files are known from an earlier run")
    bar: progress = progress(
        total=total, done=total - left, desc="headers", unit="files"
    )
    batches = (
        (root, members[start : start + batch])
        for members, _ in missing
        for start in range(0, len(members), batch)
    )
    results = ordered_map(
        _read_batch,
        batches,
        processes_for(left, workers, inline),
        processes=True,
        describe=lambda task: str(task[0] / task[1][0]),
    )
    try:
        for members, path in missing:
            rows: list[dict[str, Any]] = []
            while len(rows) < len(members):
                more = next(results)
                rows += more
                bar.update(len(more))
            _write(path, pa.Table.from_pylist(rows, SCHEMA))
    finally:
        results.close()
        bar.close()


def _read_batch(batch: tuple[Path, Sequence[str]]) -> list[dict[str, Any]]:
    root, files = batch
    return [read_row(root, file) for file in files]


def read_row(root: Path, file: str) -> dict[str, Any]:
    """Returns the row of `SCHEMA` of one file."""
    try:
        header, fault = read_header(root / file)
    except BadImageError as error:
        header, fault = Dataset(), error.what
    doubtful = bool(fault) or not is_shown_by_all(header)
    return {"file": file, **_values(header), "doubtful": doubtful, "error": fault}


def _values(header: Dataset) -> dict[str, Any]:
    def text(keyword: str) -> str:
        value = header.get(keyword)
        return "" if value is None else str(value).strip()

    def number(keyword: str) -> int:
        value = header.get(keyword)
        return int(value) if isinstance(value, int) else 0

    odd: Counter[str] = Counter()
    age = known_age(text("PatientAge"), odd)
    sex = known_sex(text("PatientSex"), odd)
    return {
        "patient_id": text("PatientID"),
        "study_id": digest_uid(text("StudyInstanceUID")),
        "rows": number("Rows"),
        "columns": number("Columns"),
        "bits_stored": number("BitsStored"),
        "photometric": text("PhotometricInterpretation"),
        "age": age,
        "odd_age": odd[ODD_AGES] > 0,
        "sex": sex,
        "odd_sex": odd[ODD_SEXES] > 0,
        "view": text("ViewPosition"),
        "burned_in": says_burned_in(header),
    }


def digest_uid(uid: str) -> str:
    """Returns a short name in place of a DICOM UID, "" for none.

    A UID leads back to the hospital, and often to the device and the second.
    """
    return hashlib.sha256(uid.encode()).hexdigest()[:16] if uid else ""


def _states(root: Path, files: Sequence[str]) -> list[tuple[int, int]]:
    """Returns size and time of the last change (ns) of each file."""
    folder = os.fspath(root)  # a Path for each would take ten times as long
    try:
        found = (os.stat(os.path.join(folder, file)) for file in files)
        return [(state.st_size, state.st_mtime_ns) for state in found]
    except OSError as error:
        raise StudyError(
            f"{error.filename} cannot be opened ({error.strerror}); start again when "
            "the folder is complete."
        ) from None


def _digest(named: Iterable[tuple[str, tuple[int, int]]]) -> str:
    """Digests names, sizes and times, and the version of the columns."""
    hasher = hashlib.sha256(_VERSION.encode())
    for file, (size, changed) in named:
        line = f"{file}\0{size} {changed}\n"
        hasher.update(line.encode(errors="surrogateescape"))
    return hasher.hexdigest()[:24]


def _read_if(target: Path, digest: str) -> pa.Table | None:
    """Returns the finished table of these files; None if there is no such table."""
    try:
        metadata = pq.read_schema(target).metadata or {}
        if metadata.get(_DIGEST) != digest.encode():
            return None
        return _read(target).replace_schema_metadata(None)
    except (OSError, pa.ArrowException):
        return None


def _read(path: Path) -> pa.Table:
    """Reads a table as it was written, even in a folder that is called a=b."""
    return pq.read_table(path, partitioning=None)


def _write(path: Path, table: pa.Table) -> None:
    """Writes atomically, so that a part that is there is whole."""
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer)
    write_atomic(path, buffer.getvalue().to_pybytes())
