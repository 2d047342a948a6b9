"""What a stage's directory holds: whether it is the stage's product, and which one.

The identity of what a stage hands on is its content: names, sizes and digests of the
files that other stages read. It is taken when the stage is done, kept in its stage.json,
and held against the directory whenever a stage reads it.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from synthjax.core.files import is_temporary
from synthjax.core.stages import Stage

# Files up to this size are read at each launch; larger ones if size or time differ.
_ALWAYS_READ = 16 * 2**20  # bytes

_CHECKPOINT = re.compile(r"(.*\b(?:checkpoints|best))/(\d+)/")

Files = dict[str, dict[str, Any]]  # path in the directory -> size, times, sha256


class Contents:
    """Looks at directories of stages; what it has read it remembers."""

    def __init__(self) -> None:
        self._seen: dict[tuple[Any, ...], str] = {}

    def look(self, directory: Path, stage: Stage, known: Files | None = None) -> Files:
        """Returns the files that the stage hands on, as they are now.

        Args:
          directory: of the stage.
          stage: which one.
          known: what is recorded of them, so that large files are not read again.
        """
        found = {}
        for path in _handed_on(directory, stage):
            name = path.relative_to(directory).as_posix()
            found[name] = self._describe(path, (known or {}).get(name))
        return found

    def _describe(self, path: Path, known: Mapping[str, Any] | None) -> dict[str, Any]:
        status = path.stat()
        now = {
            "size": status.st_size,
            "modified": status.st_mtime_ns,
            "changed": status.st_ctime_ns,  # cannot be set back by hand
        }
        key = (status.st_dev, status.st_ino, *now.values())
        unchanged = known and {**known, **now} == known
        if unchanged and known and status.st_size > _ALWAYS_READ:
            self._seen[key] = known["sha256"]
        if key not in self._seen:
            with open(path, "rb") as file:
                self._seen[key] = hashlib.file_digest(file, "sha256").hexdigest()
        return now | {"sha256": self._seen[key]}


def _handed_on(directory: Path, stage: Stage) -> Iterator[Path]:
    """Yields the files that other stages read, by name."""
    paths = {path for pattern in stage.hands_on for path in directory.glob(pattern)}
    for path in sorted(paths):
        if path.is_file() and not is_temporary(path.name):
            yield path


def identify(files: Files) -> str:
    """Returns the digest of names, sizes and content, whatever the times.

    Of checkpoints the newest counts, which is what others load: the ones before it may
    be removed.
    """
    old = _before_the_newest(files)
    content = {
        name: [file["size"], file["sha256"]]
        for name, file in files.items()
        if name not in old
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def differences(was: Files, now: Files) -> list[str]:
    """Lists the files that are others than they were, are gone, or came later.

    A whole checkpoint before the newest may be gone.
    """
    there = {_step(name) for name in now}
    removed = {n for n in _before_the_newest(was) if _step(n) not in there}
    return [
        name
        for name in sorted((was.keys() | now.keys()) - removed)
        if was.get(name, {}).get("sha256") != now.get(name, {}).get("sha256")
    ]


def _before_the_newest(files: Files) -> set[str]:
    """Returns the files of all checkpoints but the newest in each folder of them."""
    newest: dict[str, int] = {}
    for folder, step in filter(None, map(_step, files)):
        newest[folder] = max(step, newest.get(folder, 0))
    found = {name: _step(name) for name in files}
    return {name for name, at in found.items() if at and at[1] < newest[at[0]]}


def _step(name: str) -> tuple[str, int] | None:
    """Returns the folder of checkpoints and the step that a file belongs to, if any."""
    match = _CHECKPOINT.match(name)
    return (match[1], int(match[2])) if match else None


def describe_differences(name: str, was: Files, now: Files) -> str:
    """Says which files of a stage differ; empty if none does."""
    wrong = differences(was, now)
    if not wrong:
        return ""
    file = f"{name}/{wrong[0]}"
    if wrong[0] not in now:
        said = f"{file} is missing, which {name}/ had when it was done"
    elif wrong[0] not in was:
        said = f"{file} was not in {name}/ when it was done"
    else:
        said = f"{file} is not what {name}/ was when it was done"
    more = len(wrong) - 1
    return said + (f" (and {more} other file{'s' if more > 1 else ''})" if more else "")


def is_empty(directory: Path) -> bool:
    """Whether a directory is not there, or holds but what killed writers left."""
    return not any(
        path.is_symlink() or (path.is_file() and not is_temporary(path.name))
        for path in directory.rglob("*")
    )


def is_made(directory: Path, stage: Stage) -> bool:
    """Whether a directory holds what the stage makes, whoever made it."""
    return next(directory.glob(stage.makes), None) is not None
