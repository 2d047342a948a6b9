"""Windows: which values (of CT: Hounsfield units) are shown black, and which white."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32


class Window(NamedTuple):
    """A display window, Hounsfield units or whatever a modality's values mean."""

    centre: float
    width: float


WINDOWS = {
    "brain": Window(40, 80),
    "subdural": Window(80, 200),
    "bone": Window(600, 2800),
}
THREE = ("brain", "subdural", "bone")  # as red, green and blue


def apply_window(
    values: Float32[np.ndarray, "*shape"],
    window: Window,
    function: str = "LINEAR_EXACT",
) -> Float32[np.ndarray, "*shape"]:
    """Shows values through a window, 0 (black) to 1 (white): DICOM PS3.3 C.11.2.1.

    Args:
        function: the VOI LUT function. LINEAR_EXACT: black up to centre - width / 2,
            white from centre + width / 2. LINEAR: the same for pairs of integers, that
            is with centre - 1/2 and width - 1. SIGMOID: never quite black or white.

    Raises:
        ValueError: another function, or a width that it does not allow.
    """
    centre, width = window
    least = 1 if function == "LINEAR" else 1e-6
    if not np.isfinite(window).all() or width < least:
        raise ValueError(
            f"centre {centre} and width {width} do not make a {function} window"
        )
    if function == "SIGMOID":
        slope = np.float32(-4 / width)
        with np.errstate(over="ignore"):  # exp -> inf is black, as it should be
            return 1 / (1 + np.exp(slope * (values - np.float32(centre))))
    if function == "LINEAR":
        centre, width = centre - 0.5, width - 1
    elif function != "LINEAR_EXACT":
        raise ValueError(f"the VOI LUT function {function!r} is not known")
    low = np.float32(centre - width / 2)
    if width == 0:
        return (values > low).astype(np.float32)
    shown = values - low
    shown /= np.float32(width)
    return np.clip(shown, 0, 1, out=shown)
