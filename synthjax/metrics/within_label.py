"""How much images with the same labels differ from one another."""

import math

import numpy as np
from jaxtyping import Float, Int, UInt8


def coded_labels(labels: Float[np.ndarray, "n y"]) -> Float[np.ndarray, "n y"]:
    """Returns labels in which an unknown one equals another unknown one."""
    return np.nan_to_num(labels, nan=-1.0)


def same_label_groups(
    labels: Float[np.ndarray, "n y"],
) -> list[Int[np.ndarray, " _m"]]:
    """Returns the indices of equal labels, for all that occur twice or more."""
    _, group = np.unique(coded_labels(labels), axis=0, return_inverse=True)
    members = [np.flatnonzero(group == number) for number in range(group.max() + 1)]
    return [indices for indices in members if len(indices) > 1]


def mean_distance(
    pixels: UInt8[np.ndarray, "n h w c"],
    groups: list[Int[np.ndarray, " _m"]],
    chunk: int = 16384,
) -> float:
    """Returns the mean over all pairs in a group of their root-mean-square difference.

    In intensities -1..1; NaN if there is no pair. Exact: products of bytes are summed
    as whole numbers, which float64 holds.

    Args:
      pixels: of all images.
      groups: indices of the images that are compared with one another.
      chunk: pixels of each image multiplied at a time.
    """
    total, pairs = 0.0, 0
    for group in groups:
        flat = pixels[group].reshape(len(group), -1)
        product = np.zeros((len(group), len(group)))
        for start in range(0, flat.shape[1], chunk):
            part = flat[:, start : start + chunk].astype(np.float64)
            product += part @ part.T
        square = np.diag(product)
        distance = square[:, None] + square[None] - 2 * product
        upper = np.triu_indices(len(group), 1)
        total += np.sqrt(distance[upper] / flat.shape[1]).sum() * (2 / 255)
        pairs += len(upper[0])
    return float(total / pairs) if pairs else math.nan
