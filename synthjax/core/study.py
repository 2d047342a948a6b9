"""The map of a study: its stages, what each reads, and when one is finished.

A stage owns the directory `<workdir>/<stage>` and keeps `stage.json` in it: the config
section and the inputs it was made from, and whether it is done. A second run skips
what is done, goes on with what was begun, and makes anew what a changed config or a
changed input invalidates. What is superseded is moved aside, never deleted.
"""

import contextlib
import dataclasses
import errno
import fcntl
import hashlib
import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from synthjax.core.clock import duration, say
from synthjax.core.config import plain
from synthjax.core.errors import StudyError
from synthjax.core.files import read_json, write_json


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
_PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "grain")
# Keys that change how a stage works or what it prints, not what it makes.
_SILENT = (
    *("benchmark", "check", "check_sample"),
    *("workers", "engine", "beam_options", "on_bad_file", "skip_limit"),
)


class Study:
    """One config in one working directory.

    Args:
      workdir: made if missing.
      config: the whole study: `seed` and a section per stage.
      absent: stages that this study does without, such as a generator whose images
        came from somebody else; no stage reads them.
      is_main: whether this process writes (process 0 of several).
      barrier: waits for the other processes, `Devices.barrier`.
    """

    def __init__(
        self,
        workdir: Path,
        config: Any,
        *,
        absent: tuple[str, ...] = (),
        is_main: bool = True,
        barrier: Callable[[str], None] = lambda name: None,
    ) -> None:
        self.workdir = Path(workdir).absolute()
        self.config = plain(config)
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
            record = read_json(path / "stage.json")
            record["status"] = "done"
            record["seconds"] += round(time.monotonic() - begin, 1)
            record["finished"] = _now()
            write_json(path / "stage.json", record)
            say(f"{name}: done in {duration(record['seconds'])}")
        self._barrier(f"{name} is recorded")

    def _prepare(self, name: str, source: str | None) -> bool:
        """Decides between skip, go on and start anew; True if there is work."""
        path, stage = self.path(name), STAGES[name]
        record: dict[str, Any] = {
            "stage": name,
            "config": self._settings(name),
            "inputs": {
                other: self._fingerprint(other)
                for other in stage.reads
                if other not in self._absent
            },
            "source": source,
        }
        old = _read_record(path)
        if old is None and path.exists() and any(path.iterdir()):
            say(f"{name}: {path} was not made by this study; it is used as it is")
            return False
        seconds = 0.0
        if old is not None:
            changes = _changes(old, record, stage)
            if not changes and old["status"] == "done":
                say(f"{name}: done before, skipped")
                return False
            if changes:
                aside = self._move_aside(name)
                say(f"{name}: {'; '.join(changes)}: running again (old one: {aside})")
            else:
                say(f"{name}: going on")
                seconds = old["seconds"]
        else:
            say(f"{name}: begins")
        path.mkdir(parents=True, exist_ok=True)
        record |= {
            "status": "running",
            "seconds": seconds,
            "started": _now(),
            "finished": None,
            "versions": versions(),
        }
        write_json(path / "stage.json", record)
        return True

    def _settings(self, name: str) -> dict[str, Any]:
        section = self.config[name]
        kept = {key: value for key, value in section.items() if key not in _SILENT}
        return {"seed": self.config["seed"], **kept}

    def finished(self, name: str) -> bool:
        """Whether a stage is recorded as done, with whatever config it was made."""
        return self._status(name) == "done"

    def _status(self, name: str) -> str | None:
        record = _read_record(self.path(name))
        return record["status"] if record else None

    def _fingerprint(self, name: str) -> str:
        """Identifies what a finished stage made: its config and its inputs'."""
        path = self.path(name)
        record = _read_record(path)
        if record is None:
            if path.exists() and any(path.iterdir()):
                return "made elsewhere"
            raise StudyError(
                f"{path} is missing: run python -m launch.{name} with the same "
                "--config and --workdir first, or launch.pipeline for all stages"
            )
        if record["status"] != "done":
            raise StudyError(
                f"{path} is not finished: run python -m launch.{name} with the same "
                "--config and --workdir again, it goes on where it stopped"
            )
        made_from = [record[key] for key in ("config", "inputs", "source")]
        identity = json.dumps(made_from, sort_keys=True)
        return hashlib.sha256(identity.encode()).hexdigest()[:16]

    def _move_aside(self, name: str) -> Path:
        number = 1
        while (aside := self.workdir / "superseded" / f"{name}-{number}").exists():
            number += 1
        aside.parent.mkdir(exist_ok=True)
        os.rename(self.path(name), aside)
        return aside


def _read_record(path: Path) -> dict[str, Any] | None:
    try:
        return read_json(path / "stage.json")
    except FileNotFoundError:
        return None
    except json.JSONDecodeError as error:
        raise StudyError(
            f"{path / 'stage.json'} is damaged ({error}); move {path} away and run again"
        ) from None


def _changes(old: dict[str, Any], new: dict[str, Any], stage: Stage) -> list[str]:
    """What differs, as sentences; keys that may grow and did are no difference."""
    before, after = _flat(old["config"]), _flat(new["config"])
    changes = []
    for key in sorted(before | after):
        was, now = before.get(key, "unset"), after.get(key, "unset")
        if was == now:
            continue
        if key in stage.grows and isinstance(was, (int, float)) and now > was:
            say(f"{stage.name}: config.{stage.name}.{key} raised from {was} to {now}")
            old["status"] = "running"
            continue
        where = key if key == "seed" else f"{stage.name}.{key}"
        changes.append(f"config.{where} changed from {was} to {now}")
    for name in stage.reads:
        if old["inputs"].get(name) != new["inputs"].get(name):
            changes.append(f"its input {name}/ changed")
    if new["source"] is not None and old["source"] != new["source"]:
        changes.append("the files it was made from changed")
    return changes


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def versions() -> dict[str, str]:
    """The versions that a result depends on."""
    found = {"python": platform.python_version(), "synthjax": _package("synthjax")}
    return found | {name: _package(name) for name in _PACKAGES}


def _package(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
