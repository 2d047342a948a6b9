"""Files of this machine: opened without waiting, written whole or not at all."""

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

_KINDS = {  # of what is no regular file
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder",
}


def open_regular(
    path: Path | str, *, inside: Path | str | None = None, most: int | None = None
) -> BinaryIO:
    """Opens a regular file to read its bytes; links are followed.

    The one way to open what somebody else put into a folder: a named pipe in the place
    of a file would be waited for without end, and a device gives bytes without end.

    Args:
        inside: a folder that the file must be in, after links.
        most: bytes that the file may have.

    Raises:
        OSError: it cannot be opened; `strerror` says why in words.
    """
    name = os.fspath(path)
    if inside is not None:
        real, root = os.path.realpath(name), os.path.realpath(inside)
        if not real.startswith(root.rstrip("/") + "/"):
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


def _require_regular(mode: int, name: str) -> None:
    if not stat.S_ISREG(mode):
        kind = kind_of(mode)
        raise OSError(errno.EINVAL, f"it is {kind}, not a file", name)


def kind_of(mode: int) -> str:
    """Returns what a file that is no regular one is, in words."""
    return _KINDS.get(stat.S_IFMT(mode), "not a regular file")


def write_atomic(path: Path, content: bytes) -> None:
    """Writes `content` to `path`; a reader sees the old file or the new, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as strict JSON (NaN is an error: say null), indented."""
    text = json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False)
    write_atomic(path, (text + "\n").encode())


def read_json(path: Path) -> Any:
    """Reads a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))
