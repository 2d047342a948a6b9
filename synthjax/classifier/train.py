"""Trains the same classifier on real and on synthetic images, several seeds each.

The comparison is fair by construction: network, initial parameters of seed k, order
seed of seed k, number of updates and schedule are the same in every arm; only the
images differ. Early stopping is done afterwards, by keeping the parameters with the
best mean validation AUROC. The synthetic arm is validated on synthetic images: no real
image takes part in its training.

With schedule="plateau" each arm stops when its own validation no longer improves, as
published; then the arms do not see the same number of images.
"""

import contextlib
import dataclasses
import math
from pathlib import Path
from typing import Any

import jax
import numpy as np

from synthjax.classifier.arms import ARMS, Job, make_job, open_sets
from synthjax.classifier.config import SCHEDULES, ClassifierConfig
from synthjax.classifier.losses import positive_weights
from synthjax.classifier.predict import (
    PREDICTIONS,
    PREDICTIONS_SYNTHETIC,
    PREDICTIONS_VALID,
    write_predictions,
)
from synthjax.classifier.schedule import Schedule
from synthjax.classifier.trainer import (
    Trainer,
    check_same_schema,
    make_terms,
    make_trainer,
)
from synthjax.classifier.update import State
from synthjax.classifier.validation import check_valid, mean_auroc
from synthjax.core import rng
from synthjax.core.checkpoint import Checkpoints
from synthjax.core.clock import Clock, progress, say
from synthjax.core.config import plain
from synthjax.core.devices import Devices
from synthjax.core.errors import StudyError
from synthjax.core.files import write_json
from synthjax.core.logbook import Logbook
from synthjax.core.signals import Preempted, deferred
from synthjax.data.store.loader import (
    Table,
    make_selection_feed,
    read_counts,
    read_schema,
    read_split,
)


def train_arms(
    config: ClassifierConfig,
    *,
    seed: int,
    data: Path,
    synth: Path,
    out: Path,
    devices: Devices,
) -> None:
    """Trains `config.seeds` classifiers in each arm and predicts with each of them.

    Writes `out/<arm>/seed<k>/` with config.json, metrics.jsonl, checkpoints/, the
    predictions of the real validation split, those of the synthetic test split (if it
    has one) and, last and whole, predictions.npz of the real test split. Seeds that
    have it are skipped; one that was interrupted goes on from its checkpoint and ends
    in the same bits on a CPU.

    Args:
      config: the section config.classifier.
      seed: of the study.
      data: the real set.
      synth: the synthetic set, of the same schema.
      out: where to write.
      devices: where to train.

    Raises:
      StudyError: the sets do not fit together, an arm needs more synthetic images
        than there are, the batch does not divide by the devices, or a loss is not
        finite.
      Preempted: SIGTERM came; a checkpoint is saved.
    """
    # data
    runs = [
        (arm, k, out / arm / f"seed{k}")
        for k in range(config.seeds)
        for arm in config.arms
        if not (out / arm / f"seed{k}" / PREDICTIONS).exists()
    ]
    if not runs:
        return
    schema = read_schema(data)
    check_same_schema(data, schema, synth)
    sets = open_sets(config.arms, data=data, synth=synth)
    if config.schedule == "plateau":
        check_valid(sets.valid)
    tables = {PREDICTIONS_VALID: sets.valid["real"]}
    if "test" in read_counts(synth):
        tables[PREDICTIONS_SYNTHETIC] = read_split(synth, "test")
    tables[PREDICTIONS] = read_split(data, "test")  # last: it says that all are there

    # model and steps
    trainer = make_trainer(config, seed, schema, devices)

    # loop
    for number, (arm, k, directory) in enumerate(runs, 1):
        say(f"classifier {number}/{len(runs)}: {arm}, seed {k}")
        job = make_job(arm, k, seed=seed, sets=sets)
        schedule = SCHEDULES[config.schedule](config, sets.volume["real"])
        best = devices.replicate(train_one(trainer, job, schedule, directory))
        for name, table in tables.items():
            logit = trainer.logits(best, table)
            if devices.is_main:
                write_predictions(directory / name, table, logit)
        devices.barrier(f"predictions of {arm} {k}")


@dataclasses.dataclass
class Run:
    """One seed of one arm, on its way."""

    name: str  # for messages
    schedule: Schedule  # learning rates, and when the run ends
    state: State  # replicated over the devices
    best: Any  # host copy of the variables with the best validation AUROC
    best_step: int | None = None  # updates after which they were taken
    best_auroc: float | None = None  # their mean validation AUROC
    line_step: int = 0  # updates at the last line of metrics
    clock: dict[str, float] = dataclasses.field(
        default_factory=lambda: {"done": 0.0, "seconds": 0.0}
    )

    def save(self, checkpoints: Checkpoints, step: int, position: dict) -> None:
        """Saves all that the run needs to go on in the same bits."""
        selection = {
            name: getattr(self, name)
            for name in ("best_step", "best_auroc", "line_step")
        }
        checkpoints.save(
            step,
            train=self.state,
            ema=self.best,
            data=position,
            meta={
                "selection": selection,
                "clock": self.clock,
                "schedule": self.schedule.state(),
            },
        )


