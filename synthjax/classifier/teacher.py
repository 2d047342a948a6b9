"""Teachers: classifiers trained on real images give synthetic images their labels.

A generator does not always draw what it was asked for. Classifiers of the real training
split say what an image shows, as a probability of each finding: a soft label. They are
those of the real arm, chosen on real validation images; no validation or test image is
trained on. Lomurno & Matteucci 2024 (arXiv:2407.15526) label medical images so.
"""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int, UInt

from synthjax.classifier.arms import ARMS, Sets, chosen_positions
from synthjax.classifier.config import ClassifierConfig
from synthjax.classifier.networks.api import Variables
from synthjax.classifier.predict import load_classifier
from synthjax.classifier.soft_labels import (
    TeacherConfig,
    agreement,
    mean_probability,
)
from synthjax.classifier.step import Steps
from synthjax.core.clock import progress, say
from synthjax.core.devices import Devices
from synthjax.core.errors import StudyError
from synthjax.core.files import DamagedError, write_json
from synthjax.data.dataset import Dataset
from synthjax.data.images.pixels import to_bytes
from synthjax.data.soft_labels import (
    SOFT_LABELS,
    SoftLabels,
    read_soft_labels,
    write_soft_labels,
)
from synthjax.data.store.stored import StoredSplit
from synthjax.metrics.within_label import mean_distance, same_label_groups

CHOICE = "chosen.json"  # what choosing among synthetic copies brought, and cost
_READ_BYTES = 256_000_000  # of images in memory at a time, about
_COMPARED = 2048  # images whose differences are measured, at most


def teach(
    config: ClassifierConfig,
    trained: Sequence[Path],
    sets: Sets,
    *,
    steps: Steps,
    out: Path,
    devices: Devices,
) -> Sets:
    """Returns the sets with the soft labels of classifiers that are trained.

    Writes SOFT_LABELS, and CHOICE if an arm chooses among copies.

    Args:
      config: the section config.classifier.
      trained: folders of the classifiers of the teaching arm, of whom the first
        `config.teacher.count` label.
      sets: what the arms train on.
      steps: of the network that all share.
      out: directory of the classifier stage.
      devices: where the teachers run.

    Raises:
      StudyError: there is no trained classifier in a folder, or two synthetic images
        have the same id.
    """
    teachers, synthetic = trained[: config.teacher.count], sets.datasets["synthetic"]
    say(
        f"classifier: {len(teachers)} classifiers of the arm {teachers[0].parent.name} "
        "label the synthetic images"
    )
    soft = label_softly(
        config.teacher, teachers, synthetic, steps=steps, out=out, devices=devices
    )
    sets = dataclasses.replace(sets, soft=soft)
    if any(ARMS[arm].chosen_by for arm in config.arms) and devices.is_main:
        copies, chosen = sets.copies["synthetic"], chosen_positions(sets)
        choice = describe_choice(synthetic, chosen, soft, copies)
        told = {key: None if math.isnan(x) else x for key, x in choice.items()}
        write_json(out / CHOICE, told)
        say(
            f"classifier: of {copies} images for each row of labels the teachers choose "
            f"one; agreement {choice['agreement_all']:.3f} of all, "
            f"{choice['agreement_chosen']:.3f} of the chosen (log-probability); "
            f"difference within a row of labels {choice['diversity_all']:.3f} of the "
            f"first, {choice['diversity_chosen']:.3f} of the chosen"
        )
    return sets


