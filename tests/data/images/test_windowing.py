"""Windows in closed form, and against pydicom's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.pixels import apply_windowing

from synthjax.data.images.windowing import WINDOWS, Window, apply_window

FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
UNITS = np.arange(-1100, 3100, dtype=np.float32)


def dataset(window, function):
    """What pydicom needs for a window that maps to 0 .. 65535."""
    made = Dataset()
    made.PhotometricInterpretation = "MONOCHROME2"
    made.BitsStored, made.PixelRepresentation = 16, 0
    made.WindowCenter, made.WindowWidth = window
    made.VOILUTFunction = function
    return made


@given(
    centre=st.integers(-2000, 4000),
    width=st.integers(1, 4000),
    function=st.sampled_from(FUNCTIONS),
)
def test_all_functions_are_those_of_pydicom(centre, width, function):
    with np.errstate(over="ignore"):  # of its exp
        truth = apply_windowing(UNITS, dataset(Window(centre, width), function)) / 65535
    ours = apply_window(UNITS, Window(centre, width), function)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, truth, atol=2e-6)


@pytest.mark.parametrize("name", WINDOWS)
def test_the_named_windows_in_closed_form(name):
    centre, width = WINDOWS[name]
    low, high = centre - width / 2, centre + width / 2
    points = np.array([low - 1, low, centre, high, high + 1], np.float32)
    np.testing.assert_allclose(apply_window(points, WINDOWS[name]), [0, 0, 0.5, 1, 1])


@pytest.mark.slow
@given(centre=st.floats(-1e5, 1e5), width=st.floats(1, 1e5))
def test_a_window_never_falls_and_stays_in_range(centre, width):
    for function in FUNCTIONS:
        shown = apply_window(UNITS, Window(centre, width), function)
        assert shown.min() >= 0 and shown.max() <= 1 and (np.diff(shown) >= 0).all()


@pytest.mark.parametrize(
    ("window", "function"),
    [
        (Window(40, 0.5), "LINEAR"),
        (Window(40, 0), "LINEAR_EXACT"),
        (Window(40, -80), "SIGMOID"),
        (Window(np.nan, 80), "LINEAR"),
        (Window(40, np.nan), "LINEAR"),
        (Window(np.inf, 80), "LINEAR"),
        (Window(40, np.inf), "LINEAR"),
        (Window(40, 80), "CUBIC"),
    ],
)
def test_no_window_is_refused(window, function):
    with pytest.raises(ValueError):
        apply_window(UNITS, window, function)
