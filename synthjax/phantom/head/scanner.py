"""From tissue to the numbers of a scanner: pixels, beam hardening, noise, rounding."""

import numpy as np
from jaxtyping import Float, Int16

from synthjax.phantom.radiograph import box_downsample

SMALLEST, DOUBLED = 128, 256  # points a side on which tissue is computed
REFERENCE = 0.9  # mm: pixels up to this size have the full noise
SPREAD = 7.0  # mm below the skull over which beam hardening fades
LOWEST, HIGHEST = -1024, 3071  # HU that a scanner stores


def points_for(resolution: int) -> int:
    """Return on how many points a side a slice of `resolution` pixels is computed.

    Small pixels need no more points than pixels: edges are ramps as wide as a point.
    """
    return max(SMALLEST, resolution, min(2 * resolution, DOUBLED))


def acquire(
    hounsfield: Float[np.ndarray, "n n"],
    below: Float[np.ndarray, "n n"],
    resolution: int,
    *,
    pitch: float,
    cupping: float,
    noise: float,
    rng: np.random.Generator | None,
) -> Int16[np.ndarray, "s s"]:
    """Return what a scanner reports for a slice, HU.

    Args:
      hounsfield: of the tissue, on `points_for(resolution)` points a side.
      below: depth below the inner table of the skull, mm; negative outside.
      resolution: pixels a side.
      pitch: of the pixels, mm.
      cupping: HU that beam hardening adds to the brain at the skull.
      noise: standard deviation of a pixel of up to 0.9 mm, HU; larger pixels average
        it (with the square root of their side, for CT noise is mostly fine-grained).
      rng: of the noise; None for none.
    """
    inside = below > 0
    fade = np.exp(np.maximum(below, 0) * np.float32(-1 / SPREAD))
    image = box_downsample(hounsfield + np.float32(cupping) * fade * inside, resolution)
    if rng is not None and noise:
        deviation = noise * min(1.0, REFERENCE / pitch) ** 0.5
        image = image + np.float32(deviation) * _grain(resolution, rng)
    return np.clip(np.rint(image), LOWEST, HIGHEST).astype(np.int16)


def _grain(size: int, rng: np.random.Generator) -> Float[np.ndarray, "s s"]:
    """Draw noise of unit variance whose neighbours are a little alike."""
    grain = rng.standard_normal((size + 2, size + 2), dtype=np.float32)
    kernel = np.array([0.25, 1.0, 0.25], np.float32)
    kernel /= np.sqrt((kernel**2).sum())
    rows = kernel[0] * (grain[:-2] + grain[2:]) + kernel[1] * grain[1:-1]
    return kernel[0] * (rows[:, :-2] + rows[:, 2:]) + kernel[1] * rows[:, 1:-1]
