"""Soft labels: a probability of each finding, beside the labels an image was asked for.

A file of its own, keyed by image id, so that the set it is of stays as it was written.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Shaped

from synthjax.core.errors import StudyError
from synthjax.core.files import read_arrays, write_atomic

SOFT_LABELS = "soft_labels.npz"  # in the directory of the classifier stage

_REMEDY = "run the classifier stage again"


@dataclass(frozen=True)
class SoftLabels:
    """Probabilities of findings in images, as trained classifiers see them."""

    labels: tuple[str, ...]  # names of the findings
    id: Shaped[np.ndarray, " n"]  # of the images, each once
    probability: Float32[np.ndarray, "n y"]  # 0 to 1
    origin: str = ""  # which classifiers gave them, and how
    digest: str = ""  # of the set: `Dataset.sample_digest`

    def of(self, ids: Shaped[np.ndarray, " m"]) -> Float32[np.ndarray, "m y"]:
        """Returns the probabilities of these images, in their order.

        Raises:
            StudyError: an image has none.
        """
        place = {name: number for number, name in enumerate(self.id.tolist())}
        missing = [name for name in ids.tolist() if name not in place]
        if missing:
            raise StudyError(
                f"{len(missing)} images have no soft labels, such as {missing[0]!r}: "
                f"they are of another set; {_REMEDY}"
            )
        return self.probability[[place[name] for name in ids.tolist()]]


def write_soft_labels(path: Path, soft: SoftLabels) -> None:
    """Writes the fields of soft labels, each an array, to an .npz, atomically."""
    buffer = io.BytesIO()
    np.savez(
        buffer,
        id=soft.id.astype(np.str_),
        probability=soft.probability,
        labels=np.asarray(soft.labels, np.str_),
        origin=np.asarray(soft.origin, np.str_),
        digest=np.asarray(soft.digest, np.str_),
    )
    write_atomic(path, buffer.getvalue())


def read_soft_labels(path: Path) -> SoftLabels:
    """Reads what `write_soft_labels` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        DamagedError: it is damaged or has other contents.
    """
    return read_arrays(path, _check, remedy=_REMEDY)


def _check(arrays: Mapping[str, np.ndarray]) -> SoftLabels:
    """Returns the soft labels of a file; raises ValueError if they do not fit."""
    texts = [arrays[name] for name in ("id", "labels", "origin", "digest")]
    ids, labels, origin, digest = texts
    probability = arrays["probability"]
    if {array.dtype.kind for array in texts} != {"U"}:
        raise ValueError("id, labels, origin and digest are not text")
    if probability.shape != (len(ids), len(labels)):
        raise ValueError(
            f"{probability.shape} probabilities of {len(ids)} images and "
            f"{len(labels)} labels"
        )
    if not np.all((probability >= 0) & (probability <= 1)):
        raise ValueError("a probability is not within 0 and 1")
    return SoftLabels(
        tuple(labels.tolist()),
        ids,
        probability.astype(np.float32),
        str(origin),
        str(digest),
    )
