"""Fine-tuning: a new run's networks begin with what fits of another study's.

Parameters go by name, and names by resolution (conv32, image32), so that a larger
network takes the smaller one's blocks and learns the others anew.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from synthjax.core.checkpoint import Checkpoints
from synthjax.core.clock import say
from synthjax.core.errors import StudyError
from synthjax.gan.config import ResolvedConfig
from synthjax.gan.generator import CHECKPOINTS
from synthjax.gan.networks.api import Params
from synthjax.gan.state import TrainState

PARAMS = ("generator", "discriminator", "ema")  # what of a state is taken

LabelAxes = Mapping[str, tuple[int, bool]]  # as `Capabilities.label_axes` has them


@dataclass(frozen=True)
class Source:
    """Another study's networks, as a checkpoint of its gan directory has them."""

    params: dict[str, Params]  # one tree, on the host, for each name of PARAMS
    labels: tuple[str, ...]  # names of its findings, in the order of label rows
    model: str  # its config.gan.model
    resolution: int  # px
    channels: int
    step: int  # of the checkpoint
    kimg: float  # real images it was trained on, thousands


@dataclass(frozen=True)
class FinetuneReport:
    """What became of every array, each named by its path; shapes are (there, here)."""

    taken: tuple[str, ...]  # as they are
    by_label: tuple[str, ...]  # for the labels in common alone, the rest is new
    new: tuple[str, ...]  # not in the source
    unused: tuple[str, ...]  # in the source alone
    other_shape: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]  # not taken
    shared_labels: tuple[str, ...]  # names in common, where they were told
    parameters_taken: int  # numbers, not arrays
    parameters: int  # numbers in the new networks

    def text(self) -> str:
        """Returns a line per group that is not empty; whole layers go by their name."""
        here = {*self.taken, *self.by_label, *self.new, *self.other_shape}
        there = {*self.taken, *self.by_label, *self.unused, *self.other_shape}
        share = 100 * self.parameters_taken // max(self.parameters, 1)
        count = f"{len(self.taken)} of {len(here)} arrays"
        lines = [f"taken {count} ({share} % of the parameters)"]
        if self.by_label:
            names = ", ".join(self.shared_labels) or "none"
            lines.append(
                f"by label name: {', '.join(self.by_label)} for labels in common: "
                f"{names}"
            )
        if self.new:
            lines.append(f"new: {', '.join(_layers(self.new, here))}")
        if self.unused:
            lines.append(f"unused: {', '.join(_layers(self.unused, there))}")
        if self.other_shape:
            shapes = self.other_shape.items()
            each = (f"{name} {old} there, {new} here" for name, (old, new) in shapes)
            lines.append(f"other shape: {'; '.join(each)}")
        return "\n".join(lines)


def read_source(gan: Path, step: int = 0) -> Source:
    """Reads the networks of a checkpoint in a gan directory, of whatever architecture.

    Args:
      gan: the gan directory of another study.
      step: of the checkpoint; 0 is the newest that is whole.

    Raises:
      StudyError: there is no finished checkpoint, none of that step, or none is whole.
    """
    folder = Path(gan) / CHECKPOINTS
    checkpoints = Checkpoints(folder) if folder.is_dir() else None
    steps = checkpoints.steps() if checkpoints else []
    if checkpoints is None or not steps:
        raise StudyError(
            f"{folder} holds no finished checkpoint to start from; give the gan "
            "directory of a study whose gan stage has run"
        )
    try:
        if step and step not in steps:
            raise StudyError(
                f"{folder} holds no checkpoint of step {step}, only {steps}"
            )
        if step:
            return _read_step(checkpoints, step)
        found = checkpoints.read_newest(lambda newest: _read_step(checkpoints, newest))
    finally:
        checkpoints.close()
    assert found is not None  # there are steps
    return found[1]


def _read_step(checkpoints: Checkpoints, step: int) -> Source:
    """Reads the networks of one step."""
    meta = checkpoints.read_meta(step)
    params = checkpoints.read_item(step, "train", only=PARAMS)
    return Source(
        params=params,
        labels=tuple(meta["labels"]),
        model=meta["config"]["model"],
        resolution=meta["resolution"],
        channels=meta["channels"],
        step=step,
        kimg=meta["kimg"],
    )


def finetune(
    state: TrainState, config: ResolvedConfig, labels: tuple[str, ...]
) -> TrainState:
    """Returns a new state with what fits of the networks at `config.init_from`.

    Args:
      state: before the first update.
      config: where the other study is, and what these networks are.
      labels: names of the findings, in the order of labels.

    Raises:
      StudyError: there is no such checkpoint, or nothing of it fits.
    """
    source = read_source(Path(config.init_from), config.init_step)
    loaded, report = load_compatible(
        {name: getattr(state, name) for name in PARAMS},
        source.params,
        labels=(labels, source.labels),
        label_axes=config.capabilities.label_axes,
    )
    say(f"gan: weights of {config.init_from} at {source.kimg:.1f} kimg")
    say(report.text())
    return state.replace(**loaded)


