"""One classifier's run: its parts, and how it is saved and gone on with."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import numpy as np

from synthjax.classifier.arms import ARMS, Job
from synthjax.classifier.config import SCHEDULES, ClassifierConfig
from synthjax.classifier.schedule import Schedule
from synthjax.classifier.step import State, Steps
from synthjax.classifier.validation import Best
from synthjax.core import rng
from synthjax.core.checkpoint import Checkpoints
from synthjax.core.clock import Clock
from synthjax.core.config import freeze
from synthjax.core.devices import Devices
from synthjax.core.errors import StudyError
from synthjax.core.files import read_json_if_whole
from synthjax.core.identity import identity
from synthjax.core.public import public
from synthjax.data.store.feed import Feed
from synthjax.data.store.loader import make_feed


@dataclasses.dataclass(frozen=True)
class Run:
    """What one classifier is trained with; feed and schedule keep where they are."""

    config: ClassifierConfig
    seed: int  # of the study
    job: Job  # which seed of which arm, and its images
    steps: Steps
    schedule: Schedule  # learning rates, and when the run ends
    feed: Feed
    out: Path
    devices: Devices


def make_run(
    config: ClassifierConfig,
    job: Job,
    steps: Steps,
    *,
    seed: int,
    epoch_images: int,
    out: Path,
    devices: Devices,
) -> Run:
    """Returns the run of a job, as it is before the first update.

    Args:
      config: the section config.classifier.
      job: which seed of which arm, and its images.
      steps: what all classifiers share.
      seed: of the study.
      epoch_images: images of the real training split, whatever the arm.
      out: where the run writes.
      devices: where to train.
    """
    feed = make_feed(
        job.train,
        batch_size=config.batch_size,
        seed=_order_seed(seed, job.k),
        devices=devices,
        resident=config.resident,
    )
    schedule = SCHEDULES[config.schedule](config, epoch_images)
    return Run(config, seed, job, steps, schedule, feed, out, devices)


def _order_seed(seed: int, k: int) -> int:
    bits = jax.random.bits(rng.key(seed, "classifier order", k), dtype=np.uint32)
    return int(bits) >> 1


def settings(run: Run) -> dict[str, Any]:
    """Returns what config.json says of a run, as `load_classifier` reads it."""
    schema = run.job.train.schema
    return {
        "config": public(run.config),
        "seed": run.seed,
        "arm": run.job.arm,
        "k": run.job.k,
        "trained_on": [list(part) for part in ARMS[run.job.arm].train],
        "validated_on": ARMS[run.job.arm].valid,
        "n_train": len(run.job.train),
        "labels": list(schema.labels),
        "resolution": schema.resolution,
        "channels": schema.channels,
    }


def check_settings(folder: Path, config: ClassifierConfig, arm: str, seed: int) -> None:
    """Checks that what a folder holds was trained as this run would train it.

    Which other arms there are does not matter to it.

    Args:
      folder: of one classifier; it need not be there.
      config: the section config.classifier.
      arm: what the classifier was trained on.
      seed: of the study.

    Raises:
      StudyError: other settings; the message has old and new values.
    """
    keys = ("config", "seed")
    saved = read_json_if_whole(folder / "config.json", keys=keys)
    if saved is None:
        return
    kept = freeze(ClassifierConfig, saved["config"], "classifier", saved=True)
    was = identity(kept) | {"(seed of the study)": saved["seed"]}
    now = identity(config) | {"(seed of the study)": seed}
    changed = [
        f"config.classifier.{key} was {was.get(key)} and is {now.get(key)}"
        for key in sorted(was.keys() | now.keys())
        if was.get(key) != now.get(key) and _matters(key, arm)
    ]
    if changed:
        raise StudyError(
            f"{folder} was trained with other settings: {'; '.join(changed)}. Set them "
            f"back, or move {folder.parent.parent} away"
        )


def _matters(key: str, arm: str) -> bool:
    """Whether a key of the config decides what a classifier of an arm becomes."""
    if key.startswith("teacher."):
        return bool(ARMS[arm].taught_by)
    return key not in ("arms", "primary")


def save(
    run: Run,
    checkpoints: Checkpoints,
    step: int,
    state: State,
    best: Best,
    clock: Clock,
) -> None:
    """Saves all that the run needs to go on in the same bits; see `restore`."""
    checkpoints.save(
        step,
        train=state,
        ema=best.variables,
        data=run.feed.position(),
        meta={
            "selection": {"best_step": best.step, "best_auroc": best.auroc},
            "clock": clock.state(),
            "schedule": run.schedule.state(),
        },
    )


def restore(
    run: Run, checkpoints: Checkpoints, state: State, best: Best
) -> tuple[int, State, Best, Clock]:
    """Takes the run back to its newest checkpoint that is whole.

    Those after it are moved aside. Without any, what is given is returned.

    Args:
      run: its feed and its schedule are put where they were.
      checkpoints: of the run.
      state: one like that which was saved.
      best: likewise.

    Returns:
      The updates that were done, the state, the best, and the clock.

    Raises:
      StudyError: there are checkpoints, but none is whole.
    """
    found = checkpoints.read_newest(
        lambda step: checkpoints.restore(step, train=state, ema=best.variables)
    )
    if found is None:
        return 0, state, best, Clock(run.schedule.steps)
    step, (state, variables, position, meta) = found
    checkpoints.set_aside_after(step, devices=run.devices)
    run.feed.restore(position)
    run.schedule.restore(meta["schedule"])
    selection = meta["selection"]
    best = Best(variables, selection["best_step"], selection["best_auroc"])
    return step, state, best, Clock(run.schedule.steps, **meta["clock"])
