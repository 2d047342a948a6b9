"""Orbax's manager of checkpoints, as every run here has it."""

import logging
from collections.abc import Iterable
from pathlib import Path

import orbax.checkpoint as ocp
from orbax.checkpoint.path import atomicity

# Orbax logs each file it touches, and what its threads also raise in `wait`.
logging.getLogger("absl").setLevel(logging.CRITICAL)


class _Unlocated(atomicity.AtomicRenameTemporaryPath):
    """A folder that appears whole; its mark of success does not say where it was made."""

    async def finalize(self) -> None:
        await super().finalize()
        mark = Path(self.get_final()) / atomicity.COMMIT_SUCCESS_FILE
        mark.write_text("Checkpoint commit was successful", encoding="utf-8")


def make_manager(
    directory: Path, arrays: Iterable[str], values: Iterable[str], *, keep: int
) -> ocp.CheckpointManager:
    """Returns the manager of the checkpoints in a directory, which is made if missing.

    Args:
      directory: absolute.
      arrays: names of the items that are trees of arrays.
      values: names of the items that are JSON.
      keep: how many of the newest steps are kept.
    """
    handlers = {name: ocp.StandardCheckpointHandler() for name in arrays}
    handlers |= {name: ocp.JsonCheckpointHandler() for name in values}
    return ocp.CheckpointManager(
        directory,
        item_handlers=handlers,
        options=ocp.CheckpointManagerOptions(
            max_to_keep=keep, create=True, temporary_path_class=_Unlocated
        ),
    )