def load_compatible(
    into: Params,
    source: Params,
    *,
    labels: tuple[Sequence[str], Sequence[str]] | None = None,
    label_axes: LabelAxes | None = None,
) -> tuple[Params, FinetuneReport]:
    """Returns the tree `into` with the arrays of `source` whose path and shape fit.

    An array that has a row or a column for each label fits as a whole only if the
    labels are the same. Where their names are told and differ, those of the labels in
    common are taken, scaled so that each says as much among the new number of labels
    as it did among the old one.

    Args:
      into: the new run's parameters.
      source: the other run's.
      labels: names of the findings here and there, in the order of label rows; None:
        the order is taken to be the same if the number is.
      label_axes: which arrays have an entry for each label.

    Returns:
      The tree, in the structure and dtypes of `into`, and what became of each array.

    Raises:
      StudyError: nothing fits.
    """
    here, there = _by_path(into), _by_path(source)
    moved = labels is not None and list(labels[0]) != list(labels[1])
    taken: dict[str, Any] = {}
    by_label: dict[str, Any] = {}
    other_shape = {}
    rows = 0
    for name in here.keys() & there.keys():
        new, old = here[name], there[name]
        axis = _label_axis(name, label_axes or {}) if moved else None
        if labels is not None and axis is not None:
            merged, count = _by_names(new, old, axis, *labels)
            if merged is not None:
                by_label[name], rows = merged, rows + count
                continue
        elif new.shape == old.shape:
            taken[name] = np.asarray(old, new.dtype)
            continue
        other_shape[name] = (tuple(old.shape), tuple(new.shape))
    result = FinetuneReport(
        taken=tuple(sorted(taken)),
        by_label=tuple(sorted(by_label)),
        new=tuple(sorted(here.keys() - there.keys())),
        unused=tuple(sorted(there.keys() - here.keys())),
        other_shape=dict(sorted(other_shape.items())),
        shared_labels=tuple(x for x in labels[0] if x in labels[1]) if labels else (),
        parameters_taken=sum(math.prod(x.shape) for x in taken.values()) + rows,
        parameters=sum(math.prod(x.shape) for x in here.values()),
    )
    if not result.taken:
        raise StudyError(
            "no parameter of the checkpoint to start from fits the networks of this "
            "config: set config.gan.model and its sizes as they were there"
        )
    values = here | taken | by_label
    tree = jax.tree_util.tree_map_with_path(lambda path, _: values[_name(path)], into)
    return tree, result


def _by_names(
    new: Any,
    old: Any,
    axis: tuple[int, bool],
    names: Sequence[str],
    old_names: Sequence[str],
) -> tuple[np.ndarray | None, int]:
    """Returns `new` with the common labels' entries of `old`, and how many those are.

    None if the arrays differ in more than their labels.
    """
    along, scaled = axis
    here, there = (np.moveaxis(np.asarray(x), along, 0) for x in (new, old))
    counts = (len(here), len(there))
    if counts != (len(names), len(old_names)) or here.shape[1:] != there.shape[1:]:
        return None, 0
    factor = np.float32((len(names) / len(old_names)) ** 0.5 if scaled else 1.0)
    merged, numbers = here.copy(), 0
    for i, name in enumerate(names):
        if name in old_names:
            merged[i] = factor * there[list(old_names).index(name)]
            numbers += merged[i].size
    return np.ascontiguousarray(np.moveaxis(merged, 0, along)), numbers


def _label_axis(name: str, label_axes: LabelAxes) -> tuple[int, bool] | None:
    return label_axes.get("/".join(name.split("/")[-2:]))


def _by_path(tree: Params) -> dict[str, Any]:
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {_name(path): leaf for path, leaf in leaves}


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _layers(names: Iterable[str], among: Iterable[str]) -> list[str]:
    """Returns the names, with one name in place of all the arrays below it."""
    chosen, others = set(names), set(among) - set(names)
    closed = {parent for name in others for parent in _parents(name)}
    shortest = (
        next((parent for parent in _parents(name) if parent not in closed), name)
        for name in sorted(chosen)
    )
    return list(dict.fromkeys(shortest))


def _parents(name: str) -> list[str]:
    """Returns the path above a name, from the root: a/b/c gives a and a/b."""
    parts = name.split("/")
    return ["/".join(parts[:i]) for i in range(1, len(parts))]
