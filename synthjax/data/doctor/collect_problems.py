"""Collects faulty rows and files, and tells whether a build would stop at them."""

import math
from collections.abc import Iterator

from synthjax.core.errors import StudyError
from synthjax.data.doctor.diagnostics import ERROR, WARNING, Diagnostic
from synthjax.data.problems import Problems


class CollectProblems(Problems):
    """Takes the place of a build's Problems: it remembers instead of raising.

    Args:
        action: "error" or "skip", as a build would have it.
        limit: the largest share of images that a build would skip, in each phase.
    """

    def __init__(self, action: str, limit: float):
        super().__init__(action, limit)
        self.stops = False  # whether a build would have been stopped
        self.total = 0  # images (or rows) among which the problems are

    def settle(self, total: int, *, remedy: str = "") -> None:
        """Note whether a build would stop here."""
        self.total = max(self.total, total)
        try:
            super().settle(total, remedy=remedy)
        except StudyError:
            self.stops = True

    def expect(self, more: float, total: int) -> None:
        """Note whether a build would stop if it met as many more problems.

        Args:
            more: that the sample lets expect in the images that were not decoded.
            total: images that a build reads.
        """
        lost = sum(problem.images for problem in self.found[self._begin :])
        if more and math.floor(lost + more) > self.limit * total:
            self.stops = True

    def diagnostics(self) -> Iterator[Diagnostic]:
        """Yield a diagnostic for each kind of problem, and for each notice."""
        kinds: dict[str, list[str]] = {}
        for problem in self.found:
            kinds.setdefault(problem.kind, []).append(str(problem))
        if self.action == "error":
            remedy = (
                "Correct them, or set config.data.on_bad_file=skip to leave them out."
            )
        elif self.stops:
            lost = sum(problem.images for problem in self.found)
            remedy = (
                f"Correct them, or raise config.data.skip_limit: {lost:,} of "
                f"{self.total:,} are found faulty in all, and it allows a share of "
                f"{self.limit:g}."
            )
        else:
            remedy = (
                "A build leaves them out, as on_bad_file=skip says; or correct them."
            )
        severity = ERROR if self.stops else WARNING
        for kind, places in kinds.items():
            yield Diagnostic(severity, kind, tuple(places), remedy)
        for notice in self.notices:
            yield Diagnostic(WARNING, notice.kind, notice.places, notice.remedy)
