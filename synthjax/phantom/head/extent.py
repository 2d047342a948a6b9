"""How much of a haemorrhage a slice holds, in closed form."""

import numpy as np
from jaxtyping import Float

from synthjax.phantom.head.anatomy import ANGLES, Head
from synthjax.phantom.head.labels import LEAST_AREA

MARGIN = 1.3  # a closed form must promise this much more than the least area

Table = Float[np.ndarray, "k"]  # over ANGLES


def swell(level: float, centre: float, reach: float) -> float:
    """Return the size in a slice relative to the largest: a spheroid's section."""
    return float(np.sqrt(max(0.0, 1 - ((level - centre) / reach) ** 2)))


def turned(angle: float) -> Table:
    """Return the angles from a direction, -pi to pi."""
    return (ANGLES - angle + np.pi) % (2 * np.pi) - np.pi


def promises(kind: str, area: float, head: Head) -> bool:
    """Tell whether an area of the atlas (mm^2) is enough in this head to count."""
    return bool(area * head.size**2 >= MARGIN * LEAST_AREA[kind])
