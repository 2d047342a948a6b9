"""The arms: what each trains on and is validated on. The one table, and its reader.

Seed k of an arm has the initial parameters and the seed of the order of images of
seed k of every other arm. What an arm draws for itself, patients or a permutation, is
another draw for each k.
"""

import dataclasses
from pathlib import Path

import jax
import numpy as np

from synthjax.core import rng
from synthjax.core.errors import StudyError
from synthjax.data.listing import Metadata
from synthjax.data.store.loader import (
    Selection,
    StoredSplit,
    Table,
    read_metadata,
    read_provenance,
    read_split,
)


@dataclasses.dataclass(frozen=True)
class Arm:
    """What a classifier is trained on.

    The synthetic set may hold several images for each real row: volume 1 has one of
    each, volume 2 another one of each. The real set has volume 1 alone.
    """

    train: tuple[tuple[str, int], ...]  # (set, volume) that are put together
    valid: str  # set whose validation split chooses among the checkpoints
    patients: float = 1.0  # part of the patients that are kept
    shuffled: bool = False  # label rows are permuted, of training and of validation


REAL, SYNTHETIC = ("real", 1), ("synthetic", 1)
ARMS = {
    "real": Arm((REAL,), "real"),
    "synthetic": Arm((SYNTHETIC,), "synthetic"),
    "mixed": Arm((REAL, SYNTHETIC), "real"),
    # More synthetic images (Khosravi et al. 2024): still no real one takes part.
    "synthetic_2x": Arm((SYNTHETIC, ("synthetic", 2)), "synthetic"),
    "synthetic_3x": Arm((SYNTHETIC, ("synthetic", 2), ("synthetic", 3)), "synthetic"),
    # Controls: what half of the patients cost, what a mere repetition brings (against
    # mixed), and what is learned where there is nothing to learn.
    "real_subsampled": Arm((REAL,), "real", patients=0.5),
    "real_duplicated": Arm((REAL, REAL), "real"),
    "real_shuffled": Arm((REAL,), "real", shuffled=True),
}


def check_volumes(arms: tuple[str, ...], volumes: int, where: str) -> None:
    """Raises StudyError if an arm needs more synthetic volumes than there are.

    Args:
      arms: names of arms.
      volumes: of the synthetic training split.
      where: what says so, for the message.
    """
    for name in arms:
        needed = max(volume for _, volume in ARMS[name].train)
        if needed > volumes:
            raise StudyError(
                f"config.classifier.arms: {name} trains on {needed} volumes of synthetic "
                f"images, but {where} says {volumes}; set "
                f"config.synth.copies_per_row={needed} and run the synth stage, or "
                "leave the arm out (a folder of external images is one volume)"
            )


@dataclasses.dataclass(frozen=True)
class Sets:
    """The real and the synthetic set, as far as the arms ask for them."""

    train: dict[str, StoredSplit]  # by set
    rows: dict[str, Metadata]  # of the training splits, by position
    volume: dict[str, int]  # images of one volume
    valid: dict[str, Table]


def open_sets(arms: tuple[str, ...], *, data: Path, synth: Path) -> Sets:
    """Reads the labels of what the arms train on and the tables they validate on.

    Raises:
      StudyError: there are fewer synthetic volumes than an arm needs.
    """
    made = read_provenance(synth)  # by the last release it says "volumes"
    copies = made.get("copies_per_row", made.get("volumes", 1))
    volumes = {"real": 1, "synthetic": copies}
    check_volumes(arms, volumes["synthetic"], str(synth))
    folders = {"real": data, "synthetic": synth}
    used = {name for arm in arms for name, _ in ARMS[arm].train} | {"real"}
    judges = {ARMS[arm].valid for arm in arms} | {"real"}
    train = {name: StoredSplit(folders[name], "train") for name in used}
    return Sets(
        train=train,
        rows={name: read_metadata(stored) for name, stored in train.items()},
        volume={name: len(split) // volumes[name] for name, split in train.items()},
        valid={name: read_split(folders[name], "valid") for name in judges},
    )


@dataclasses.dataclass(frozen=True)
class Job:
    """One classifier to train."""

    arm: str
    k: int  # which seed of the arm
    train: Selection
    valid: Table


def make_job(arm: str, k: int, *, seed: int, sets: Sets) -> Job:
    """What seed k of an arm is trained and validated on.

    Args:
      arm: a key of ARMS.
      k: which seed of the arm.
      seed: of the study.
      sets: what `open_sets` read.
    """
    plan, valid = ARMS[arm], sets.valid[ARMS[arm].valid]
    parts, labels = [], []
    for name, volume in plan.train:
        size = sets.volume[name]
        positions = np.arange((volume - 1) * size, volume * size)
        if plan.patients < 1:
            draw = _generator(seed, "classifier patients", k)
            patients = sets.rows[name].patient_id[positions]
            positions = positions[_some_patients(patients, plan.patients, draw)]
        parts.append((sets.train[name], positions))
        labels.append(sets.rows[name].label[positions])
    label = np.concatenate(labels)
    if plan.shuffled:
        # Validation too: chosen by true labels, the best of many would be above chance.
        draw = _generator(seed, "classifier labels", k)
        label = draw.permutation(label)
        valid = dataclasses.replace(valid, label=draw.permutation(valid.label))
    return Job(arm, k, Selection(parts, label), valid)


def _some_patients(
    patient_id: np.ndarray, part: float, draw: np.random.Generator
) -> np.ndarray:
    """Which images are of the drawn patients, at least one of them: bool [n]."""
    patients = np.unique(patient_id.astype(np.str_))
    count = max(1, round(part * len(patients)))
    kept = draw.choice(patients, count, replace=False)
    return np.isin(patient_id.astype(np.str_), kept)


def _generator(seed: int, name: str, k: int) -> np.random.Generator:
    bits = jax.random.bits(rng.key(seed, name, k), dtype=np.uint32)
    return np.random.default_rng(int(bits))
