"""Training the classifiers: read top to bottom, from the sets to the loop.

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
import itertools
import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from synthjax.classifier.arms import ARMS, check_validation, make_job, open_sets
from synthjax.classifier.config import ClassifierConfig
from synthjax.classifier.losses import positive_weights
from synthjax.classifier.networks.api import Variables
from synthjax.classifier.predict import (
    PREDICTIONS,
    PREDICTIONS_SYNTHETIC,
    PREDICTIONS_VALID,
    read_predictions,
    write_predictions,
)
from synthjax.classifier.run import (
    Run,
    check_settings,
    make_run,
    restore,
    save,
    settings,
)
from synthjax.classifier.step import State, check_batch, make_steps, make_terms
from synthjax.classifier.teacher import teach
from synthjax.classifier.validation import Best, mean_auroc, mean_cross_entropy
from synthjax.core import rng
from synthjax.core.checkpoint import Checkpoints
from synthjax.core.clock import progress, say
from synthjax.core.devices import Devices
from synthjax.core.errors import StudyError
from synthjax.core.files import DamagedError, write_json
from synthjax.core.logbook import Logbook
from synthjax.core.signals import Preempted, deferred
from synthjax.data.dataset import Dataset
from synthjax.data.store.loader import Table

__all__ = ["ClassifierConfig", "train"]


def train(
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
    have all of them whole are skipped; one that was interrupted, or whose predictions
    are damaged, goes on from its checkpoint and ends in the same bits on a CPU.

    Args:
      config: the section config.classifier.
      seed: of the study.
      data: the real set.
      synth: the synthetic set, of the same schema.
      out: where to write.
      devices: where to train.

    Raises:
      StudyError: the sets or the devices do not fit, a loss is not finite, or what is
        there was trained with other settings.
      Preempted: SIGTERM came; a checkpoint is saved.
    """
    # devices
    check_batch(config, devices)

    # data
    real, synthetic = Dataset.open(data), Dataset.open(synth)
    sets = open_sets(config.arms, real=real, synthetic=synthetic)
    if config.schedule == "plateau":
        check_validation(sets)
    tables = {PREDICTIONS_VALID: sets.valid["real"]}
    if "test" in synthetic.counts:
        tables[PREDICTIONS_SYNTHETIC] = synthetic.table("test")
    tables[PREDICTIONS] = real.table("test")  # last: it says that all are there
    waiting = _unfinished(config, seed, out, tables)
    if not waiting:
        return

    # model
    steps = make_steps(config, real.schema, devices)

    # loop
    for number, (arm, k) in enumerate(waiting, 1):
        if ARMS[arm].taught_by and sets.soft is None:
            teachers = [
                _folder(out, ARMS[arm].taught_by, k) for k in range(config.seeds)
            ]
            sets = teach(config, teachers, sets, steps=steps, out=out, devices=devices)
        say(f"classifier {number}/{len(waiting)}: {arm}, seed {k}")
        run = make_run(
            config,
            make_job(arm, k, seed=seed, sets=sets),
            steps,
            seed=seed,
            epoch_images=sets.copy_size("real"),
            out=_folder(out, arm, k),
            devices=devices,
        )
        _write_predictions(run, train_classifier(run), tables)


def _folder(out: Path, arm: str, k: int) -> Path:
    return out / arm / f"seed{k}"


def _unfinished(
    config: ClassifierConfig, seed: int, out: Path, files: Collection[str]
) -> list[tuple[str, int]]:
    """Returns the arms and seeds that lack a file of predictions, or a whole one.

    Arms that wait for teachers come last.
    """
    found = []
    taught = [arm for arm in config.arms if ARMS[arm].taught_by]
    others = [arm for arm in config.arms if arm not in taught]
    for arms, k in itertools.product((others, taught), range(config.seeds)):
        for arm in arms:
            folder = _folder(out, arm, k)
            check_settings(folder, config, arm, seed)
            whole = [_is_whole(folder / file) for file in files]  # and said of each
            if not all(whole):
                found.append((arm, k))
    return found


