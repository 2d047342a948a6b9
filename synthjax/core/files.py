"""Files of this machine: opened without waiting, written whole or not at all.

Writing is by a temporary name, fsync and rename. A power loss, a full disk or another
tool may still leave a file empty, cut off or of noise, so reading goes through one
function that gives damage one name, whatever the parser raised.
"""

import contextlib
import errno
import io
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np

from synthjax.core.clock import say
from synthjax.core.errors import StudyError

T = TypeVar("T")
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_UNFINISHED = ".orbax-checkpoint-tmp"  # how Orbax names a checkpoint as it writes
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]+\.tmp")  # .<name>.<anything unique>.tmp

_KINDS = {  # of what is no regular file
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder",
}


class DamagedError(StudyError):
    """A file of state, or a checkpoint, does not hold what was written to it."""


def open_regular(
    path: Path | str, *, inside: Path | str | None = None, most: int | None = None
) -> io.BufferedReader:
    """Opens a regular file to read its bytes; links are followed.

    The one way to open what somebody else put into a folder: a named pipe in the place
    of a file would be waited for without end, and a device gives bytes without end.

    Args:
        inside: a folder that no link in it may lead out of.
        most: bytes that the file may have.

    Raises:
        OSError: it cannot be opened; `strerror` says why in words.
    """
    name = os.fspath(path)
    if inside is not None:
        real, root = os.path.realpath(name), os.path.realpath(inside)
        if _is_in(os.path.abspath(name), os.path.abspath(inside)) and not _is_in(
            real, root
        ):
            leads = os.path.relpath(real, root)
            words = f"it is a link to {leads}, outside of its folder; copy the file"
            raise OSError(errno.EXDEV, words, name)
    _require_regular(os.stat(name).st_mode, name)
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    file = os.fdopen(os.open(name, flags), "rb")
    try:
        found = os.fstat(file.fileno())
        _require_regular(found.st_mode, name)
        if most is not None and found.st_size > most:
            words = f"it has {found.st_size} bytes, more than {most}"
            raise OSError(errno.EFBIG, words, name)
    except OSError:
        file.close()
        raise
    return file


def _is_in(name: str, folder: str) -> bool:
    return name.startswith(folder.rstrip("/") + "/")


def _require_regular(mode: int, name: str) -> None:
    if not stat.S_ISREG(mode):
        kind = kind_of(mode)
        raise OSError(errno.EINVAL, f"it is {kind}, not a file", name)


def kind_of(mode: int) -> str:
    """Returns what a file that is no regular one is, in words."""
    return _KINDS.get(stat.S_IFMT(mode), "not a regular file")


def write_atomic(path: Path, content: bytes) -> None:
    """Writes `content` to `path`; a reader sees the old file or the new, never half."""
    with replacing(path) as file:
        file.write(content)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Yields a file that takes the place of `path` once all is written.

    Its folder is made if it is missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with open(os.open(temporary, _NEW, 0o666), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_names(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _sync_names(folder: Path) -> None:
    """Makes renames in a folder last through a power loss."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some network file systems do not know it
    finally:
        os.close(descriptor)


def is_temporary(name: str) -> bool:
    """Whether a file's name is one that `write_atomic` gives while it writes."""
    return _TEMPORARY.fullmatch(name) is not None


def remove_temporary(folder: Path) -> None:
    """Removes what killed writers left in a folder and below; nobody may be writing."""
    for path in list(folder.rglob(".*.tmp")):
        if is_temporary(path.name):
            path.unlink(missing_ok=True)
    for path in list(folder.rglob(f"*{_UNFINISHED}")):  # Orbax's own
        shutil.rmtree(path, ignore_errors=True)


def free_place(folder: Path, name: str) -> Path:
    """Returns the first of <name>-1, <name>-2, ... that is free in a folder.

    The folder is made if missing.
    """
    folder.mkdir(exist_ok=True)
    number = 1
    while (place := folder / f"{name}-{number}").exists():
        number += 1
    return place


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as strict JSON (NaN is an error: say null), indented."""
    text = json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False)
    write_atomic(path, (text + "\n").encode())


def read_state(path: Path, parse: Callable[[bytes], T], remedy: str) -> T:
    """Reads a file of state, whatever has become of it.

    Args:
      path: the file.
      parse: makes of the bytes what is returned; whatever it raises is damage.
      remedy: what to do about a damaged one, at the least loss; a clause.

    Raises:
      FileNotFoundError: there is no such file.
      DamagedError: it is there, but does not hold what was written.
    """
    content = b""
    try:
        with open_regular(path) as file:
            content = file.read()
        return parse(content)
    except (FileNotFoundError, PermissionError):
        raise
    except Exception as error:
        why = str(error).partition("\n")[0] or type(error).__name__
        empty = not content and not isinstance(error, OSError)
        what = "empty" if empty else f"damaged ({why})"
        raise DamagedError(f"{path} cannot be read, it is {what}: {remedy}") from error


def read_json(
    path: Path,
    *,
    remedy: str = "run the stage that writes it again",
    keys: Collection[str] = (),
) -> Any:
    """Reads a JSON file.

    Args:
      path: the file.
      remedy: what to do about a damaged one, at the least loss; a clause.
      keys: that it must have at its uppermost level; () is any content.

    Raises:
      FileNotFoundError: there is no such file.
      DamagedError: it is no JSON, or lacks a key.
    """

    def parse(content: bytes) -> Any:
        value = json.loads(content.decode("utf-8"))
        if keys:
            lacking = sorted(set(keys) - set(dict(value)))
            if lacking:
                raise ValueError(f"it lacks {', '.join(lacking)}")
        return value

    return read_state(path, parse, remedy)


def read_json_if_whole(path: Path, *, keys: Collection[str] = ()) -> Any:
    """Reads a JSON file that is soon made again; None, with a line, if it is damaged.

    Args:
      path: the file; None too if there is none.
      keys: that it must have at its uppermost level.
    """
    try:
        return read_json(path, remedy="what it says is made again", keys=keys)
    except FileNotFoundError:
        return None
    except DamagedError as error:
        say(str(error))
        return None


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """Reads JSON objects, one a line, up to the first line that is damaged."""
    found = []
    with open_regular(path) as file:
        lines = file.read().split(b"\n")
    for line in lines:
        try:
            found.append(dict(json.loads(line.decode("utf-8"))))
        except (ValueError, TypeError, RecursionError):
            break  # a kill or a power loss came in the middle of this line
    return found


def read_arrays(
    path: Path,
    check: Callable[[Mapping[str, np.ndarray]], T],
    *,
    remedy: str,
) -> T:
    """Reads an npz file.

    Args:
      path: the file.
      check: makes of the arrays what is returned; whatever it raises is damage.
      remedy: what to do about a damaged one, at the least loss; a clause.

    Raises:
      FileNotFoundError: there is no such file.
      DamagedError: it is no npz file, or not one that `check` accepts.
    """

    def parse(content: bytes) -> T:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            return check(file)

    return read_state(path, parse, remedy)
