"""Faulty rows and files, dealt with as the user chose: stop, or skip and count."""

import dataclasses
from collections import Counter
from typing import Any

from synthjax.core.clock import say
from synthjax.core.errors import StudyError

SHOWN = 10  # problems that a message spells out


class BadImageError(StudyError):
    """One image file cannot be used; the message names the file and the remedy."""


@dataclasses.dataclass(frozen=True)
class Problem:
    """One thing that is wrong."""

    kind: str  # a few words, the same for all of its kind: "file missing"
    where: str  # "row 12 of train.csv" or a file relative to the source's folder
    what: str  # what is wrong there and the remedy, a clause

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class Problems:
    """Collects problems until they are settled by the policy.

    Args:
        action: "error" stops at the first settling, "skip" leaves the images out.
        limit: the largest share of images that may be skipped.
    """

    def __init__(self, action: str, limit: float):
        self.action, self.limit = action, limit
        self.found: list[Problem] = []

    def add(self, kind: str, where: str, what: str) -> None:
        """Notes a problem; the image concerned is left out by the caller."""
        self.found.append(Problem(kind, where, what))

    def settle(self, total: int, *, remedy: str = "") -> None:
        """Raises under "error" if there is a problem, under "skip" if there are many.

        Args:
            total: images, faulty ones included.
            remedy: what else would help, a sentence.

        Raises:
            StudyError: with up to ten problems.
        """
        count = len(self.found)
        if not count or (self.action == "skip" and count <= self.limit * total):
            return
        shown = "\n  ".join(str(problem) for problem in self.found[:SHOWN])
        more = f"\n  and {count - SHOWN} more" if count > SHOWN else ""
        if self.action == "error":
            advice = "Correct them, or set config.data.on_bad_file=skip."
        else:
            advice = (
                f"config.data.skip_limit={self.limit} allows "
                f"{int(self.limit * total)} of {total}; correct them or raise it."
            )
        raise StudyError(
            f"{count} problem(s): {advice} {remedy}".rstrip() + f"\n  {shown}{more}"
        )

    def summary(self) -> dict[str, Any]:
        """JSON-ready: how many were left out, of which kind, and the first few."""
        return {
            "count": len(self.found),
            "kinds": dict(Counter(problem.kind for problem in self.found)),
            "first": [str(problem) for problem in self.found[:SHOWN]],
        }

    def announce(self) -> None:
        """Says in one line what was left out, if anything."""
        if self.found:
            kinds = Counter(problem.kind for problem in self.found)
            parts = ", ".join(f"{kind} {count}" for kind, count in kinds.items())
            say(f"left out, as on_bad_file=skip says: {parts}; see splits.json")
