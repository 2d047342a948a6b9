"""Which label vector is requested of the generator for each synthetic image."""

from typing import Any

import numpy as np
from jaxtyping import Float

from synthjax.core.errors import StudyError
from synthjax.data.schema import SPLITS

STREAMS = {split: i for i, split in enumerate(SPLITS)}  # random stream of each
LABEL_SOURCES = ("rows", "sampled")


def requested(
    real: Float[np.ndarray, "n y"],
    *,
    count: int,
    source: str,
    seed: int,
    split: str,
    copies: int = 1,
) -> Float[np.ndarray, "m y"]:
    """Returns the label vectors of the synthetic images of one split, in order.

    Args:
      real: the real split's labels in the order of its ids; 0, 1 or NaN (unknown).
      count: images wanted; 0 is one for each real row.
      source: "rows" takes the real rows in order, starting again at the first when
        count is larger than n; "sampled" draws rows with replacement.
      seed: study seed; with the split's name it fixes the draw of "sampled".
      split: "train", "valid" or "test".
      copies: how often the count of images is requested, with the same labels in the
        same order each time.

    Returns:
      float32 zeros, ones and NaN, m = copies times count rows. An unknown finding is
      requested as unknown (NaN), so that the model codes it as it did in training; the
      synthetic record keeps it, and the classifier does not learn from it.

    Raises:
      StudyError: the real split has no rows.
    """
    n = len(real)
    if n == 0:
        raise StudyError(
            f'the real split "{split}" has no rows, so there are no labels to draw '
            f"from: leave it out of config.synth.splits or rebuild the data"
        )
    count = count or n
    if source == "rows":
        rows = np.arange(count) % n
    else:
        draw = np.random.default_rng([seed, STREAMS[split]])
        rows = draw.integers(0, n, count)
    return real[np.tile(rows, copies)].astype(np.float32)


def counts(label: Float[np.ndarray, "n y"], names: tuple[str, ...]) -> dict[str, Any]:
    """Counts the images, and the images with each label, for the provenance."""
    positive = (label == 1).sum(axis=0)
    return {"images": len(label), "positive": dict(zip(names, positive.tolist()))}
