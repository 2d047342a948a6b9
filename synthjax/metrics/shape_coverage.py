"""How many of the real images' shapes a set has: coverage of coarse images.

Averaged to 8 x 8 blocks, an image keeps size, place and tilt of what it shows and loses
texture. A generator that draws one and the same head in every image covers next to no
real image there, however sharp it is.
"""

import math

import numpy as np
from jaxtyping import Float, UInt

SIDE = 8  # blocks on a side, at most
NEIGHBOURS = 5  # a ball reaches to so many neighbours: Naeem et al. 2020


def coarse(pixels: UInt[np.ndarray, "n h w c"]) -> Float[np.ndarray, "n d"]:
    """Returns the means of 8 x 8 blocks, in intensities 0..1.

    Args:
      pixels: of 8 or 16 bits; the side a multiple of 8, or smaller than 8.
    """
    n, height, width, channels = pixels.shape
    rows, columns = min(SIDE, height), min(SIDE, width)
    blocks = pixels.reshape(
        n, rows, height // rows, columns, width // columns, channels
    )
    means = blocks.mean(axis=(2, 4), dtype=np.float64)
    return means.reshape(n, -1) / np.iinfo(pixels.dtype).max


def shape_coverage(
    real: UInt[np.ndarray, "n h w c"],
    other: UInt[np.ndarray, "m h w c"],
    *,
    neighbours: int = NEIGHBOURS,
) -> float:
    """Returns the share of real images that have another one near, in coarse images.

    Near is nearer than the real image's k-th nearest real neighbour (Naeem et al. 2020,
    arXiv:2002.09797, eq. 5). Two samples of one distribution have about 1 - 2^-k if they
    are of one size, so compare with what other real images reach, at the same n and m.
    NaN if there are not more than k real images, or no others.
    """
    if len(real) <= neighbours or not len(other):
        return math.nan
    mine, theirs = coarse(real), coarse(other)
    # The image itself is its nearest neighbour.
    reach = np.sort(_squares(mine, mine), axis=1)[:, neighbours]
    return float(np.mean(_squares(mine, theirs).min(axis=1) <= reach))


def _squares(
    a: Float[np.ndarray, "n d"], b: Float[np.ndarray, "m d"]
) -> Float[np.ndarray, "n m"]:
    """Returns squared distances, by differences: products would lose small ones."""
    return np.stack([np.sum(np.square(row - b), axis=1) for row in a])
