"""The map of a study: its stages, what each reads, and when one is finished.

A stage owns the directory `<workdir>/<stage>` and keeps `stage.json` in it: what it was
made from (see `stage_record`), and whether it is done. A second run skips what is done,
goes on with what was begun, and makes anew what a changed config or a changed input
invalidates. What is superseded is moved aside, never deleted.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from synthjax.core.clock import duration, say
from synthjax.core.content import Contents
from synthjax.core.errors import StudyError
from synthjax.core.files import DamagedError, remove_temporary, write_json
from synthjax.core.lock import locked
from synthjax.core.stage_directory import StageDirectory
from synthjax.core.stage_record import (
    FILE,
    UNSET,
    Change,
    Identity,
    Plan,
    Resolve,
    Sections,
    changes,
    is_read_from,
    make_record,
)
from synthjax.core.stages import PREPARED, STAGES, SUPERSEDED, Stage
from synthjax.core.storage import in_bytes, storage
from synthjax.core.versions import say_other_versions, versions

__all__ = ["STAGES", "Stage", "Study"]

_READY = ("done", "foreign")  # actions after which other stages find what they read


class Study:
    """One config in one working directory.

    Args:
      workdir: made if missing.
      sections: the config section of every stage, resolved.
      seed: of the study.
      resolve: fills presets into sections, for what an earlier release recorded.
      absent: stages that this study does without, such as a generator whose images
        came from somebody else; no stage reads them.
      is_main: whether this process writes (process 0 of several).
      barrier: waits for the other processes, `Devices.barrier`.
    """

    def __init__(
        self,
        workdir: Path,
        sections: Sections,
        *,
        seed: int = 0,
        resolve: Resolve = lambda sections: sections,
        absent: tuple[str, ...] = (),
        is_main: bool = True,
        barrier: Callable[[str], None] = lambda name: None,
    ) -> None:
        self.workdir = Path(workdir).absolute()
        self._sections, self._seed, self._resolve = sections, seed, resolve
        self._absent = absent
        self.is_main, self._barrier = is_main, barrier
        contents = Contents()
        self._directories = {
            name: StageDirectory(self.workdir, stage, contents)
            for name, stage in STAGES.items()
        }

    def path(self, stage: str) -> Path:
        """The directory of a stage."""
        return self.workdir / stage

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps a second process out of the workdir; removes what killed ones left.

        Raises:
          StudyError: the workdir cannot be written, or another process has it.
        """
        with locked(self.workdir) if self.is_main else nullcontext():
            if self.is_main:
                remove_temporary(self.workdir / PREPARED)
            yield

    def run(
        self,
        name: str,
        work: Callable[[Path], None],
        *,
        everywhere: bool = False,
        source: Callable[[], str | None] = lambda: None,
    ) -> None:
        """Runs one stage unless it is done.

        Args:
          name: the stage.
          work: makes the stage's directory, given its path; it goes on from what it
            finds there.
          everywhere: whether all processes work (training), or the main one alone.
          source: identifies what the stage reads from outside the workdir; where it
            cannot say (None), that counts as unchanged.

        Raises:
          StudyError: an input is missing or unfinished.
        """
        path = self.path(name)
        begin = time.monotonic()
        todo = self._prepare(name, source()) if self.is_main else True
        self._barrier(f"{name} begins")
        if not self.is_main:
            todo = self._status(name) == "running"
        if todo and (self.is_main or everywhere):
            work(path)
        self._barrier(f"{name} ends")
        if todo and self.is_main:
            record = self._directories[name].record() or {}
            record["status"] = "done"
            record["seconds"] += round(time.monotonic() - begin, 1)
            record["finished"] = _now()
            record["files"] = self._directories[name].look()
            write_json(path / FILE, record)
            say(f"{name}: done in {duration(record['seconds'])}")
        self._barrier(f"{name} is recorded")

    def plans(self, sources: Mapping[str, Callable[[], str | None]]) -> list[Plan]:
        """Says what a run would do with every stage, in order, and does nothing.

        Args:
          sources: for each stage, what identifies the files outside the workdir.
        """
        plans: dict[str, Plan] = {}
        for name in STAGES:
            if name in self._absent:
                continue
            late = [o for o in self._reads(name) if plans[o].action not in _READY]
            if not late:
                plans[name] = self._plan(name, self._record(name, sources[name]()))
                continue
            reason = f"{', '.join(f'{other}/' for other in late)} will be made first"
            plans[name] = Plan(name, *self._late_plan(name, reason))
        return list(plans.values())

    def _late_plan(self, name: str, reason: str) -> tuple[str, tuple[str, ...]]:
        """Returns the action, and why, where an input will be made first."""
        directory = self._directories[name]
        if directory.is_empty:
            return "begin", (reason,)
        try:
            foreign = directory.record() is None
        except DamagedError:
            foreign = False
        return ("foreign", ()) if foreign else ("again", (reason,))

    def _plan(self, name: str, new: dict[str, Any]) -> Plan:
        directory, stage = self._directories[name], STAGES[name]
        mended = "continue" if stage.mends else "again"
        try:
            old = directory.record()
        except DamagedError:
            return Plan(name, mended, (f"its {FILE} is damaged",))
        if old is None:
            if directory.is_empty:
                return Plan(name, "begin", ("nothing is there yet",))
            directory.check_made()
            return Plan(name, "foreign")
        found = changes(old, new, self._sections, self._resolve)
        raised = [change for change in found if _is_growth(change, stage)]
        if len(found) > len(raised):
            return Plan(name, "again", tuple(map(str, found)))
        if raised or old["status"] != "done":
            return Plan(name, "continue", tuple(map(str, raised)))
        wrong, said = directory.differences(old)
        if wrong:
            return Plan(name, mended, (said,), wrong=wrong)
        return Plan(name, "done")

    def _prepare(self, name: str, source: str | None) -> bool:
        """Decides between skip, go on and start anew; True if there is work."""
        directory = self._directories[name]
        path = directory.path
        remove_temporary(path)
        new = self._record(name, source)
        plan = self._plan(name, new)
        because = "; ".join(plan.reasons)
        kept: dict[str, Any] = {"seconds": 0.0}
        if plan.action == "foreign":
            say(f"{name}: {path} was not made by this study; it is used as it is")
            return False
        if plan.action == "done":
            self._complete_record(name, new)
            say(f"{name}: done before, skipped")
            return False
        if plan.action == "again":
            aside = directory.move_aside()
            say(f"{name}: {because}: running again (old one: {aside})")
            self._say_superseded()
        elif plan.action == "continue":
            say(f"{name}: going on{f' ({because})' if because else ''}")
            kept = self._kept(name)
            if plan.wrong:
                aside = directory.move_files_aside(plan.wrong)
                say(f"{name}: what is not as it was is in {aside} now")
                self._say_superseded()
        else:
            say(f"{name}: begins")
        path.mkdir(parents=True, exist_ok=True)
        status = {"status": "running", "started": _now(), "finished": None}
        write_json(path / FILE, new | status | {"versions": versions()} | kept)
        return True

    def _say_superseded(self) -> None:
        """Says how large superseded/ is; nothing in it is ever deleted by itself."""
        folder = self.workdir / SUPERSEDED
        say(
            f"{folder} holds {in_bytes(storage(folder))} of earlier runs; delete it when "
            "nothing of it is wanted"
        )

    def _kept(self, name: str) -> dict[str, Any]:
        """Returns what stays in the record of a stage that goes on."""
        try:
            old = self._directories[name].record() or {}
        except DamagedError:
            old = {}
        kept = {"seconds": old.get("seconds", 0.0)}
        earlier = list(old.get("earlier_versions", []))
        before = old.get("versions", versions())
        if before != versions():
            say_other_versions(name, before)
            earlier.append(before)
        return kept | ({"earlier_versions": earlier} if earlier else {})

    def _complete_record(self, name: str, new: dict[str, Any]) -> None:
        """Adds to the record of a finished stage what the last release did not keep."""
        directory = self._directories[name]
        old = directory.record() or {}
        record = old | {"contents": new["contents"], "files": directory.look(old)}
        if new["source"] is not None:
            record["source"] = new["source"]
        if record != old:
            write_json(directory.path / FILE, record)

    def _record(self, name: str, source: str | None) -> dict[str, Any]:
        return make_record(
            name,
            self._sections,
            seed=self._seed,
            inputs=self._inputs(name),
            source=source,
        )

    def _inputs(self, name: str) -> dict[str, Identity]:
        """Returns what a stage reads, checked to be finished and to go together."""
        directories = {other: self._directories[other] for other in self._reads(name)}
        found = {other: each.identity() for other, each in directories.items()}
        for each in directories.values():
            record = each.record() or {"inputs": {}}
            for third in sorted(record["inputs"].keys() & found.keys()):
                if not is_read_from(record, third, found[third]):
                    raise StudyError(
                        f"{each.path} was made from another {third}/ than the one that "
                        f"is there now: {each.command} first"
                    )
        return found

    def _reads(self, name: str) -> list[str]:
        return [other for other in STAGES[name].reads if other not in self._absent]

    def finished(self, name: str) -> bool:
        """Whether a stage is recorded as done, with whatever config it was made."""
        return self._status(name) == "done"

    def _status(self, name: str) -> str | None:
        record = self._directories[name].record()
        return record["status"] if record else None


def _is_growth(change: Change, stage: Stage) -> bool:
    """Whether a key that may grow without starting anew grew: a number, or a list."""
    joins = tuple(f"config.{stage.name}.{section}." for section in stage.joins)
    if change.was == UNSET and change.key.startswith(joins):
        return True
    if change.key not in [f"config.{stage.name}.{key}" for key in stage.grows]:
        return False
    if isinstance(change.was, list | tuple):
        return {*change.was} < {*change.now}
    return isinstance(change.was, (int, float)) and change.now > change.was


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
