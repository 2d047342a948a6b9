"""Paint for a slice: shares of points, in Hounsfield units."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

Map = Float[np.ndarray, "n n"]


@dataclass
class Canvas:
    """Hounsfield units of a slice, and the visible share of what was named.

    Each tissue covers a share of every point (1 inside, 0 outside, a ramp of at least
    `edge` between, for a scanner blurs) and replaces that share of what lies beneath.
    """

    hounsfield: Map
    edge: float  # width of the narrowest edge, mm
    seen: dict[str, Map] = field(default_factory=dict)

    def cover(self, inside: Map, edge: float = 0.0) -> Map:
        """Return the share of points that lies inside, from a signed distance (mm)."""
        share = inside * np.float32(1 / max(self.edge, edge))
        share += np.float32(0.5)
        return np.clip(share, 0, 1, out=share)

    def paint(
        self,
        value: float | Map,
        share: Map,
        name: str = "",
        part: Map | None = None,
    ) -> None:
        """Put `value` (HU) over a share of every point.

        What is seen of `name` is kept account of: all of the share, or a part of it.
        """
        self.hounsfield += share * (value - self.hounsfield)
        for other in self.seen.values():
            other *= 1 - share
        if name:
            new = share.copy() if part is None else share * part
            self.seen[name] = self.seen[name] + new if name in self.seen else new
