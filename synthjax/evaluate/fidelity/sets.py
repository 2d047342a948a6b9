"""The images that are compared: which are drawn, and which stand beside each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt

from synthjax.data.parallel import ordered_map
from synthjax.data.store.stored import StoredSplit
from synthjax.metrics.sample import Sample
from synthjax.statistics.jackknife import GROUPS, assign_groups

_CHUNK = 1024  # records read at a time


@dataclass(frozen=True)
class ImageSet:
    """Some images of a split, to be read when they are needed."""

    stored: StoredSplit
    indices: Int[np.ndarray, " n"]  # of the images in the split, ascending
    patient: np.ndarray  # [n] str
    label: Float[np.ndarray, "n y"]  # 0, 1 or NaN

    def pixels(self, rows: Sequence[int] | np.ndarray) -> UInt[np.ndarray, "b h w c"]:
        """Read the images at rows of this set."""
        records = self.stored.read(self.indices[np.asarray(rows)].tolist())
        return np.stack([record.pixels for record in records])

    def __len__(self) -> int:
        return len(self.indices)


def draw_images(
    stored: StoredSplit, max_images: int, generator: np.random.Generator
) -> ImageSet:
    """Return a split, or a random draw of it if it has more than `max_images`."""
    count = min(max_images, len(stored))
    indices = np.sort(generator.choice(len(stored), count, replace=False))
    chunks = [indices[at : at + _CHUNK].tolist() for at in range(0, count, _CHUNK)]
    read = ordered_map(lambda chunk: stored.read(chunk, images=False), chunks)
    records = [record for part in read for record in part]
    patient = np.array([record.patient_id for record in records], np.str_)
    return ImageSet(stored, indices, patient, np.stack([r.label for r in records]))


@dataclass(frozen=True)
class ComparisonSets:
    """Rows of equally many images: real, synthetic, and real ones of other patients."""

    real: Int[np.ndarray, " n"]  # of the real test images
    synthetic: Int[np.ndarray, " n"]
    held_out: Int[np.ndarray, " n"]  # of the real test images too, for the baseline


def assign_sets(
    real: ImageSet, synthetic: ImageSet, generator: np.random.Generator
) -> ComparisonSets:
    """Assign half of the real patients to each real set, with equally many images."""
    half = assign_groups(real.patient, generator) < GROUPS // 2
    sides = (np.flatnonzero(half), np.arange(len(synthetic)), np.flatnonzero(~half))
    count = min(len(rows) for rows in sides)
    drawn = [np.sort(generator.permutation(rows)[:count]) for rows in sides]
    return ComparisonSets(*drawn)


class Features(NamedTuple):
    """Features of all images of `FidelityImages`, by one encoder."""

    real: Float[np.ndarray, "n d"]
    synthetic: Float[np.ndarray, "s d"]
    train: Float[np.ndarray, "t d"]


@dataclass(frozen=True)
class FidelityImages:
    """All images of an evaluation, in the groups of the jackknife."""

    real: ImageSet  # test images
    synthetic: ImageSet
    train: ImageSet  # real ones
    real_group: Int[np.ndarray, " n"]
    synthetic_group: Int[np.ndarray, " s"]
    train_group: Int[np.ndarray, " t"]
    compared: ComparisonSets

    def samples(self, features: Features) -> tuple[Sample, Sample, Sample, Sample]:
        """Return what a comparison holds: real, synthetic, held out and training.

        A synthetic image is of no patient.
        """
        real = Sample(features.real, self.real.patient, self.real_group)
        synthetic = Sample(features.synthetic, None, self.synthetic_group)
        return (
            real.take(self.compared.real),
            synthetic.take(self.compared.synthetic),
            real.take(self.compared.held_out),
            Sample(features.train, self.train.patient, self.train_group),
        )

    def having(self, y: int) -> tuple[Int[np.ndarray, " m"], ...]:
        """Return the rows with label `y` of each of the `samples`."""
        tables = (
            self.real.label[self.compared.real],
            self.synthetic.label[self.compared.synthetic],
            self.real.label[self.compared.held_out],
            self.train.label,
        )
        return tuple(np.flatnonzero(table[:, y] == 1) for table in tables)


def assign_images(
    real: ImageSet,
    synthetic: ImageSet,
    train: ImageSet,
    generator: np.random.Generator,
) -> FidelityImages:
    """Assign the images to the groups of the jackknife, and to what is compared."""
    # Synthetic images have no patients: each is its own.
    patients = (real.patient, np.arange(len(synthetic)), train.patient)
    groups = [assign_groups(patient, generator) for patient in patients]
    return FidelityImages(
        real=real,
        synthetic=synthetic,
        train=train,
        real_group=groups[0],
        synthetic_group=groups[1],
        train_group=groups[2],
        compared=assign_sets(real, synthetic, generator),
    )
