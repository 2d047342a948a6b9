"""Which label vector is requested of the generator for each synthetic image."""

import hashlib
from typing import Any

import numpy as np
from jaxtyping import Float

from synthjax.core.errors import StudyError
from synthjax.core.rng import host_generator
from synthjax.data.schema import SPLITS
from synthjax.data.store.stored import StoredSplit

STREAMS = {split: i for i, split in enumerate(SPLITS)}  # random stream of each
LABEL_SOURCES = ("rows", "sampled")
_SECRET_IMAGES = 64  # of a split, of which the order of its labels follows


def requested(
    real: Float[np.ndarray, "n y"],
    *,
    count: int,
    source: str,
    seed: int,
    split: str,
    copies: int = 1,
    secret: bytes = b"",
) -> Float[np.ndarray, "m y"]:
    """Returns the label vectors of the synthetic images of one split, in order.

    Args:
      real: the real split's labels in the order of its ids; 0, 1 or NaN (unknown).
      count: images wanted; 0 is one for each real row.
      source: "rows" takes the real rows, shuffled, starting again at the first when
        count is larger than n; "sampled" draws rows with replacement.
      seed: study seed; with the split's name it fixes the draw of "sampled".
      split: "train", "valid" or "test".
      copies: how often the count of images is requested, with the same labels in the
        same order each time.
      secret: says the order of "rows": what only who has the real images knows
        (`secret_of`), so that no row of a set that is handed on leads to a patient.

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
        draw = np.random.default_rng(np.frombuffer(_sha256(secret), np.uint32))
        rows = draw.permutation(n)[np.arange(count) % n]
    else:
        draw = host_generator(seed, "requested labels", STREAMS[split])
        rows = draw.integers(0, n, count)
    return real[np.tile(rows, copies)].astype(np.float32)


def secret_of(real: StoredSplit) -> bytes:
    """Returns a digest of some real images of a split, which is not published."""
    places = np.unique(np.linspace(0, len(real) - 1, _SECRET_IMAGES).astype(int))
    records = real.read(places.tolist())
    return _sha256(b"".join(record.pixels.tobytes() for record in records))


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def counts(label: Float[np.ndarray, "n y"], names: tuple[str, ...]) -> dict[str, Any]:
    """Counts the images, and the images with each label, for the provenance."""
    positive = (label == 1).sum(axis=0)
    return {"images": len(label), "positive": dict(zip(names, positive.tolist()))}
