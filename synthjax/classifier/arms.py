"""The arms: what each trains on and is validated on. The one table, and its reader.

Seed k of an arm has the initial parameters and the seed of the order of images of
seed k of every other arm. What an arm draws for itself, patients or a permutation, is
another draw for each k.
"""

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np
from jaxtyping import Bool, Int, Shaped

from synthjax.classifier.soft_labels import choose_copies
from synthjax.core import rng
from synthjax.core.errors import StudyError
from synthjax.data.dataset import Dataset
from synthjax.data.soft_labels import SoftLabels
from synthjax.data.store.loader import Table
from synthjax.data.store.selection import Selection
from synthjax.statistics.roc import undefined_reason


@dataclasses.dataclass(frozen=True)
class Arm:
    """What a classifier is trained on.

    The synthetic set may hold several images for each real row of labels: copy 1 has
    one of each, copy 2 another one of each. The real set has copy 1 alone.
    """

    train: tuple[tuple[str, int], ...]  # (set, copy) that are put together
    valid: str  # set whose validation split chooses among the checkpoints
    patients: float = 1.0  # share of the patients that take part
    shuffled: bool = False  # labels are permuted, of training and of validation
    # Soft labels, from classifiers of this arm, take the place of the labels asked for.
    teacher: str = ""
    # Of all copies of a row of labels the one that agrees best with them, as the
    # classifiers of this arm see it.
    chosen_by: str = ""

    @property
    def taught_by(self) -> str:
        """The arm that has to be trained before this one; empty if there is none."""
        return self.teacher or self.chosen_by


REAL, SYNTHETIC = ("real", 1), ("synthetic", 1)
_TWICE = (SYNTHETIC, ("synthetic", 2))
_THRICE = (*_TWICE, ("synthetic", 3))
ARMS = {
    "real": Arm((REAL,), "real"),
    "synthetic": Arm((SYNTHETIC,), "synthetic"),
    "mixed": Arm((REAL, SYNTHETIC), "real"),
    # More synthetic images (Khosravi et al. 2024): still no real one takes part.
    "synthetic_2x": Arm(_TWICE, "synthetic"),
    "synthetic_3x": Arm(_THRICE, "synthetic"),
    # The same images, with the labels that classifiers of real images see in them.
    "synthetic_teacher": Arm((SYNTHETIC,), "synthetic", teacher="real"),
    "synthetic_teacher_2x": Arm(_TWICE, "synthetic", teacher="real"),
    "synthetic_teacher_3x": Arm(_THRICE, "synthetic", teacher="real"),
    # As many images as in synthetic, chosen from all copies.
    "synthetic_chosen": Arm(_TWICE, "synthetic", chosen_by="real"),
    "synthetic_chosen_teacher": Arm(
        _TWICE, "synthetic", chosen_by="real", teacher="real"
    ),
    # Controls: what half of the patients cost, what a mere repetition brings (against
    # mixed), and what is learned where there is nothing to learn.
    "real_subsampled": Arm((REAL,), "real", patients=0.5),
    "real_duplicated": Arm((REAL, REAL), "real"),
    "real_shuffled": Arm((REAL,), "real", shuffled=True),
}


def check_copies(arms: tuple[str, ...], copies: int, where: str) -> None:
    """Raises StudyError if an arm needs more synthetic images of a row than there are.

    Args:
      arms: names of arms.
      copies: images of each row of labels in the synthetic training split.
      where: what says so, for the message.
    """
    for name in arms:
        needed = max(copy for _, copy in ARMS[name].train)
        if needed > copies:
            raise StudyError(
                f"config.classifier.arms: {name} trains on {needed} synthetic images "
                f"for each real one, but {where} says {copies}; set "
                f"config.synth.copies_per_row={needed} and run the synth stage, or "
                "leave the arm out (a folder of external images has one)"
            )


@dataclasses.dataclass(frozen=True)
class Sets:
    """The real and the synthetic set, and what the arms are validated on."""

    datasets: Mapping[str, Dataset]  # "real" and "synthetic"
    copies: Mapping[str, int]  # images of each row of labels in the training split
    valid: Mapping[str, Table]  # validation splits that an arm asks for, and the real
    soft: SoftLabels | None = None  # of the synthetic set, once there are teachers

    def copy_size(self, name: str) -> int:
        """Returns how many training images one copy has."""
        return self.datasets[name].counts["train"] // self.copies[name]


