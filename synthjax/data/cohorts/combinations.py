"""Combinations of labels: their ranks, their histogram, and sampling by them."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float32, Int


@dataclasses.dataclass(frozen=True)
class Combinations:
    """The combination of positive labels of every image."""

    member: Int[np.ndarray, " n"]  # the index of an image's combination
    columns: list[tuple[int, ...]]  # the positive columns of each combination

    @classmethod
    def of(cls, label: Float32[np.ndarray, "n y"]) -> "Combinations":
        """Number the combinations by their bits, the first label the most significant.

        Unknown labels (NaN) count as not positive.
        """
        member = np.zeros(len(label), np.int64)
        first = member[:1]  # an image of each combination
        for byte in np.packbits(label == 1, axis=1).T:  # quicker than whole rows
            _, first, member = np.unique(
                member * 256 + byte, return_index=True, return_inverse=True
            )
        columns = [tuple(np.flatnonzero(row == 1).tolist()) for row in label[first]]
        return cls(member, columns)

    def count(self, images: Int[np.ndarray, " k"]) -> Int[np.ndarray, " c"]:
        """Count the images of each combination among these."""
        return np.bincount(self.member[images], minlength=len(self.columns))

    def rank(self, images: Int[np.ndarray, " k"]) -> list[tuple[int, int]]:
        """Return (combination, images) among these images, the most frequent first.

        Among equally frequent ones the paper's order is arbitrary (its sort is not
        stable); here it is that of their columns.
        """
        counts = self.count(images)
        present = np.flatnonzero(counts).tolist()
        present.sort(key=lambda number: (-counts[number], self.columns[number]))
        return [(number, int(counts[number])) for number in present]

    def name(self, labels: Sequence[str], combination: int) -> list[str]:
        """Return the positive labels of a combination."""
        return [labels[column] for column in self.columns[combination]]


def combination_histogram(
    labels: Sequence[str], label: Float32[np.ndarray, "n y"]
) -> list[dict[str, Any]]:
    """Count every combination of positive labels, the most frequent first.

    Unknown labels (NaN) count as not positive; equally frequent combinations stand in
    the order of their columns.
    """
    found = Combinations.of(label)
    return [
        {"positive": found.name(labels, combination), "images": images}
        for combination, images in found.rank(np.arange(len(label)))
    ]


def stratified_sample(
    stratum: Int[np.ndarray, " n"], size: int, random: np.random.RandomState
) -> Int[np.ndarray, " k"]:
    """Draw indices of `size` images so that every stratum has its share.

    Draws what is on the train side of scikit-learn's StratifiedShuffleSplit
    (`train_size=size`, the rest for test), which the paper used, and draws also where
    that refuses: strata of one image, fewer images than strata.

    Args:
        stratum: index of each image's stratum.
        size: at most n.
    """
    _, member, counts = np.unique(stratum, return_inverse=True, return_counts=True)
    wanted = _shares(counts, size, random)
    _shares(counts - wanted, len(stratum) - size, random)  # scikit-learn's test side
    indices = np.split(np.argsort(member, kind="stable"), np.cumsum(counts)[:-1])
    drawn = [
        own[random.permutation(len(own))[:share]]
        for own, share in zip(indices, wanted, strict=True)
    ]
    return np.concatenate(drawn)


def _shares(
    counts: Int[np.ndarray, " s"], size: int, random: np.random.RandomState
) -> Int[np.ndarray, " s"]:
    """Share `size` out in proportion to the counts, by largest remainders.

    Remainders that are equal are chosen among at random.
    """
    exact = counts / max(counts.sum(), 1) * size
    shares = np.floor(exact)
    left = int(size - shares.sum())
    for value in np.unique(exact - shares)[::-1]:
        if not left:
            break
        equal = np.flatnonzero(exact - np.floor(exact) == value)
        more = min(len(equal), left)
        shares[random.choice(equal, size=more, replace=False)] += 1
        left -= more
    return shares.astype(np.int64)
