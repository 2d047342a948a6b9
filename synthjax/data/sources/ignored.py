"""The files that a listing passes by: how many there are, and the first few."""

import dataclasses
from collections.abc import Sequence
from typing import Any

_EXAMPLES = 5  # names in a fact
_LEFT_OUT = "files and folders left out, as leave_out says"
SUCH_AS = ", such as"  # how the name of a fact ends that lists files


@dataclasses.dataclass
class IgnoredFiles:
    """What a walk ignores, relative to the tree's folder."""

    hidden: list[str] = dataclasses.field(default_factory=list)  # files and folders
    links: list[str] = dataclasses.field(default_factory=list)  # to folders
    others: list[str] = dataclasses.field(
        default_factory=list
    )  # files other than images
    left_out: list[str] = dataclasses.field(default_factory=list)  # as the user says

    def facts(self) -> dict[str, Any]:
        """Returns facts of a listing: how many there are, and the first few."""
        return {
            **summarize_files("hidden files and folders, ignored", self.hidden),
            **summarize_files("links to folders, not followed", self.links),
            **summarize_files("files other than images, ignored", self.others),
            **(summarize_files(_LEFT_OUT, self.left_out) if self.left_out else {}),
        }


def printable(file: str) -> str:
    """Returns a file's name in a form that prints, whatever its bytes."""
    return file.encode(errors="backslashreplace").decode()


def summarize_files(name: str, files: Sequence[str]) -> dict[str, Any]:
    """Returns facts of a listing: how many files there are, and the first few."""
    if not files:
        return {name: 0}
    return {
        name: len(files),
        f"{name}{SUCH_AS}": [printable(f) for f in files[:_EXAMPLES]],
    }
