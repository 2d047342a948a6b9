"""What a stage was made from, and whether that is still so.

A stage's directory keeps `stage.json`: its config, resolved (presets filled in), the
fingerprints of its inputs, and whether it is done. What decides a result is the config
of what is selected, less the fields that declare that they do not affect it, plus the
seed, the inputs and the files outside the study. A field that a later release adds is at
its default in an older record, so it makes nothing stale.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from synthjax.core.config import Config, freeze
from synthjax.core.errors import ConfigError
from synthjax.core.files import read_json
from synthjax.core.identity import identity, non_default
from synthjax.core.public import is_public_place, public

FILE = "stage.json"
MADE_ELSEWHERE = "made elsewhere"  # begins the fingerprint of what no study made
_KEYS = ("config", "inputs", "source", "status", "seconds")  # of every release
UNSET = "unset"  # a key that a config lacks, such as one of a section not chosen


@dataclasses.dataclass(frozen=True)
class Identity:
    """Which directory of a stage it is that another stage reads."""

    fingerprint: str  # of what it was made from
    content: str  # of the files that are handed on


Sections = Mapping[str, Config]
Resolve = Callable[[Sections], Sections]


@dataclasses.dataclass(frozen=True)
class Change:
    """One thing that a stage was made from and that is another now."""

    key: str  # such as config.gan.r1_weight, or "its input data/"
    was: Any
    now: Any

    def __str__(self) -> str:
        if self.was is None and self.now is None:
            return f"{self.key} changed"
        if is_public_place(self.now) or is_public_place(self.was):
            return f"{self.key} names another place"
        return f"{self.key} was {self.was} and is {self.now}"


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a run would do with one stage, and why."""

    stage: str
    action: str  # done, continue, begin, again or foreign
    reasons: tuple[str, ...] = ()  # what changed, or what was raised
    wrong: tuple[str, ...] = ()  # its files that are not what was recorded of them

    def sentence(self, where: str = "what was begun") -> str:
        """Says it as one line, such as `gan: runs, because ...`.

        Args:
          where: at what a stage goes on that was interrupted.
        """
        because = f", because {'; '.join(self.reasons)}" if self.reasons else ""
        said = {
            "done": "done",
            "foreign": "used as it is (it was not made by this study)",
            "begin": "runs",
            "continue": f"goes on at {where}",
            "again": "runs anew",
        }[self.action]
        return f"{self.stage}: {said}{because}"


def read_record(directory: Path) -> dict[str, Any] | None:
    """Reads stage.json of a stage's directory; None if there is none.

    Raises:
      DamagedError: it is damaged.
    """
    try:
        return read_json(
            directory / FILE,
            keys=_KEYS,
            remedy=f"run python -m launch.{directory.name} with the same --config and "
            "--workdir, which keeps what is whole",
        )
    except FileNotFoundError:
        return None


def make_record(
    name: str,
    sections: Sections,
    *,
    seed: int,
    inputs: Mapping[str, Identity],
    source: str | None,
) -> dict[str, Any]:
    """Returns what stage.json says of what a stage is made from.

    Args:
      name: the stage.
      sections: of the study, resolved.
      seed: of the study.
      inputs: which directory of each stage it reads.
      source: identifies the files outside the study; None if there are none.
    """
    config = sections[name]
    fingerprints = {other: found.fingerprint for other, found in inputs.items()}
    made_from = [seed, non_default(config), fingerprints, source]
    return {
        "stage": name,
        "seed": seed,
        "config": public(config),
        "inputs": fingerprints,
        "contents": {other: found.content for other, found in inputs.items()},
        "source": source,
        "fingerprint": _digest(made_from),
    }


def fingerprint(record: dict[str, Any]) -> str:
    """Identifies what a finished stage made, for the stages that read it."""
    if "fingerprint" in record:
        return record["fingerprint"]
    # Version 0.1 kept none, and took all that it knew of.
    return _digest([record[key] for key in ("config", "inputs", "source")])


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def changes(
    old: dict[str, Any], new: dict[str, Any], sections: Sections, resolve: Resolve
) -> list[Change]:
    """Lists what differs between the record of a stage and the one it would get now.

    Args:
      old: stage.json as it is, of this release or the last.
      new: what `make_record` says now.
      sections: of the study, resolved.
      resolve: fills presets in, given all sections.
    """
    name = new["stage"]
    found = []
    seed, saved = _seed_and_config(old)
    if seed is not None and seed != new["seed"]:
        found.append(Change("config.seed", seed, new["seed"]))
    now = identity(sections[name])
    was = _saved_identity(name, saved, sections, resolve)
    if was is None:
        found.append(
            Change(f"config.{name} (not readable by this version)", None, None)
        )
    else:
        for key in sorted(was.keys() | now.keys()):
            before, after = was.get(key, UNSET), now.get(key, UNSET)
            if before != after:
                found.append(Change(f"config.{name}.{key}", before, after))
    for other in sorted(old["inputs"].keys() | new["inputs"].keys()):
        now_read = Identity(new["inputs"].get(other), new["contents"].get(other))
        if not is_read_from(old, other, now_read):
            found.append(Change(f"its input {other}/", None, None))
    if not _is_same_source(old["source"], new["source"]):
        found.append(
            Change("the content of the files that it was made from", None, None)
        )
    return found


def _is_same_source(was: str | None, now: str | None) -> bool:
    """Whether files outside the study are what they were.

    None cannot say. What changed after the set was built stands behind a space: it was
    there when that set was made, so its absence now is no change.
    """
    if now is None or was == now:
        return True
    return was is not None and now == was.partition(" ")[0]


def is_read_from(record: dict[str, Any], other: str, now: Identity) -> bool:
    """Whether a stage was made from the directory that `other` has now.

    The last release recorded no content, and of what was made elsewhere only that.
    """
    was = record["inputs"].get(other)
    if was == MADE_ELSEWHERE:
        same = now.fingerprint.startswith(MADE_ELSEWHERE)
    else:
        same = was == now.fingerprint
    content = record.get("contents", {}).get(other)
    return same and content in (None, now.content)


def _seed_and_config(record: dict[str, Any]) -> tuple[int | None, dict[str, Any]]:
    """Returns the study's seed, None if it is not recorded, and the stage's config."""
    if "seed" in record:
        return record["seed"], record["config"]
    # Version 0.1 put the study's seed into the config, where a seed of the stage's own
    # took its place; that of the data, which every stage goes back to, was kept.
    if record["stage"] == "synth":
        return None, record["config"]
    config = dict(record["config"])
    return config.pop("seed", None), config


def _saved_identity(
    name: str, saved: dict[str, Any], sections: Sections, resolve: Resolve
) -> dict[str, Any] | None:
    """What decided the result by the record; None if its config is not understood."""
    try:
        config = freeze(type(sections[name]), saved, name, saved=True)
        return identity(resolve({**sections, name: config})[name])
    except ConfigError:
        return None
