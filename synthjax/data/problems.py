"""Faulty rows and files, treated as the user chose: stop, or skip and count."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from synthjax.core.clock import say
from synthjax.core.errors import StudyError

LISTED = 10  # problems that a message spells out

# What is wrong with a row or a file; problems are counted by these words.
ROW_MALFORMED = "row malformed"
ROW_MISSING = "row missing"  # a file that no row names
ROWS_CONTRADICT = "rows contradict"  # two rows of one image say different things
FILE_MISSING = "file missing"
FILE_OUTSIDE = "file outside"  # a path or a link that leaves the source's folder
FILE_NAME = "file name"
FILE_UNUSABLE = "file unusable"  # it cannot be read as an image
LABEL_UNKNOWN = "label unknown"  # not a value that a label has
PATIENT_MISSING = "patient missing"
SPLIT_UNKNOWN = "split unknown"


class BadImageError(StudyError):
    """One image file cannot be used.

    Args:
        path: the file.
        what: what is wrong with it and the remedy, a clause that goes on from its name.
    """

    def __init__(self, path: Path | str, what: str):
        super().__init__(f"{path} {what}")
        self.path, self.what = path, what

    def __reduce__(self) -> tuple[Any, ...]:
        return BadImageError, (self.path, self.what)


@dataclasses.dataclass(frozen=True)
class Problem:
    """One thing that is wrong."""

    kind: str  # one of the words above, or a source's own
    where: str  # "row 12 of train.csv" or a file relative to the source's folder
    what: str  # what is wrong there and the remedy, a clause
    images: int = 1  # that are left out because of it; 0 if another problem counts them

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclasses.dataclass(frozen=True)
class Notice:
    """Something that stops no build, and that nobody should learn from its results."""

    kind: str  # a few words
    places: tuple[str, ...]  # each a file, row or folder, and what is there
    remedy: str  # a sentence


class Problems:
    """Collects problems until they are settled by the policy.

    Args:
        action: "error" stops at the first settling, "skip" leaves the images out.
        limit: the largest share of images that may be skipped, in each phase: while a
            source is listed, and while its files are read.
    """

    def __init__(self, action: str, limit: float):
        self.action, self.limit = action, limit
        self.found: list[Problem] = []
        self.notices: list[Notice] = []
        self._begin = 0  # the first problem of the phase

    def add(self, kind: str, where: str, what: str, images: int = 1) -> None:
        """Notes a problem; the images concerned are left out by the caller."""
        self.found.append(Problem(kind, where, what, images))

    def notice(self, kind: str, places: Sequence[str], remedy: str) -> None:
        """Notes what is odd in these places and stops no build; nothing for none."""
        if places:
            self.notices.append(Notice(kind, tuple(places), remedy))

    def announce_notices(self) -> None:
        """Says each notice in a line."""
        for notice in self.notices:
            more = len(notice.places) - 1
            first = notice.places[0] + f" (and {more} more)" * bool(more)
            say(f"{notice.kind}: {first}. {notice.remedy}")

    def next_phase(self) -> None:
        """Begins a phase: what was settled before counts no more in it."""
        self._begin = len(self.found)

    def settle(self, total: int, *, remedy: str = "") -> None:
        """Raises StudyError under "error" for any problem, under "skip" for too many.

        Args:
            total: images of the phase, faulty ones included.
            remedy: what else would help, a sentence.

        Raises:
            StudyError: with up to ten problems.
        """
        found = self.found[self._begin :]
        images = sum(problem.images for problem in found)
        if not found or (self.action == "skip" and images <= self.limit * total):
            return
        listed = "\n  ".join(str(problem) for problem in found[:LISTED])
        count = len(found)
        more = f"\n  and {count - LISTED} more" if count > LISTED else ""
        if self.action == "error":
            advice = "Correct them, or set config.data.on_bad_file=skip."
        else:
            advice = (
                f"They cost {images} images, and config.data.skip_limit={self.limit} "
                f"allows {int(self.limit * total)} of {total}; correct them or raise it."
            )
        raise StudyError(
            f"{count} problem(s): {advice} {remedy}".rstrip() + f"\n  {listed}{more}"
        )

    def summary(self) -> dict[str, Any]:
        """Returns how many images were left out and for what, JSON-ready."""
        return {
            "count": sum(problem.images for problem in self.found),
            "kinds": dict(self._kinds()),
        }

    def announce(self) -> None:
        """Says what was left out, if anything.

        The files are named here, and not in what is kept, which may be handed on.
        """
        kinds = self._kinds()
        if kinds:
            parts = ", ".join(f"{kind} {n}" for kind, n in kinds.items())
            say(f"left out, as on_bad_file=skip says: {parts}:")
            for problem in self.found[:LISTED]:
                say(f"  {problem}")
            if len(self.found) > LISTED:
                say(f"  and {len(self.found) - LISTED} more; --check lists all")

    def _kinds(self) -> Counter[str]:
        """Returns kind of problem -> images left out because of it."""
        kinds: Counter[str] = Counter()
        for problem in self.found:
            kinds[problem.kind] += problem.images
        return +kinds  # those that cost an image
