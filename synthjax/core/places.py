"""Where a command may write: never into what a command reads."""

import os
from collections.abc import Mapping
from pathlib import Path

from synthjax.core.errors import StudyError
from synthjax.core.stage_record import FILE
from synthjax.core.stages import STAGES, SUPERSEDED

_OWN = (*STAGES, SUPERSEDED)  # folders of a workdir that the study alone writes


def is_inside(place: Path | str, folder: Path | str) -> bool:
    """Whether a place is a folder or lies in it, by whatever names and links.

    Args:
      place: it need not be there yet.
      folder: if it is not there, nothing lies in it.
    """
    try:
        wanted = os.stat(Path(folder).expanduser())
    except OSError:
        return False
    real = Path(place).expanduser().resolve()
    for candidate in (real, *real.parents):
        try:
            if os.path.samestat(os.stat(candidate), wanted):
                return True
        except OSError:
            continue  # not there yet
    return False


def check_workdir(workdir: Path, read: Mapping[str, str]) -> None:
    """Checks that a study does not read what it writes.

    Args:
      workdir: of the study.
      read: key of the config -> the folder or file that it has the study read.

    Raises:
      StudyError: the workdir lies in such a folder, or the folder in a directory of the
        study's own.
    """
    for key, folder in read.items():
        if Path(folder).expanduser().is_dir() and is_inside(workdir, folder):
            raise StudyError(
                f"{workdir} lies in {folder}, which {key} has the study read: what it "
                "writes would become images of its own. Choose a --workdir outside"
            )
        for name in _OWN:
            if is_inside(folder, workdir / name):
                raise StudyError(
                    f"{key}={folder} lies in {workdir / name}, which the study writes "
                    "itself. Copy it to a place outside, or choose another --workdir"
                )


def check_output(out: Path, read: Mapping[str, str]) -> None:
    """Checks that a file or folder is not written into what a command reads.

    Args:
      out: what is to be written.
      read: as in `check_workdir`.

    Raises:
      StudyError: it lies in such a folder, or in a stage's directory.
    """
    for key, folder in read.items():
        if is_inside(out, folder):
            raise StudyError(
                f"{out} lies in {folder}, whose images {key} reads: it would become one of "
                "them. Choose another --out"
            )
    for parent in out.expanduser().resolve().parents:
        if (parent / FILE).is_file():
            raise StudyError(
                f"{out} lies in {parent}, which is the directory of a stage of a study. "
                "Choose another --out"
            )
