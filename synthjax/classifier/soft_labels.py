"""What a soft label is, and how copies of an image are chosen by it; on the host.

A soft label is the probability of a finding in an image, as the mean of classifiers
(the teachers) sees it. See `teacher.teach`.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int
from scipy.special import expit

from synthjax.core.config import Config, field

_LEAST = 1e-6  # probabilities are kept so far from 0 and 1, where a logarithm is taken


@dataclass(frozen=True)
class TeacherConfig(Config):
    """Which classifiers give the synthetic images of teacher arms their labels."""

    count: int | None = field(
        None, "teachers: the first seeds of the real arm; None takes all", ge=1
    )
    temperature: float = field(
        1.0,
        "what the teachers' logits are divided by: above 1 the labels are softer",
        gt=0,
    )


def mean_probability(
    logits: Float[np.ndarray, "k n y"], temperature: float
) -> Float32[np.ndarray, "n y"]:
    """Returns the mean over k teachers of sigmoid(logit / temperature)."""
    scaled = np.asarray(logits, np.float64) / temperature
    return np.mean(expit(scaled), axis=0).astype(np.float32)


def agreement(
    asked: Float[np.ndarray, "n y"], probability: Float[np.ndarray, "n y"]
) -> Float[np.ndarray, " n"]:
    """Returns the mean log-probability of the labels that an image was asked for.

    Args:
      asked: 0, 1, or NaN where nothing was asked for.
      probability: of each finding, as the teachers see it.

    Returns:
      At most 0, which is full agreement; 0 where nothing was asked for.
    """
    p = np.clip(np.asarray(probability, np.float64), _LEAST, 1 - _LEAST)
    known = ~np.isnan(asked)
    logarithm = np.log(np.where(asked == 1, p, 1 - p))
    total = np.sum(np.where(known, logarithm, 0.0), axis=1)
    return total / np.maximum(known.sum(axis=1), 1)


def choose_copies(
    asked: Float[np.ndarray, "n y"],
    probability: Float[np.ndarray, "n y"],
    copies: int,
) -> Int[np.ndarray, " rows"]:
    """Returns the position, for each row of labels, of the copy that agrees best.

    Each row keeps one image, so every label keeps its share. Of equals the first counts.

    Args:
      asked: labels of n = copies x rows images, all rows of copy 1 first.
      probability: of each finding, as the teachers see it.
      copies: images that were drawn for each row.
    """
    scores = agreement(asked, probability).reshape(copies, -1)
    rows = np.arange(scores.shape[1])
    return np.argmax(scores, axis=0) * len(rows) + rows
