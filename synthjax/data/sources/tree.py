"""A hospital's folder of files: looked up by its tables' names, read, digested."""

import dataclasses
import fnmatch
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float32

from synthjax.core.errors import StudyError
from synthjax.core.files import kind_of, open_regular
from synthjax.data.images.dicom import HEAD
from synthjax.data.images.file_kind import KINDS, UNREADABLE_SUFFIXES, file_kind
from synthjax.data.images.image_file import read_image
from synthjax.data.images.pixels import PixelsConfig
from synthjax.data.problems import (
    FILE_MISSING,
    FILE_OUTSIDE,
    FILE_UNUSABLE,
    Problem,
    Problems,
)
from synthjax.data.schema import Record
from synthjax.data.sources.ignored import IgnoredFiles, summarize_files

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff"),
    *(".dcm", ".dicom", ".ima"),
)


class Fault(NamedTuple):
    """Why a file of a table cannot be used."""

    kind: str  # as in `Problem`
    what: str  # a clause with the remedy


class Tree:
    """Finds the files of a table below a folder, links followed, none outside it.

    For hundreds of thousands of files: each directory is resolved once.

    Args:
        root: the folder.
        believed: whether every file counts as being there (`Context.tables_alone`).
    """

    def __init__(self, root: Path, *, believed: bool = False):
        self.root, self._believed = root, believed
        self._real_root = os.path.realpath(root)
        self._directories: dict[str, str] = {"": self._real_root}

    def locate(self, file: str) -> str | Fault:
        """Returns the real path of a table's file, or what is wrong with it.

        Args:
            file: relative to the folder, with forward slashes.
        """
        parts = file.split("/")
        if not file or "\0" in file or not parts[0] or ".." in parts:
            return self._outside(file)
        if "" in parts or "." in parts:
            parts = list(PurePosixPath(file).parts) or ["."]
        directory, name = "/".join(parts[:-1]), parts[-1]
        try:
            path = f"{self._real(directory)}/{name}"
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                path = os.path.realpath(path)
                mode = os.stat(path).st_mode
        except OSError:  # missing, a loop of links, a name that is too long
            return self._missing(file)
        if not path.startswith(self._real_root.rstrip("/") + "/"):
            return self._outside(file)
        if stat.S_ISREG(mode):
            return path
        if stat.S_ISDIR(mode):
            return self._missing(file)
        what = f"{file!r} is {kind_of(mode)}, not a file; put the image in its place"
        return Fault(FILE_UNUSABLE, what)

    def present(
        self, files: Sequence[str], where: Callable[[int], str], problems: Problems
    ) -> Bool[np.ndarray, " n"]:
        """Finds which of the files can be used; the others are added to the problems.

        Args:
            where: the place of file i in its table, for the problem.

        Raises:
            StudyError: there are files, and not one of them is in the folder.
        """
        if self._believed:
            return np.ones(len(files), bool)
        found = np.zeros(len(files), bool)
        faults: list[Problem] = []
        for index, file in enumerate(files):
            fault = self.locate(file)
            if isinstance(fault, str):
                found[index] = True
            else:
                faults.append(Problem(fault.kind, where(index), fault.what))
        if files and not found.any():
            raise StudyError(
                f"none of the {len(files)} images of the table(s) can be used; are "
                f"they unpacked in {self.root}, as they were downloaded? {faults[0]}"
            )
        for problem in faults:
            problems.add(problem.kind, problem.where, problem.what)
        return found

    def walk(
        self,
        ignored: IgnoredFiles,
        below: str = "",
        *,
        deep: bool = True,
        leave_out: Sequence[str] = (),
    ) -> Iterator[str]:
        """Yields image files below a folder, each folder's in order of their names.

        Known by their suffix, those of any other suffix or none by their content. What
        begins with a dot is hidden; no link to a folder is followed.

        Args:
            ignored: gets what is not read.
            below: where to begin, relative to the tree's folder; "" is that itself.
            deep: whether to look into the folders in it.
            leave_out: names or patterns of files and folders that are passed by.

        Yields:
            Files relative to the tree's folder.

        Raises:
            StudyError: a folder cannot be listed, or a file of another suffix not read.
        """
        left = [below]
        while left:
            folder = left.pop()
            inner = []
            for entry in self._entries(folder):
                file = f"{folder}/{entry.name}" if folder else entry.name
                if entry.name.startswith("."):
                    ignored.hidden.append(file)
                elif any(matches(file, pattern) for pattern in leave_out):
                    ignored.left_out.append(file)
                elif entry.is_dir(follow_symlinks=False):
                    inner.append(file)
                elif entry.is_symlink() and os.path.isdir(entry.path):
                    ignored.links.append(file)
                elif _is_image(entry):
                    yield file
                else:
                    ignored.others.append(file)
            if deep:
                left += reversed(inner)

    def unnamed(self, folders: Iterable[str], named: set[str]) -> dict[str, Any]:
        """Returns facts of a listing: images that no row of a table names.

        Args:
            folders: relative to the tree's folder; those that are missing are skipped.
            named: files of the table's rows, relative to the tree's folder.
        """
        files = [
            file
            for folder in folders
            if (self.root / folder).is_dir()
            for file in self.walk(IgnoredFiles(), folder)
            if file not in named
        ]
        return summarize_files("files without a row", files)

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        """Lists what is in a folder, in order of the names."""
        try:
            with os.scandir(self.root / folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            raise StudyError(
                f"the folder {self.root / folder} cannot be listed "
                f"({error.strerror}); make it readable or move it away."
            ) from None

    def _real(self, directory: str) -> str:
        """Returns a directory below the root with links followed."""
        known = self._directories.get(directory)
        if known is None:
            parent, _, name = directory.rpartition("/")
            known = f"{self._real(parent)}/{name}"
            if os.path.islink(known):
                known = os.path.realpath(known)
            self._directories[directory] = known
        return known

    def _outside(self, file: str) -> Fault:
        """Says why a path leaves the folder: by its parts, or by a link."""
        link = self._link_out(file)
        if not link:
            what = "leaves the folder; give a path inside it, relative to it"
            return Fault(FILE_OUTSIDE, f"the file {file!r} {what}")
        name, leads = link
        where = "" if name == file else f"in {name!r}, which "
        return Fault(
            FILE_OUTSIDE,
            f"the file {file!r} is {where}{'is ' * bool(where)}a link that leaves the "
            f"folder (it leads to {leads!r}); copy what it leads to into the folder, or "
            "set path to the folder that it is in",
        )

    def _link_out(self, file: str) -> tuple[str, str] | None:
        """Returns the first link in a path that leads out of the folder, and whereto."""
        parts = PurePosixPath(file).parts
        if not parts or "\0" in file or file.startswith("/") or ".." in parts:
            return None
        for count in range(1, len(parts) + 1):
            name = "/".join(parts[:count])
            path = os.path.join(self._real_root, name)
            real = os.path.realpath(path)
            if os.path.islink(path) and os.path.relpath(
                real, self._real_root
            ).startswith(".."):
                return name, real
        return None

    def _missing(self, file: str) -> Fault:
        return Fault(
            FILE_MISSING,
            f"the file {file!r} does not exist in the folder; correct the name or add "
            "it",
        )


def matches(file: str, pattern: str) -> bool:
    """Whether a file or folder is what a name or pattern of `leave_out` means.

    Args:
        file: relative to the source's folder.
        pattern: of its whole path, or of its last part; of a folder also with "/".
    """
    pattern = pattern.rstrip("/")
    name = file.rpartition("/")[2]
    return fnmatch.fnmatchcase(file, pattern) or fnmatch.fnmatchcase(name, pattern)


def _is_image(entry: os.DirEntry[str]) -> bool:
    """Whether a file is an image by its suffix, or else by its content.

    So are images of kinds that cannot be read: reading them says so.
    """
    name = entry.name.lower()
    if name.endswith((*SUFFIXES, *UNREADABLE_SUFFIXES)):
        return True
    if not os.path.isfile(entry.path):  # to read a pipe is to wait
        return False
    try:
        with open_regular(entry.path) as file:
            return file_kind(file.read(HEAD)) in KINDS
    except OSError as error:
        raise StudyError(
            f"{entry.path} cannot be read ({error.strerror}); make it readable or move "
            "it away."
        ) from None


@dataclasses.dataclass(frozen=True)
class ReadFile:
    """Reads the file that a record's origin names; the `read` of a listing."""

    root: Path  # the folder that origins are relative to
    pixels: PixelsConfig

    def __call__(self, record: Record) -> Float32[np.ndarray, "h w c"]:
        """Returns pixels from 0 (black) to 1 (white); raises BadImageError."""
        return read_image(self.root / record.origin, self.pixels)