def label_softly(
    config: TeacherConfig,
    teachers: Sequence[Path],
    synthetic: Dataset,
    *,
    steps: Steps,
    out: Path,
    devices: Devices,
) -> SoftLabels:
    """Labels every image of a synthetic set; reads the labels if they are there.

    Args:
      config: the section config.classifier.teacher.
      teachers: folders of trained classifiers, whose mean probability is taken.
      synthetic: what is labelled, all splits.
      steps: of the network that the teachers share.
      out: directory of the classifier stage; gets the file SOFT_LABELS.
      devices: where the teachers run.

    Raises:
      StudyError: there is no trained classifier in a folder, or two images of the set
        have the same id.
    """
    ids = np.concatenate([synthetic.metadata(split).id for split in synthetic.counts])
    if len(np.unique(ids)) < len(ids):
        raise StudyError(
            f"{synthetic.directory}: an id comes in two splits, and soft labels are kept "
            "by id; give the images of the splits different names"
        )
    origin = (
        f"mean of {len(teachers)} classifiers of the arm {teachers[0].parent.name}, "
        f"temperature {config.temperature:g}"
    )
    digest = synthetic.sample_digest()
    found = _read_whole(out / SOFT_LABELS)
    if found is not None and (found.origin, found.digest) == (origin, digest):
        return found
    variables = [devices.replicate(load_classifier(path)[1]) for path in teachers]
    bar: progress = progress(total=len(synthetic), desc="soft labels", unit="images")
    parts = []
    for split in synthetic.counts:
        for pixels in _chunks(synthetic[split]):
            parts.append(
                _mean_probability(variables, pixels, steps, config.temperature)
            )
            bar.update(len(pixels))
    bar.close()
    soft = SoftLabels(
        synthetic.schema.labels, ids, np.concatenate(parts), origin, digest
    )
    if devices.is_main:
        write_soft_labels(out / SOFT_LABELS, soft)
    devices.barrier("soft labels")
    return soft


def _read_whole(path: Path) -> SoftLabels | None:
    """Returns the soft labels that are there, if they are whole."""
    try:
        return read_soft_labels(path)
    except FileNotFoundError:
        return None
    except DamagedError as error:
        say(f"{error}: the images are labelled again")
        return None


def _chunks(stored: StoredSplit) -> Iterator[UInt[np.ndarray, "n h w c"]]:
    schema = stored.schema
    image_bytes = int(np.prod(schema.image_shape)) * schema.dtype.itemsize
    step = max(1, _READ_BYTES // image_bytes)
    for start in range(0, len(stored), step):
        records = stored.read(range(start, min(start + step, len(stored))))
        yield np.stack([record.pixels for record in records])


def _mean_probability(
    teachers: Sequence[Variables],
    pixels: UInt[np.ndarray, "n h w c"],
    steps: Steps,
    temperature: float,
) -> Float32[np.ndarray, "n y"]:
    logits = np.stack([steps.logits(teacher, pixels) for teacher in teachers])
    return mean_probability(logits, temperature)


def describe_choice(
    synthetic: Dataset, chosen: Int[np.ndarray, " rows"], soft: SoftLabels, copies: int
) -> dict[str, float]:
    """Returns what choosing one of the copies of each row brought, and what it cost.

    Args:
      synthetic: the set, whose training images were chosen from.
      chosen: places of the chosen training images.
      soft: labels of the set.
      copies: images that were drawn for each row of labels.

    Returns:
      candidates: images for each row. agreement_all, agreement_chosen: mean
      log-probability of the labels asked for. diversity_all, diversity_chosen: mean
      root-mean-square difference of images with the same labels, intensities -1..1, of
      the first copy and of the chosen, NaN without such images.
    """
    metadata = synthetic.metadata("train")
    scores = agreement(metadata.label, soft.of(metadata.id))
    first = np.arange(len(chosen))
    return {
        "candidates": copies,
        "agreement_all": float(scores.mean()),
        "agreement_chosen": float(scores[chosen].mean()),
        "diversity_all": _diversity(synthetic, first),
        "diversity_chosen": _diversity(synthetic, chosen),
    }


def _diversity(synthetic: Dataset, places: Int[np.ndarray, " n"]) -> float:
    """Returns the mean difference within a label row of some of the images."""
    few = places[
        np.linspace(0, len(places) - 1, min(len(places), _COMPARED)).astype(int)
    ]
    records = synthetic["train"].read(few.tolist())
    pixels = np.stack([to_bytes(record.pixels) for record in records])
    label = synthetic.metadata("train").label[few]
    return mean_distance(pixels, same_label_groups(label))
