"""Head CT slices of phantoms with five haemorrhages whose truth is known.

    from synthjax.phantom import head

    case = head.draw_case(seed=0, number=5).with_findings("subdural")
    hounsfield = head.scan(case, resolution=256)

`case.label(0)` is the truth of slice 0, in the order of `head.LABELS`. A slice depends
on the seed, the patient's number and the slice's number alone, and is the same at every
resolution but for its noise.
"""

from synthjax.phantom.head.case import SLICES_PER_PATIENT, Case, draw_case
from synthjax.phantom.head.labels import LABELS
from synthjax.phantom.head.rendering import CUPPING, NOISE, paint, scan

__all__ = [
    "CUPPING",
    "LABELS",
    "NOISE",
    "SLICES_PER_PATIENT",
    "Case",
    "draw_case",
    "paint",
    "scan",
]
