"""Orbax, in one place: items `train`, `ema`, `data` and `meta` per step.

Saving is asynchronous and atomic: a step's folder appears whole or not at all.
Arrays are taken to the host before they are handed over, so a checkpoint does not
depend on how many devices or processes wrote it.
"""

import logging
from collections.abc import Collection
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np
import orbax.checkpoint as ocp
from flax import serialization

from synthjax.core.errors import StudyError
from synthjax.core.files import read_json

T = TypeVar("T")
# Orbax logs each file it touches, and what its threads also raise in `wait`.
logging.getLogger("absl").setLevel(logging.CRITICAL)


class Checkpoints:
    """The checkpoints of one run, in `<directory>/<step>/{train,ema,data,meta}`.

    Args:
      directory: made if missing.
      keep: how many of the newest steps are kept.
    """

    def __init__(self, directory: Path, *, keep: int = 2) -> None:
        self.directory = Path(directory).absolute()
        self._manager = ocp.CheckpointManager(
            self.directory,
            item_handlers={
                "train": ocp.StandardCheckpointHandler(),
                "ema": ocp.StandardCheckpointHandler(),
                "data": ocp.JsonCheckpointHandler(),
                "meta": ocp.JsonCheckpointHandler(),
            },
            options=ocp.CheckpointManagerOptions(max_to_keep=keep, create=True),
        )

    def save(self, step: int, *, train: Any, ema: Any, data: dict, meta: dict) -> None:
        """Starts saving; returns once the arrays are on the host.

        Args:
          step: the number the checkpoint goes by.
          train: a tree of arrays, everything that training needs to go on.
          ema: a tree of arrays, what is shipped.
          data: the loader's position (JSON).
          meta: config, versions, clock (JSON).
        """
        self._manager.save(
            step,
            args=ocp.args.Composite(
                train=ocp.args.StandardSave(_host(train)),
                ema=ocp.args.StandardSave(_host(ema)),
                data=ocp.args.JsonSave(data),
                meta=ocp.args.JsonSave(meta),
            ),
        )

    def wait(self) -> None:
        """Returns when every save is on disk; raises what a save raised."""
        self._manager.wait_until_finished()

    def close(self) -> None:
        """Waits and releases the threads."""
        self._manager.close()

    def latest(self) -> int | None:
        """The newest complete step, or None."""
        return self._manager.latest_step()

    def steps(self) -> list[int]:
        """All complete steps, ascending."""
        return sorted(self._manager.all_steps())

    def restore(self, step: int, *, train: T, ema: Any) -> tuple[T, Any, dict, dict]:
        """Loads everything as host arrays.

        Args:
          step: a step of `steps()`.
          train: a tree of arrays (or shapes) like the one saved.
          ema: likewise.

        Raises:
          StudyError: the checkpoint is of another architecture.
        """
        meta = self.read_meta(step)
        self._compare(step, "train", train)
        restored = self._manager.restore(
            step,
            args=ocp.args.Composite(
                train=ocp.args.StandardRestore(_shapes(train)),
                ema=ocp.args.StandardRestore(_shapes(ema)),
                data=ocp.args.JsonRestore(),
            ),
        )
        loaded = serialization.from_state_dict(train, restored.train)
        return loaded, restored.ema, restored.data, meta

    def restore_ema(self, step: int, ema: T) -> T:
        """Loads the `ema` item alone, as host arrays.

        Raises:
          StudyError: the checkpoint is of another architecture.
        """
        self._compare(step, "ema", ema)
        arguments = ocp.args.Composite(ema=ocp.args.StandardRestore(_shapes(ema)))
        return self._manager.restore(step, args=arguments).ema

    def read_meta(self, step: int) -> dict:
        """The `meta` item of a step."""
        arguments = ocp.args.Composite(meta=ocp.args.JsonRestore())
        return self._manager.restore(step, args=arguments).meta

    def read_item(
        self, step: int, item: str, only: Collection[str] = ()
    ) -> dict[str, Any]:
        """An item of arrays as it was saved, whatever its architecture.

        Args:
          step: a step of `steps()`.
          item: `train` or `ema`.
          only: the entries to read of the item's uppermost level; () is all.

        Returns:
          Nested dicts of host arrays.

        Raises:
          StudyError: the checkpoint has no such item or entry.
        """
        folder = self.directory / str(step) / item
        if not folder.is_dir():
            raise StudyError(f"there is no {folder}; choose a step of {self.steps()}")
        saved = self._manager.item_metadata(step)[item]
        tree = getattr(saved, "tree", saved)
        for name in only:
            if name not in tree:
                raise StudyError(
                    f"{folder} holds no {name}, only {', '.join(sorted(tree))}; it was "
                    "written by another version of synthjax. Use that version"
                )
        wanted = {name: tree[name] for name in (only or tree)}
        like = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), wanted)
        types = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), like)
        with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as checkpointer:
            return checkpointer.restore(
                folder,
                args=ocp.args.PyTreeRestore(like, types, partial_restore=True),
            )

    def _compare(self, step: int, item: str, like: Any) -> None:
        """Names the first parameter in which the checkpoint and `like` differ."""
        saved = self._manager.item_metadata(step)[item]
        have = _by_path(getattr(saved, "tree", saved))
        want = _by_path(_host_shapes(like))
        for name in sorted(set(have) | set(want)):
            old, new = have.get(name), want.get(name)
            if old == new:
                continue
            raise StudyError(
                f"{self.directory / str(step)} is a checkpoint of another "
                f"architecture: {name} has shape {_say(old)} there and {_say(new)} "
                "in this config. Set the config back, or use another workdir"
            )


def read_newest_meta(directory: Path) -> dict | None:
    """Reads the `meta` item of the newest complete step; None if there is no step.

    Nothing is made or locked, so a run that writes there is not disturbed.
    """
    steps = [int(path.name) for path in directory.glob("*") if path.name.isdigit()]
    if not steps:
        return None
    return read_json(directory / str(max(steps)) / "meta" / "metadata")


def _host(tree: Any) -> Any:
    return jax.tree.map(np.asarray, _plain(tree))


def _plain(tree: Any) -> Any:
    """A struct dataclass as nested dicts, as Orbax stores it."""
    return serialization.to_state_dict(tree)


def _shapes(tree: Any) -> Any:
    return jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), _plain(tree))


def _host_shapes(tree: Any) -> Any:
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), _plain(tree))


def _by_path(tree: Any) -> dict[str, tuple[int, ...]]:
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {_path(path): tuple(leaf.shape) for path, leaf in leaves}


def _path(path: Any) -> str:
    keys = (getattr(p, "key", getattr(p, "idx", getattr(p, "name", p))) for p in path)
    return "/".join(str(key) for key in keys)


def _say(shape: tuple[int, ...] | None) -> str:
    return "no such parameter" if shape is None else str(shape)