def train_one(trainer: Trainer, job: Job, schedule: Schedule, directory: Path) -> Any:
    """Trains one classifier, or goes on with it; returns the best parameters.

    Args:
      trainer: what all share.
      job: which seed of which arm, and its images.
      schedule: of the learning rate, as it is before the first update.
      directory: where to write.
    """
    config, devices = trainer.config, trainer.devices
    # The draws depend on k alone, so that seed k is the same seed in every arm.
    state = trainer.init(rng.key(trainer.seed, "classifier init", job.k))
    step_key = devices.replicate(rng.key(trainer.seed, "classifier step", job.k))
    feed = make_selection_feed(
        job.train,
        batch_size=config.batch_size,
        seed=_order_seed(trainer.seed, job.k),
        devices=devices,
        resident=config.resident,
    )
    weight = positive_weights(
        job.train.label, scheme=config.class_weights, cap=config.class_weight_cap
    )
    if devices.is_main:
        write_json(directory / "config.json", _describe(trainer, job))

    # restore
    checkpoints = Checkpoints(directory / "checkpoints", keep=config.keep)
    name = f"classifier {job.arm} seed {job.k}"
    run = Run(name, schedule, state, _to_host(state.variables))
    done = checkpoints.latest() or 0
    if done:
        position = _restore(run, checkpoints, done)
        feed.restore(position)
        say(f"{run.name}: going on after {done} of {schedule.steps} updates")
    run.state = devices.replicate(run.state)
    logbook = Logbook(
        directory, enabled=devices.is_main, resume_at=done or None, axis="step"
    )
    timer = Clock(schedule.steps, run.clock["done"], run.clock["seconds"])
    bar: progress[Any] = progress(
        total=schedule.steps, done=done, desc=run.name, unit="updates"
    )

    # loop
    with (
        deferred() as signal,
        contextlib.closing(checkpoints),
        contextlib.closing(logbook),
        contextlib.closing(bar),
    ):
        for step in range(done + 1, schedule.steps + 1):
            if schedule.finished():
                break
            terms = make_terms(schedule.rate(step - 1), weight)
            run.state = trainer.update(run.state, feed.next(), step_key, terms)
            devices.wait(run.state)
            timer.tick(step)
            bar.update(1)
            due = step % schedule.eval_every == 0 or step == schedule.steps
            stop = devices.agree(signal.requested, asking=due)
            if due:
                metrics = _validate(trainer, run, job.valid, step)
                speed = timer.rate * config.batch_size
                logbook.write(step=step, **metrics, images_per_second=speed)
            if due or stop:
                run.clock = timer.state()
                run.save(checkpoints, step, feed.position())
            if stop:
                raise Preempted()
    say(f"{run.name}: {_outcome(run)}")
    return run.best


def _restore(run: Run, checkpoints: Checkpoints, step: int) -> dict[str, int]:
    """Puts the run where the checkpoint was; returns the feed's position."""
    run.state, run.best, position, meta = checkpoints.restore(
        step, train=run.state, ema=run.best
    )
    run.clock = meta["clock"]
    run.schedule.restore(meta["schedule"])
    for name, value in meta["selection"].items():
        setattr(run, name, value)
    return position


def _validate(trainer: Trainer, run: Run, valid: Table, step: int) -> dict[str, float]:
    """Measures the run on its validation split and keeps the parameters if best.

    Raises:
      StudyError: the training loss since the last line is not finite.
    """
    loss = float(run.state.loss_sum) / (step - run.line_step)
    if not math.isfinite(loss):
        raise StudyError(
            f"{run.name}: the loss is {loss} between updates {run.line_step} and {step}. "
            f"The checkpoint after update {run.line_step} is kept. Lower "
            "config.classifier.learning_rate"
        )
    logit = trainer.logits(run.state.variables, valid).astype(np.float64)
    known = ~np.isnan(valid.label)
    sign = np.where(valid.label == 1, -1.0, 1.0)
    cross_entropy = np.logaddexp(0.0, sign * logit)[known]
    score, rate = mean_auroc(valid.label, logit), run.schedule.rate(step - 1)
    better = run.best_auroc is None or (score is not None and score > run.best_auroc)
    run.schedule.observe(better)
    if better:
        run.best, run.best_step, run.best_auroc = (
            _to_host(run.state.variables),
            step,
            score,
        )
    run.line_step = step
    zero = trainer.devices.replicate(np.zeros((), np.float32))
    run.state = dataclasses.replace(run.state, loss_sum=zero)
    return {
        "loss": loss,
        "valid_loss": float(cross_entropy.mean()) if known.any() else math.nan,
        "valid_auroc": math.nan if score is None else score,
        "learning_rate": rate,
    }


def _order_seed(seed: int, k: int) -> int:
    bits = jax.random.bits(rng.key(seed, "classifier order", k), dtype=np.uint32)
    return int(bits) >> 1


def _describe(trainer: Trainer, job: Job) -> dict[str, Any]:
    return {
        "config": plain(trainer.config),
        "seed": trainer.seed,
        "arm": job.arm,
        "k": job.k,
        "trained_on": [list(part) for part in ARMS[job.arm].train],
        "validated_on": ARMS[job.arm].valid,
        "n_train": len(job.train),
        "labels": list(trainer.schema.labels),
        "resolution": trainer.schema.resolution,
        "channels": trainer.schema.channels,
    }


def _to_host(tree: Any) -> Any:
    # A copy: on a CPU np.asarray may be a view of a buffer that the next step reuses.
    return jax.tree.map(lambda leaf: np.array(leaf), tree)


def _outcome(run: Run) -> str:
    if run.best_auroc is None:
        return (
            "validation AUROC undefined (no label has both classes), last update used"
        )
    return f"best validation AUROC {run.best_auroc:.3f} after {run.best_step} updates"
