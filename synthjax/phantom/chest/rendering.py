"""From a thorax to the radiograph that a reader sees."""

import numpy as np
from jaxtyping import Float

from synthjax.phantom.chest.anatomy import SOFT, Scene
from synthjax.phantom.chest.case import Case
from synthjax.phantom.chest.projection import FIELD, attenuation, grid_for
from synthjax.phantom.radiograph import Exposure, expose

PHOTONS = 20000.0  # per mm^2 of the detector without a patient; about 1e6 in a clinic
SCATTER = 0.04  # scattered radiation relative to the mean primary beam


def render(
    case: Case,
    image: int = 0,
    resolution: int = 128,
    *,
    photons: float = PHOTONS,
    scatter: float = SCATTER,
) -> Float[np.ndarray, "s s"]:
    """Render image `image` (from 0) of a case, 0 (black) to 1 (white).

    Args:
      case: the patient with their findings.
      image: which of the patient's images; each has a pose and a noise of its own.
      resolution: pixels a side, a power of two from 16.
      photons: dose, per mm^2 of the detector without a patient; 0 for no noise.
      scatter: scattered radiation relative to the mean primary beam.
    """
    return render_scene(
        case.scene(image),
        resolution,
        case.noise(image),
        photons=photons,
        scatter=scatter,
    )


def render_scene(
    scene: Scene,
    resolution: int,
    rng: np.random.Generator | None,
    *,
    photons: float = PHOTONS,
    scatter: float = SCATTER,
) -> Float[np.ndarray, "s s"]:
    """Render a thorax, 0 (black) to 1 (white); without `rng` there is no noise.

    The window follows the thickness of the patient, as automatic exposure does.
    """
    grid = grid_for(scene, resolution)
    patient = scene.patient
    thick = SOFT * 2 * (patient.half_depth + 0.6 * patient.wall + 10)
    bright = 1 + scene.pose.brightness
    exposure = Exposure(
        photons,
        scatter * float(np.exp(-0.5 * thick)),
        0.24 * thick * bright,
        1.16 * thick * bright,
    )
    return expose(attenuation(scene, grid), resolution, exposure, FIELD, rng)
