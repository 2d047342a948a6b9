"""A hospital's folder of files: looked up by its tables' names, read, digested."""

import dataclasses
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float32

from synthjax.core.errors import StudyError
from synthjax.data.images.dicom import HEAD, is_dicom
from synthjax.data.images.image_file import read_image
from synthjax.data.images.pixels import PixelsConfig
from synthjax.data.problems import FILE_MISSING, FILE_OUTSIDE, Problem, Problems
from synthjax.data.schema import Record

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".dcm", ".dicom", ".ima")
_EXAMPLES = 5  # names in a fact


class Fault(NamedTuple):
    """Why a file of a table cannot be used."""

    kind: str  # as in `Problem`
    what: str  # a clause with the remedy


@dataclasses.dataclass
class IgnoredFiles:
    """What a walk ignores, relative to the tree's folder."""

    hidden: list[str] = dataclasses.field(default_factory=list)  # files and folders
    links: list[str] = dataclasses.field(default_factory=list)  # to folders
    others: list[str] = dataclasses.field(
        default_factory=list
    )  # files other than images

    def facts(self) -> dict[str, Any]:
        """Returns facts of a listing: how many there are, and the first few."""
        return {
            **summarize_files("hidden files and folders, ignored", self.hidden),
            **summarize_files("links to folders, not followed", self.links),
            **summarize_files("files other than images, ignored", self.others),
        }


class Tree:
    """Finds the files of a table below a folder, links followed, none outside it.

    For hundreds of thousands of files: each directory is resolved once.
    """

    def __init__(self, root: Path):
        self.root = root
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
        return path if stat.S_ISREG(mode) else self._missing(file)

    def present(
        self, files: Sequence[str], where: Callable[[int], str], problems: Problems
    ) -> Bool[np.ndarray, " n"]:
        """Finds which of the files can be used; the others are added to the problems.

        Args:
            where: the place of file i in its table, for the problem.

        Raises:
            StudyError: there are files, and not one of them is in the folder.
        """
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
        self, ignored: IgnoredFiles, below: str = "", *, deep: bool = True
    ) -> Iterator[str]:
        """Yields image files below a folder, each folder's in order of their names.

        Known by their suffix, DICOM files without one by their content, for an archive
        gives them none. What begins with a dot is hidden; no link to a folder is
        followed.

        Args:
            ignored: gets what is not read.
            below: where to begin, relative to the tree's folder; "" is that itself.
            deep: whether to look into the folders in it.

        Yields:
            Files relative to the tree's folder.

        Raises:
            StudyError: a folder cannot be listed, or a file without suffix not read.
        """
        left = [below]
        while left:
            folder = left.pop()
            inner = []
            for entry in self._entries(folder):
                file = f"{folder}/{entry.name}" if folder else entry.name
                if entry.name.startswith("."):
                    ignored.hidden.append(file)
                elif entry.is_dir(follow_symlinks=False):
                    inner.append(file)
                elif entry.is_symlink() and os.path.isdir(entry.path):
                    ignored.links.append(file)
                elif entry.name.lower().endswith(SUFFIXES) or _is_dicom(entry):
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
        return Fault(
            FILE_OUTSIDE,
            f"the file {file!r} leaves the folder; give a path inside it, relative to "
            "it",
        )

    def _missing(self, file: str) -> Fault:
        return Fault(
            FILE_MISSING,
            f"the file {file!r} does not exist in the folder; correct the name or add "
            "it",
        )


def _is_dicom(entry: os.DirEntry[str]) -> bool:
    """Whether a file that has no suffix, or digits as in a UID, is DICOM inside."""
    if os.path.splitext(entry.name)[1][1:].isalpha():
        return False
    if not os.path.isfile(entry.path):  # to read a pipe is to wait
        return False
    try:
        with open(entry.path, "rb") as file:
            return is_dicom(file.read(HEAD))
    except OSError as error:
        raise StudyError(
            f"{entry.path} cannot be read ({error.strerror}); make it readable or move "
            "it away."
        ) from None


def printable(file: str) -> str:
    """Returns a file's name in a form that prints, whatever its bytes."""
    return file.encode(errors="backslashreplace").decode()


def summarize_files(name: str, files: Sequence[str]) -> dict[str, Any]:
    """Returns facts of a listing: how many files there are, and the first few."""
    if not files:
        return {name: 0}
    return {
        name: len(files),
        f"{name}, such as": [printable(f) for f in files[:_EXAMPLES]],
    }


@dataclasses.dataclass(frozen=True)
class ReadFile:
    """Reads the file that a record's origin names; the `read` of a listing."""

    root: Path  # the folder that origins are relative to
    pixels: PixelsConfig

    def __call__(self, record: Record) -> Float32[np.ndarray, "h w c"]:
        """Returns pixels from 0 (black) to 1 (white); raises BadImageError."""
        return read_image(self.root / record.origin, self.pixels)