def open_sets(arms: tuple[str, ...], *, real: Dataset, synthetic: Dataset) -> Sets:
    """Reads the validation splits of arms, once it is known that the sets will do.

    Raises:
      StudyError: the sets differ in labels or kind of image, or there are fewer
        synthetic images than an arm needs.
    """
    check_same_schema(real, synthetic)
    # A set of the last release says "volumes".
    said = synthetic.provenance
    copies = said.get("copies_per_row", said.get("volumes", 1))
    check_copies(arms, copies, str(synthetic.directory))
    datasets = {"real": real, "synthetic": synthetic}
    validating = {"real"} | {ARMS[arm].valid for arm in arms}
    return Sets(
        datasets=datasets,
        copies={"real": 1, "synthetic": copies},
        valid={name: datasets[name].table("valid") for name in validating},
    )


def check_same_schema(real: Dataset, synthetic: Dataset) -> None:
    """Raises StudyError unless both sets have the same labels and kind of image."""
    for name in ("labels", "resolution", "channels"):
        want, have = getattr(real.schema, name), getattr(synthetic.schema, name)
        if want != have:
            raise StudyError(
                f"{synthetic.directory} has {name} {have}, but {real.directory} has "
                f"{want}; both sets must be made alike: run the synth stage again, or "
                "give a matching folder"
            )


def check_validation(sets: Sets) -> None:
    """Raises StudyError if a set's validation split has no label with both classes."""
    for name, table in sets.valid.items():
        if all(undefined_reason(column) for column in table.label.T):
            raise StudyError(
                f"config.classifier.schedule=plateau: no label of the {name} set has "
                "both classes in the validation split, so nothing says when to stop; "
                "use schedule=cosine or a larger validation split"
            )


@dataclasses.dataclass(frozen=True)
class Job:
    """One classifier to train."""

    arm: str
    k: int  # which seed of the arm
    train: Selection
    valid: Table

    @property
    def name(self) -> str:
        """Says which classifier it is, in messages."""
        return f"classifier {self.arm} seed {self.k}"


def make_job(arm: str, k: int, *, seed: int, sets: Sets) -> Job:
    """Returns what seed k of an arm is trained and validated on.

    Args:
      arm: a key of ARMS.
      k: which seed of the arm.
      seed: of the study.
      sets: what `open_sets` read.
    """
    plan, valid = ARMS[arm], sets.valid[ARMS[arm].valid]
    parts, labels = [], []
    for name, positions in _positions(plan, sets):
        dataset = sets.datasets[name]
        metadata = dataset.metadata("train")
        if plan.patients < 1:
            draw = rng.host_generator(seed, "classifier patients", k)
            patients = metadata.patient_id[positions]
            positions = positions[_some_patients(patients, plan.patients, draw)]
        parts.append((dataset["train"], positions))
        if plan.teacher:
            labels.append(_soft(sets).of(metadata.id[positions]))
        else:
            labels.append(metadata.label[positions])
    label = np.concatenate(labels)
    if plan.shuffled:
        # Validation too: chosen by true labels, the best of many would be above chance.
        draw = rng.host_generator(seed, "classifier labels", k)
        label = draw.permutation(label)
        valid = dataclasses.replace(valid, label=draw.permutation(valid.label))
    return Job(arm, k, Selection(parts, label), valid)


def _positions(plan: Arm, sets: Sets) -> Iterator[tuple[str, Int[np.ndarray, " n"]]]:
    """Yields each set that an arm trains on, with the places of its images."""
    if plan.chosen_by:
        yield "synthetic", chosen_positions(sets)
        return
    for name, copy in plan.train:
        size = sets.copy_size(name)
        yield name, np.arange((copy - 1) * size, copy * size)


def chosen_positions(sets: Sets) -> Int[np.ndarray, " rows"]:
    """Returns the places of the synthetic training images that teachers chose."""
    metadata = sets.datasets["synthetic"].metadata("train")
    probability = _soft(sets).of(metadata.id)
    return choose_copies(metadata.label, probability, sets.copies["synthetic"])


def _soft(sets: Sets) -> SoftLabels:
    if sets.soft is None:
        raise ValueError("the teachers have not labelled the synthetic set")
    return sets.soft


def _some_patients(
    patient_id: Shaped[np.ndarray, " n"], share: float, draw: np.random.Generator
) -> Bool[np.ndarray, " n"]:
    """Returns which images are of the drawn patients, at least one of them."""
    patients = np.unique(patient_id.astype(np.str_))
    count = max(1, round(share * len(patients)))
    drawn = draw.choice(patients, count, replace=False)
    return np.isin(patient_id.astype(np.str_), drawn)