def _is_whole(path: Path) -> bool:
    """Whether predictions are there and whole; says so if they are damaged."""
    try:
        read_predictions(path)
    except DamagedError as error:
        say(f"{error}; it goes on from its checkpoint")
        return False
    except StudyError:
        return False
    return True


def _write_predictions(
    run: Run, variables: Variables, tables: Mapping[str, Table]
) -> None:
    """Predicts splits, given by the names of their files, and writes them in order."""
    variables = run.devices.replicate(variables)
    for name, table in tables.items():
        logit = run.steps.logits(variables, table.pixels)
        if run.devices.is_main:
            write_predictions(run.out / name, table, logit)
    run.devices.barrier(f"predictions of {run.job.arm} {run.job.k}")


def train_classifier(run: Run) -> Variables:
    """Trains one classifier, or goes on with it, and returns its best variables."""
    config, job, schedule, devices = run.config, run.job, run.schedule, run.devices
    if devices.is_main:
        write_json(run.out / "config.json", settings(run))
    weight = positive_weights(
        job.train.label, scheme=config.class_weights, cap=config.class_weight_cap
    )

    # state: the draws depend on k alone, so that seed k is the same seed in every arm
    state = run.steps.init(rng.key(run.seed, "classifier init", job.k))
    step_key = devices.replicate(rng.key(run.seed, "classifier step", job.k))
    best = Best(_to_host(state.variables))

    # restore
    checkpoints = Checkpoints(run.out / "checkpoints", keep=config.keep)
    done, state, best, clock = restore(run, checkpoints, state, best)
    if done:
        say(f"{job.name}: going on after {done} of {schedule.steps} updates")
    state = devices.replicate(state)

    # loop
    logbook = Logbook(
        run.out, enabled=devices.is_main, resume_at=done or None, axis="step"
    )
    bar: progress[Any] = progress(
        total=schedule.steps, done=done, desc=job.name, unit="updates"
    )
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
            state = run.steps.update(state, run.feed.next(), step_key, terms)
            devices.wait(state)
            clock.tick(step)
            bar.update(1)
            due = step % schedule.eval_every == 0 or step == schedule.steps
            stop = devices.agree(signal.requested, asking=due)
            if due:
                metrics = validate(run, state, step)
                speed = clock.rate * config.batch_size
                logbook.write(step=step, **metrics, images_per_second=speed)
                state, best = keep_best(run, state, best, step, metrics["valid_auroc"])
            if due or stop:
                save(run, checkpoints, step, state, best, clock)
            if stop:
                raise Preempted()
    say(f"{job.name}: {best.message()}")
    return best.variables


def validate(run: Run, state: State, step: int) -> dict[str, float]:
    """Returns the metrics of a state after `step` updates, on its arm's validation.

    Raises:
      StudyError: the training loss since the last validation is not finite.
    """
    every = run.schedule.eval_every
    before = (step - 1) // every * every  # updates at the last validation
    loss = float(state.loss_sum) / (step - before)
    if not math.isfinite(loss):
        raise StudyError(
            f"{run.job.name}: the loss is {loss} between updates {before} and {step}. "
            f"The checkpoint after update {before} is kept. Lower "
            "config.classifier.learning_rate"
        )
    label, pixels = run.job.valid.label, run.job.valid.pixels
    logit = run.steps.logits(state.variables, pixels).astype(np.float64)
    return {
        "loss": loss,
        "valid_loss": mean_cross_entropy(label, logit),
        "valid_auroc": mean_auroc(label, logit),
        "learning_rate": run.schedule.rate(step - 1),
    }


def keep_best(
    run: Run, state: State, best: Best, step: int, auroc: float
) -> tuple[State, Best]:
    """Takes note of a validation; returns the state with no loss summed, and the best."""
    better = best.is_below(auroc)
    run.schedule.observe(better)
    if better:
        best = best.replaced(_to_host(state.variables), step, auroc)
    zero = run.devices.replicate(np.zeros((), np.float32))
    return dataclasses.replace(state, loss_sum=zero), best


def _to_host(tree: Any) -> Any:
    # A copy: on a CPU np.asarray may be a view of a buffer that the next step reuses.
    return jax.tree.map(lambda leaf: np.array(leaf), tree)
