"""Chest radiographs of phantoms with 14 findings whose truth is known.

    from synthjax.phantom import chest

    case = chest.draw_case(seed=0, number=5).with_findings("Cardiomegaly", "Edema")
    pixels = chest.render(case, resolution=256)  # 0 (black) to 1 (white)

`case.label` is the truth, in the order of `chest.LABELS`. An image depends on the seed,
the patient's number and the image's number alone, and a patient is the same at every
resolution.
"""

from synthjax.phantom.chest.case import IMAGES_PER_PATIENT, Case, draw_case
from synthjax.phantom.chest.labels import LABELS
from synthjax.phantom.chest.rendering import PHOTONS, SCATTER, render, render_scene

__all__ = [
    "IMAGES_PER_PATIENT",
    "LABELS",
    "PHOTONS",
    "SCATTER",
    "Case",
    "draw_case",
    "render",
    "render_scene",
]
