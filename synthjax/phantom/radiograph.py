"""From a line integral of attenuation to an 8-bit radiograph.

Beer-Lambert law, scattered radiation, quantum noise at a stated dose, logarithm and a
display window, in this order. Bone is bright, air is dark.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float

SCATTER_WIDTH = 0.12  # standard deviation of the scatter kernel, in fields of view
SCATTER_CELLS = 16  # the primary beam is averaged to this grid before it is spread


@dataclass(frozen=True)
class Exposure:
    """How one image is taken and shown."""

    photons: float  # detected photons per mm^2 without an object; 0 = no noise
    scatter: float  # scattered over primary radiation, behind the whole patient
    low: float  # attenuation (line integral) shown black
    high: float  # attenuation (line integral) shown white


def box_downsample(
    image: Float[np.ndarray, "h w"], size: int
) -> Float[np.ndarray, "s s"]:
    """Average over square blocks, as a detector with larger pixels does."""
    block = image.shape[0] // size
    if block == 1:
        return image
    rows = image.reshape(size, block, -1).sum(axis=1)
    columns = rows.reshape(size, size, block).sum(axis=2)
    return columns * np.float32(1 / block**2)


@cache
def _spread(size: int) -> Float[np.ndarray, "s c"]:
    """Return Gaussian weights from the scatter grid to `size` pixels along one axis."""
    to = (np.arange(size) + 0.5) / size
    source = (np.arange(SCATTER_CELLS) + 0.5) / SCATTER_CELLS
    gap = (to[:, None] - source[None, :]) / SCATTER_WIDTH
    weight = np.exp(-0.5 * gap**2)
    return (weight / weight.sum(axis=1, keepdims=True)).astype(np.float32)


def expose(
    attenuation: Float[np.ndarray, "n n"],
    size: int,
    exposure: Exposure,
    field: float,
    rng: np.random.Generator | None,
) -> Float[np.ndarray, "s s"]:
    """Expose a radiograph of `size` pixels a side, 0 (black) to 1 (white).

    `attenuation` is sampled on a grid at least as fine as `size`; intensities (not
    attenuations) are averaged, as a detector does. `field` is the detector's side in
    mm; without `rng` or with 0 photons there is no noise. Source: Beer-Lambert law;
    scatter as a wide Gaussian of the primary image (as in scatter-kernel methods).
    """
    primary = np.exp(-attenuation)
    spread = _spread(size)
    cells = box_downsample(primary, SCATTER_CELLS)
    scattered = np.float32(exposure.scatter) * (spread @ cells @ spread.T)
    detected = box_downsample(primary, size) + scattered
    if rng is not None and exposure.photons:
        expected = exposure.photons * (field / size) ** 2
        counts = rng.poisson(detected * expected)
        detected = (np.maximum(counts, 1) / expected).astype(np.float32)
    shown = (-np.log(detected) - exposure.low) / (exposure.high - exposure.low)
    return np.clip(shown, 0, 1).astype(np.float32)
