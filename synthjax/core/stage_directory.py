"""The directory of one stage: whether it holds what it should, and which content."""

import os
from pathlib import Path
from typing import Any

from synthjax.core.content import (
    Contents,
    Files,
    describe_differences,
    differences,
    identify,
    is_empty,
    is_made,
)
from synthjax.core.errors import StudyError
from synthjax.core.files import free_place
from synthjax.core.stage_record import (
    FILE,
    MADE_ELSEWHERE,
    Identity,
    fingerprint,
    read_record,
)
from synthjax.core.stages import SUPERSEDED, Stage


class StageDirectory:
    """The directory of a stage.

    Args:
      workdir: of the study.
      stage: whose directory it is.
      contents: what was looked at before, of all stages.
    """

    def __init__(self, workdir: Path, stage: Stage, contents: Contents) -> None:
        self.path, self.stage = workdir / stage.name, stage
        self._superseded, self._contents = workdir / SUPERSEDED, contents

    @property
    def command(self) -> str:
        """Says how to run the stage, for messages."""
        return (
            f"run python -m launch.{self.stage.name} with the same --config and "
            "--workdir"
        )

    @property
    def is_empty(self) -> bool:
        """Whether it is not there, or holds but what killed writers left."""
        return is_empty(self.path)

    def record(self) -> dict[str, Any] | None:
        """Reads its stage.json; None if there is none.

        Raises:
          DamagedError: it is damaged.
        """
        return read_record(self.path)

    def look(self, record: dict[str, Any] | None = None) -> Files:
        """Returns the files that are handed on, as they are now."""
        known = (record or {}).get("files")
        return self._contents.look(self.path, self.stage, known)

    def differences(self, record: dict[str, Any]) -> tuple[tuple[str, ...], str]:
        """Returns the files that are not what a record says, and a sentence of them."""
        if "files" not in record:  # as the last release recorded it
            return (), ""
        was, now = record["files"], self.look(record)
        said = describe_differences(self.stage.name, was, now)
        return tuple(differences(was, now)), said

    def identity(self) -> Identity:
        """Identifies what the finished stage made, as it is now.

        Raises:
          StudyError: it is missing or not finished, or not what it was when it was
            done; the message names the file.
        """
        record = self.record()
        if record is None:
            if self.is_empty:
                raise StudyError(
                    f"{self.path} is missing: {self.command} first, or launch.pipeline "
                    "for all stages"
                )
            self.check_made()
            content = identify(self.look())
            return Identity(f"{MADE_ELSEWHERE}: {content}", content)
        if record["status"] != "done":
            raise StudyError(
                f"{self.path} is not finished: {self.command} again, it goes on where "
                "it stopped"
            )
        wrong, said = self.differences(record)
        if wrong:
            mends = self.stage.mends
            how = "goes on from what is whole" if mends else "makes it anew"
            raise StudyError(
                f"{said}: {self.command}, which {how} and moves the other aside; or "
                f"remove {self.path / FILE} to use it as it is"
            )
        return Identity(fingerprint(record), identify(self.look(record)))

    def check_made(self) -> None:
        """Raises StudyError unless it holds what the stage makes, whoever made it."""
        if not is_made(self.path, self.stage):
            raise StudyError(
                f"{self.path} was not made by this study and is not what the stage "
                f"{self.stage.name} makes: it has no {self.stage.makes}. Move it away "
                "and run again, or put there what is to be used in its place"
            )

    def move_aside(self) -> Path:
        """Moves it to superseded/; returns where it is now."""
        aside = free_place(self._superseded, self.stage.name)
        os.rename(self.path, aside)
        return aside

    def move_files_aside(self, files: tuple[str, ...]) -> Path:
        """Moves some of its files to superseded/; returns the folder."""
        aside = free_place(self._superseded, self.stage.name)
        for file in files:
            if (path := self.path / file).exists():
                (aside / file).parent.mkdir(parents=True, exist_ok=True)
                os.rename(path, aside / file)
        return aside
