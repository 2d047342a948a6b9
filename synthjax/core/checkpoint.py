"""Orbax, in one place: items `train`, `ema`, `data`, `meta` and `digest` per step.

Saving is asynchronous and atomic: a step's folder appears whole or not at all. What is
read is held against the digest that was saved with it, and a checkpoint that is damaged
gives way to the one before it. Arrays are taken to the host before they are handed over,
so a checkpoint does not depend on how many devices or processes wrote it.
"""

import contextlib
import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np
import orbax.checkpoint as ocp
from flax import serialization

from synthjax.core import checkpoint_digest
from synthjax.core.checkpoint_digest import by_path
from synthjax.core.checkpoint_manager import make_manager
from synthjax.core.clock import say
from synthjax.core.devices import Devices
from synthjax.core.errors import StudyError
from synthjax.core.files import DamagedError, free_place, read_json

T = TypeVar("T")
DAMAGED = "damaged"  # beside a folder of checkpoints: those of it that are not whole
_ARRAYS = ("train", "ema")  # items that are trees of arrays; the others are JSON
_DIGEST = "digest"  # an item that checkpoints of the last release lack


class Checkpoints:
    """The checkpoints of one run, in `<directory>/<step>/{train,ema,data,meta,digest}`.

    Args:
      directory: made if missing.
      keep: how many of the newest steps are kept.
    """

    def __init__(self, directory: Path, *, keep: int = 2) -> None:
        self.directory = Path(directory).absolute()
        self._manager = make_manager(
            self.directory, _ARRAYS, ("data", "meta", _DIGEST), keep=keep
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
        arrays = {"train": _host(train), "ema": _host(ema)}
        values = {"data": data, "meta": meta}
        digest = checkpoint_digest.make_digest(arrays, values)
        self._manager.save(
            step,
            args=ocp.args.Composite(
                **{item: ocp.args.StandardSave(tree) for item, tree in arrays.items()},
                **{item: ocp.args.JsonSave(value) for item, value in values.items()},
                **{_DIGEST: ocp.args.JsonSave(digest)},
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

    def read_newest(self, read: Callable[[int], T]) -> tuple[int, T] | None:
        """Reads the newest step that is whole, and says which newer ones are not.

        Args:
          read: reads what is wanted of a step, by methods of this class.

        Returns:
          The step, and what `read` returned; None if there is no step at all.

        Raises:
          StudyError: there are steps, but none of them is whole.
        """
        steps = self.steps()
        for step in reversed(steps):
            try:
                return step, read(step)
            except DamagedError as error:
                say(f"{error}; the one before it is tried")
        if not steps:
            return None
        raise StudyError(
            f"no checkpoint in {self.directory} is whole: move that folder away, and "
            "the stage that wrote it begins anew"
        )

    def set_aside_after(self, step: int, *, devices: Devices) -> None:
        """Moves newer steps out of the way of a run that goes on from `step`.

        They go to the folder `damaged` beside this one.

        Args:
          step: what `read_newest` returned.
          devices: of the run; every process calls this, and the main one moves.
        """
        newer = [other for other in self.steps() if other > step]
        if not newer:
            return
        if devices.is_main:
            for other in newer:
                aside = free_place(self.directory.parent / DAMAGED, str(other))
                os.rename(self.directory / str(other), aside)
        devices.barrier("damaged checkpoints are moved")
        self._manager.reload()

    def restore(self, step: int, *, train: T, ema: Any) -> tuple[T, Any, dict, dict]:
        """Loads everything as host arrays.

        Args:
          step: a step of `steps()`.
          train: a tree of arrays (or shapes) like the one saved.
          ema: likewise.

        Raises:
          StudyError: the checkpoint is of another architecture.
          DamagedError: it is not what was saved.
        """
        data, meta = self._read_value(step, "data"), self.read_meta(step)
        restored = self._read_arrays(step, {"train": train, "ema": ema})
        loaded = serialization.from_state_dict(train, restored["train"])
        return loaded, restored["ema"], data, meta

    def restore_ema(self, step: int, ema: T) -> T:
        """Loads the `ema` item alone, as host arrays.

        Raises:
          StudyError: the checkpoint is of another architecture.
          DamagedError: it is not what was saved.
        """
        return self._read_arrays(step, {"ema": ema})["ema"]

    def read_meta(self, step: int) -> dict:
        """Reads the `meta` item of a step.

        Raises:
          DamagedError: it is not what was saved.
        """
        return self._read_value(step, "meta")

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
          DamagedError: it is not what was saved.
        """
        folder = self.directory / str(step) / item
        if step not in self.steps() or item not in _ARRAYS:
            raise StudyError(f"there is no {folder}; choose a step of {self.steps()}")
        with self._damage_is_named(step):
            record = self._read_record(step)
            tree = self._saved_tree(step, item)
        for name in only:
            if name not in tree:
                raise StudyError(
                    f"{folder} holds no {name}, only {', '.join(sorted(tree))}; it was "
                    "written by another version of synthjax. Use that version"
                )
        wanted = {name: tree[name] for name in (only or tree)}
        with self._damage_is_named(step):
            like = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), wanted)
            plain = ocp.RestoreArgs(restore_type=np.ndarray)
            types = jax.tree.map(lambda _: plain, like)
            arguments = ocp.args.PyTreeRestore(like, types, partial_restore=True)
            with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as checkpointer:
                found = checkpointer.restore(folder, args=arguments)
            if record:
                checkpoint_digest.check_arrays(record, item, found)
        return found

    def _read_arrays(self, step: int, like: dict[str, Any]) -> dict[str, Any]:
        """Reads items of arrays, given trees like them."""
        with self._damage_is_named(step):
            record = self._read_record(step)
            saved = {item: self._saved_shapes(step, item, record) for item in like}
        for item, tree in like.items():
            other = checkpoint_digest.first_difference(saved[item], _plain(tree))
            if other:
                raise StudyError(
                    f"{self.directory / str(step)} is a checkpoint of another "
                    f"architecture: {other} in this config. Set the config back, or use "
                    "another workdir"
                )
        with self._damage_is_named(step):
            restored = self._manager.restore(
                step,
                args=ocp.args.Composite(
                    **{
                        item: ocp.args.StandardRestore(_shapes(tree))
                        for item, tree in like.items()
                    }
                ),
            )
            found = {item: restored[item] for item in like}
            for item, tree in found.items():
                if record:
                    checkpoint_digest.check_arrays(record, item, tree)
        return found

    def _read_value(self, step: int, item: str) -> dict:
        """Reads an item of JSON."""
        with self._damage_is_named(step):
            record = self._read_record(step)
            value = read_json(self.directory / str(step) / item / "metadata")
            if record:
                checkpoint_digest.check_value(record, item, value)
        return value

    def _read_record(self, step: int) -> dict[str, Any] | None:
        """Reads the digest of a step; None if the last release saved it."""
        folder = self.directory / str(step) / _DIGEST
        if not folder.is_dir():
            return None
        return checkpoint_digest.check_record(read_json(folder / "metadata"))

    @contextlib.contextmanager
    def _damage_is_named(self, step: int) -> Iterator[None]:
        """Turns whatever Orbax or a digest says of a step into DamagedError."""
        try:
            yield
        except (PermissionError, MemoryError):
            raise  # they say nothing of what is there
        except Exception as error:
            why = str(error).partition("\n")[0] or type(error).__name__
            raise DamagedError(
                f"the checkpoint {self.directory / str(step)} is damaged ({why[:200]})"
            ) from error

    def _saved_tree(self, step: int, item: str) -> Any:
        """Returns what Orbax says of an item's arrays."""
        saved = self._manager.item_metadata(step)[item]
        return getattr(saved, "tree", saved)

    def _saved_shapes(
        self, step: int, item: str, record: dict[str, Any] | None
    ) -> dict[str, tuple[int, ...]]:
        if record:
            return checkpoint_digest.shapes(record, item)
        leaves = by_path(self._saved_tree(step, item))
        return {name: tuple(leaf.shape) for name, leaf in leaves.items()}


def read_newest_meta(directory: Path) -> dict | None:
    """Reads the `meta` item of the newest complete step; None if there is no step.

    Nothing is made or locked, so a run that writes there is not disturbed.
    """
    steps = [int(path.name) for path in directory.glob("*") if path.name.isdigit()]
    for step in sorted(steps, reverse=True):
        with contextlib.suppress(FileNotFoundError, DamagedError):
            return read_json(directory / str(step) / "meta" / "metadata")
    return None


def _host(tree: Any) -> Any:
    return jax.tree.map(np.asarray, _plain(tree))


def _plain(tree: Any) -> Any:
    """A struct dataclass as nested dicts, as Orbax stores it."""
    return serialization.to_state_dict(tree)


def _shapes(tree: Any) -> Any:
    return jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), _plain(tree))
