"""The map of a study: its stages, what each reads, and when one is finished.

A stage owns the directory `<workdir>/<stage>` and keeps `stage.json` in it: what it was
made from (see `stage_record`), and whether it is done. A second run skips what is done,
goes on with what was begun, and makes anew what a changed config or a changed input
invalidates. What is superseded is moved aside, never deleted.
"""

import contextlib
import dataclasses
import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from synthjax.core.clock import duration, say
from synthjax.core.errors import StudyError
from synthjax.core.files import read_json, write_json
from synthjax.core.stage_record import (
    FILE,
    MADE_ELSEWHERE,
    Change,
    Plan,
    Resolve,
    Sections,
    changes,
    fingerprint,
    make_record,
    read_record,
)
from synthjax.core.versions import versions


@dataclasses.dataclass(frozen=True)
class Stage:
    """One arrow of the flow."""

    name: str
    reads: tuple[str, ...]  # stages whose directories it reads
    grows: tuple[str, ...] = ()  # keys that may be raised without starting anew


STAGES = {
    stage.name: stage
    for stage in (
        Stage("data", ()),
        Stage("gan", ("data",), grows=("kimg",)),
        Stage("synth", ("data", "gan")),
        Stage("classifier", ("data", "synth")),
        Stage("evaluate", ("data", "synth", "classifier")),
        Stage("report", ("data", "gan", "synth", "classifier", "evaluate")),
    )
}
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

    def path(self, stage: str) -> Path:
        """The directory of a stage."""
        return self.workdir / stage

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps a second process out of the workdir.

        Raises:
          StudyError: the workdir cannot be written, or another process has it.
        """
        if not self.is_main:
            yield
            return
        try:
            self.workdir.mkdir(parents=True, exist_ok=True)
            file = open(self.workdir / ".lock", "a+")  # noqa: SIM115 (used below)
        except OSError as error:
            raise StudyError(
                f"{self.workdir} cannot be written ({error.strerror}); "
                "choose another --workdir"
            ) from None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                    raise
                file.seek(0)
                raise StudyError(
                    f"{self.workdir} is in use by process {file.read().strip()}; wait "
                    "for it, stop it, or choose another --workdir"
                ) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
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
            record = read_json(path / FILE)
            record["status"] = "done"
            record["seconds"] += round(time.monotonic() - begin, 1)
            record["finished"] = _now()
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
            path = self.path(name)
            there = path.exists() and any(path.iterdir())
            action = "again" if there else "begin"
            if there and read_record(path) is None:
                action = "foreign"
            reason = f"{', '.join(f'{other}/' for other in late)} will be made first"
            plans[name] = Plan(name, action, () if action == "foreign" else (reason,))
        return list(plans.values())

    def _plan(self, name: str, new: dict[str, Any]) -> Plan:
        path, stage = self.path(name), STAGES[name]
        old = read_record(path)
        if old is None:
            there = path.exists() and any(path.iterdir())
            if there:
                return Plan(name, "foreign")
            return Plan(name, "begin", ("nothing is there yet",))
        found = changes(old, new, self._sections, self._resolve)
        raised = [change for change in found if _is_growth(change, stage)]
        if len(found) > len(raised):
            return Plan(name, "again", tuple(map(str, found)))
        if raised or old["status"] != "done":
            return Plan(name, "continue", tuple(map(str, raised)))
        return Plan(name, "done")

    def _prepare(self, name: str, source: str | None) -> bool:
        """Decides between skip, go on and start anew; True if there is work."""
        path = self.path(name)
        new = self._record(name, source)
        plan = self._plan(name, new)
        because = "; ".join(plan.reasons)
        seconds = 0.0
        if plan.action == "foreign":
            say(f"{name}: {path} was not made by this study; it is used as it is")
            return False
        if plan.action == "done":
            say(f"{name}: done before, skipped")
            return False
        if plan.action == "again":
            aside = self._move_aside(name)
            say(f"{name}: {because}: running again (old one: {aside})")
        elif plan.action == "continue":
            say(f"{name}: going on{f' ({because})' if because else ''}")
            seconds = (read_record(path) or {})["seconds"]
        else:
            say(f"{name}: begins")
        path.mkdir(parents=True, exist_ok=True)
        status = {
            "status": "running",
            "seconds": seconds,
            "started": _now(),
            "finished": None,
            "versions": versions(),
        }
        write_json(path / FILE, new | status)
        return True

    def _record(self, name: str, source: str | None) -> dict[str, Any]:
        inputs = {other: self._fingerprint(other) for other in self._reads(name)}
        return make_record(
            name, self._sections, seed=self._seed, inputs=inputs, source=source
        )

    def _reads(self, name: str) -> list[str]:
        return [other for other in STAGES[name].reads if other not in self._absent]

    def finished(self, name: str) -> bool:
        """Whether a stage is recorded as done, with whatever config it was made."""
        return self._status(name) == "done"

    def _status(self, name: str) -> str | None:
        record = read_record(self.path(name))
        return record["status"] if record else None

    def _fingerprint(self, name: str) -> str:
        """Identifies what a finished stage made."""
        path = self.path(name)
        record = read_record(path)
        if record is None:
            if path.exists() and any(path.iterdir()):
                return MADE_ELSEWHERE
            raise StudyError(
                f"{path} is missing: run python -m launch.{name} with the same "
                "--config and --workdir first, or launch.pipeline for all stages"
            )
        if record["status"] != "done":
            raise StudyError(
                f"{path} is not finished: run python -m launch.{name} with the same "
                "--config and --workdir again, it goes on where it stopped"
            )
        return fingerprint(record)

    def _move_aside(self, name: str) -> Path:
        number = 1
        while (aside := self.workdir / "superseded" / f"{name}-{number}").exists():
            number += 1
        aside.parent.mkdir(exist_ok=True)
        os.rename(self.path(name), aside)
        return aside


def _is_growth(change: Change, stage: Stage) -> bool:
    """Whether a key that may be raised without starting anew was raised."""
    grows = change.key in [f"config.{stage.name}.{key}" for key in stage.grows]
    return grows and isinstance(change.was, (int, float)) and change.now > change.was


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
