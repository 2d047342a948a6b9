"""Which real test images are explained: the first ones with each finding."""

import dataclasses

import numpy as np
from jaxtyping import Int

from synthjax.data.store.loader import Table


@dataclasses.dataclass(frozen=True)
class Chosen:
    """Images with a finding each; row i is an image and one of its findings."""

    row: Int[np.ndarray, " n"]  # of the test images
    finding: Int[np.ndarray, " n"]  # number of the label

    def unique(self) -> tuple[Int[np.ndarray, " m"], Int[np.ndarray, " n"]]:
        """Return the images, each once, and where among them each row's is."""
        rows, place = np.unique(self.row, return_inverse=True)
        return rows, place.ravel()


def describe_choice(images: int) -> str:
    """Say for people which images `choose` takes."""
    return (
        f"the first {images} patients, by image id, with the finding, each with the "
        "first image that shows it"
    )


def choose(table: Table, images: int) -> Chosen:
    """Choose for each label the first positive images by id, one of each patient."""
    rows, findings = [], []
    for y in range(table.label.shape[1]):
        positive = np.flatnonzero(table.label[:, y] == 1)
        _, first = np.unique(table.patient_id[positive].astype(str), return_index=True)
        picked = positive[np.sort(first)[:images]]
        rows.append(picked)
        findings.append(np.full(len(picked), y, np.int32))
    return Chosen(np.concatenate(rows), np.concatenate(findings))
