"""Flags to study: what every launcher of a stage does before and around it."""

import contextlib
import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from absl import flags

from synthjax.classifier.arms import check_copies
from synthjax.core.compile import use_compilation_cache
from synthjax.core.devices import Devices, make_devices
from synthjax.core.places import check_output, check_workdir
from synthjax.core.study import Study
from synthjax.data.config import folders_read
from synthjax.sections import freeze_all, resolve_all

from .command import command
from .config_flag import CONFIG, config_name, parse_flags

_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Where the study is written; by default runs/<name of the config>."
)
_EXPLAIN = flags.DEFINE_bool(
    "explain", False, "Say of each stage whether it would run, and why; do nothing."
)


@dataclasses.dataclass(frozen=True)
class Work:
    """What a stage does, and how it is known to be up to date."""

    name: str  # the stage
    make: Callable[[Path], None]  # makes its directory, going on from what it finds
    everywhere: bool = False  # whether all processes work, or the main one alone
    source: Callable[[], str | None] = lambda: None
    """Identifies the files outside the study; None if there are none, or unchanged."""
    progress: Callable[[Path], str] = lambda path: "what was begun"
    """Says where a stage that was interrupted goes on."""


@dataclasses.dataclass(frozen=True)
class Launch:
    """What a stage is launched with."""

    study: Study
    sections: dict[str, Any]  # every config section as its frozen dataclass, resolved
    seed: int
    joined: Devices | None = None  # None where nothing is computed

    @property
    def devices(self) -> Devices:
        """The devices of the run."""
        assert self.joined is not None
        return self.joined

    def inputs(self, *stages: str) -> dict[str, Path]:
        """Returns the directories of stages, by stage name."""
        return {stage: self.study.path(stage) for stage in stages}

    def output(self, path: str) -> Path:
        """Returns the path of a file to write; raises StudyError if the study reads it."""
        check_output(Path(path), folders_read_by(self.sections))
        return Path(path).absolute()

    def run(self, work: Work) -> None:
        """Runs a stage unless it is done."""
        self.study.run(
            work.name, work.make, everywhere=work.everywhere, source=work.source
        )


def folders_read_by(sections: Mapping[str, Any]) -> dict[str, str]:
    """Returns the user's folders and files that a study reads, by their keys."""
    found = folders_read(sections["data"])
    if sections["synth"].folder.path:
        found["config.synth.folder.path"] = sections["synth"].folder.path
    return found


def launch(run: Callable[[Launch], None], *, alone: bool = True) -> None:
    """Parses the flags, checks the whole config, takes the workdir, calls `run`.

    Args:
      run: what the command does.
      alone: whether no other command may be at work in the workdir; False for one that
        only looks, which a training run need not wait for.
    """
    command(
        lambda: _main(run, alone),
        place=_workdir,
        interrupted="interrupted; the same command goes on where it stopped",
        parse_flags=parse_flags,
    )


def _main(run: Callable[[Launch], None], alone: bool) -> None:
    use_compilation_cache()
    sections = resolve_all(freeze_all(CONFIG.value))
    external = bool(sections["synth"].folder.path)
    seed = CONFIG.value.seed
    check_workdir(_workdir(), folders_read_by(sections))
    map_of_study = {
        "seed": seed,
        "resolve": resolve_all,
        "absent": ("gan",) if external else (),
    }
    if _EXPLAIN.value:
        from .explain import explain  # it imports the launchers, which import this

        explain(Launch(Study(_workdir(), sections, **map_of_study), sections, seed))
        return
    devices = make_devices(sections["devices"])
    devices.check_batch(sections["gan"].batch_size, "gan.batch_size")
    devices.check_batch(sections["classifier"].batch_size, "classifier.batch_size")
    if not external:  # before hours of training, not after
        copies = sections["synth"].copies_per_row
        check_copies(sections["classifier"].arms, copies, "config.synth.copies_per_row")
    study = Study(
        _workdir(),
        sections,
        is_main=devices.is_main,
        barrier=devices.barrier,
        **map_of_study,
    )
    with study.locked() if alone else contextlib.nullcontext():
        run(Launch(study, sections, seed, devices))


def _workdir() -> Path:
    return Path(_WORKDIR.value or Path("runs") / config_name())
