"""What DICOM values mean: each known trap against its truth, the rest as pydicom."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.pixels import (
    apply_modality_lut,
    apply_voi,
    apply_windowing,
    pixel_array,
)

from builders.dicom import UNITS, change, ct, radiograph, save
from synthjax.data.images.dicom import check_dicom, read_stored
from synthjax.data.images.dicom_display import (
    AIR,
    find_padding,
    hounsfield,
    read_dicom,
    shown_shape,
)
from synthjax.data.images.pixels import PixelsConfig
from synthjax.data.images.windowing import WINDOWS, apply_window
from synthjax.data.problems import BadImageError

PLAIN = PixelsConfig()
RNG = np.random.default_rng(0)


@pytest.fixture
def saved(tmp_path: Path):
    """A function that writes a data set and gives the path."""

    return lambda made: save(tmp_path / "slice.dcm", made)


def units_of(path):
    return hounsfield(*read_stored(path))


def read_shape(path, config):
    return shown_shape(check_dicom(path), config)


# Hounsfield units


@pytest.mark.slow
@given(
    signed=st.booleans(),
    slope=st.sampled_from([1, 0.5, 2, "1.25"]),
    intercept=st.integers(-1024, -100),
)
def test_units_are_those_of_pydicom(tmp_path_factory, signed, slope, intercept):
    stored = RNG.integers(2000, 4000, (8, 8)).astype(np.int16 if signed else np.uint16)
    made = ct(
        RescaleSlope=slope,
        RescaleIntercept=intercept,
        PixelRepresentation=int(signed),
        PixelData=stored.tobytes(),
        Rows=8,
        Columns=8,
    )
    path = tmp_path_factory.getbasetemp() / "slice.dcm"
    made.save_as(path, enforce_file_format=True)
    truth = apply_modality_lut(stored, made)
    np.testing.assert_allclose(units_of(path), truth, rtol=1e-6, atol=1e-3)


def unsigned(stored, bits, intercept=0, **changes):
    return ct(
        PixelData=stored.astype(np.uint16).tobytes(),
        PixelRepresentation=0,
        BitsStored=bits,
        HighBit=bits - 1,
        RescaleIntercept=intercept,
        **changes,
    )


def test_12_bits_wrapped_without_sign_are_mended(saved):
    """The RSNA set's fault: units modulo 4096, said to be unsigned, intercept 0."""
    path = saved(unsigned(UNITS.astype(np.int32) % 4096, 12))
    np.testing.assert_array_equal(units_of(path), UNITS)
    naive = pixel_array(path)
    assert np.abs(naive - UNITS.astype(np.int32)).max() == 4096


def test_the_known_mending_gives_the_same(saved):
    """As the competition's participants wrote it, for stored values from 0 to 4095."""
    stored = np.arange(4096).reshape(64, 64)
    path = saved(unsigned(stored, 12, Rows=64, Columns=64))
    known = stored + 1000
    known[known >= 4096] -= 4096
    np.testing.assert_array_equal(units_of(path), known - 1000)


@pytest.mark.parametrize("bits", [13, 14, 16])
def test_more_bits_wrapped_without_sign_are_mended(saved, bits):
    path = saved(unsigned(UNITS.astype(np.int32) % 2**bits, bits))
    np.testing.assert_array_equal(units_of(path), UNITS)


@pytest.mark.parametrize("bits", [12, 16])
def test_unsigned_values_with_a_fitting_intercept_stay(saved, bits):
    units = np.minimum(UNITS, 4095 - 1024)
    path = saved(unsigned(units.astype(np.int32) + 1024, bits, -1024))
    np.testing.assert_array_equal(units_of(path), units)


def test_signed_12_bits_get_their_sign(saved):
    """Bits above BitsStored are zero, or an overlay; the sign is in bit 11."""
    units = np.clip(UNITS, -1000, 1000)
    for above in (0, 0xF000, 0x5000):
        stored = (units.astype(np.int32) & 0x0FFF) | above
        made = unsigned(stored, 12)
        path = saved(change(made, PixelRepresentation=1))
        np.testing.assert_array_equal(units_of(path), units)


@pytest.mark.parametrize("kind", ["signed", "unsigned", "said unsigned", "unsaid"])
def test_padding_around_the_field_is_air(saved, kind):
    units = UNITS.copy()
    outside = np.zeros(units.shape, bool)
    outside[:4] = True
    stored = units.astype(np.int32) + 1024
    stored[outside] = -2000
    made = ct(PixelData=(stored % 65536).astype(np.uint16).tobytes())
    if kind == "signed":
        made.PixelPaddingValue = -2000
    elif kind == "unsigned":  # values and padding without sign: 63536
        made.PixelRepresentation, made.PixelPaddingValue = 0, 63536
    elif kind == "said unsigned":  # signed values, the padding written as if not
        made.add_new("PixelPaddingValue", "US", 63536)
    path = saved(made)
    truth = np.where(outside, AIR, units)
    np.testing.assert_array_equal(units_of(path), truth)
    for window in ("brain", "subdural", "bone", "file"):
        assert (read_dicom(path, PixelsConfig(window=window))[outside] == 0).all()


def test_a_range_of_padding_is_air(saved):
    stored = UNITS.astype(np.int16) + 1024
    stored[:2], stored[2:4] = -2000, -1500
    made = ct(PixelData=stored.tobytes(), PixelPaddingValue=-2000)
    made.PixelPaddingRangeLimit = -1500
    truth = UNITS.copy()
    truth[:4] = AIR
    np.testing.assert_array_equal(units_of(saved(made)), truth)


@given(
    bits=st.sampled_from([8, 16]),
    signed=st.booleans(),
    value=st.integers(-(2**15), 2**16 - 1),
    limit=st.none() | st.integers(-(2**15), 2**16 - 1),
)
def test_padding_is_found_modulo_the_stored_type(bits, signed, value, limit):
    stored = RNG.integers(0, 2**bits, (40, 50)).astype(f"u{bits // 8}")
    if signed:
        stored = stored.view(f"i{bits // 8}")
    stored[0] = np.array(value % 2**bits).astype(f"u{bits // 8}").view(stored.dtype)
    header = Dataset()
    header.add_new("PixelPaddingValue", "SL", value)
    if limit is not None:
        header.add_new("PixelPaddingRangeLimit", "SL", limit)
    low, high = sorted((value, value if limit is None else limit))
    span = 2**bits
    truth = (stored.astype(np.int64) - low) % span <= (high - low) % span
    np.testing.assert_array_equal(find_padding(header, stored), truth)
    assert truth[0].all() or limit is not None


def test_an_empty_window_is_none(saved):
    path = saved(ct(WindowCenter="", WindowWidth=""))
    brain = read_dicom(path, PixelsConfig(window="brain"))
    np.testing.assert_array_equal(read_dicom(path, PLAIN), brain)


# CT windows


@pytest.mark.parametrize("name", WINDOWS)
def test_a_named_window(saved, name):
    shown = read_dicom(saved(ct()), PixelsConfig(window=name))
    truth = apply_window(UNITS.astype(np.float32), WINDOWS[name])
    np.testing.assert_array_equal(shown[..., 0], truth)


def test_three_windows_are_red_green_and_blue(saved):
    path = saved(ct())
    three = read_dicom(path, PixelsConfig(window="three"))
    for channel, name in enumerate(("brain", "subdural", "bone")):
        one = read_dicom(path, PixelsConfig(window=name))
        np.testing.assert_array_equal(three[..., channel], one[..., 0])


@pytest.mark.parametrize("function", ["", "LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_the_files_own_first_window(saved, function):
    made = ct(WindowCenter=[36, 600], WindowWidth=[80, 2800])
    if function:
        made.VOILUTFunction = function
    shown = read_dicom(saved(made), PLAIN)[..., 0]
    low, high = -32768 - 1024, 32767 - 1024  # what pydicom spreads it over
    truth = (apply_windowing(UNITS, made) - low) / (high - low)
    np.testing.assert_allclose(shown, truth, atol=2e-6)


def test_a_file_without_window_is_shown_in_the_brain_window(saved):
    path = saved(ct(WindowCenter=None, WindowWidth=None))
    brain = read_dicom(path, PixelsConfig(window="brain"))
    np.testing.assert_array_equal(read_dicom(path, PLAIN), brain)


def test_a_screen_shot_in_a_ct_study_is_no_ct(saved):
    stored = RNG.integers(0, 256, (8, 8), dtype=np.uint8)
    shown = read_dicom(saved(radiograph(stored, 8, Modality="CT")), PLAIN)
    np.testing.assert_allclose(shown[..., 0], stored / 255, atol=1e-6)


@pytest.mark.parametrize("window", ["brain", "file", "three"])
def test_units_that_say_monochrome1_are_not_inverted(saved, window):
    config = PixelsConfig(window=window)
    plain = read_dicom(saved(ct()), config)
    made = ct(PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(read_dicom(saved(made), config), plain)


# Everything else

STORED = RNG.integers(0, 4096, (12, 10)).astype(np.uint16)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("rescale", [False, True])
def test_a_radiograph_is_shown_through_its_window(saved, function, rescale):
    made = radiograph(STORED, WindowCenter=2000, WindowWidth=1500)
    made.VOILUTFunction = function
    low, high = 0, 4095
    if rescale:
        made.RescaleSlope, made.RescaleIntercept = 2, -300
        low, high = -300, 2 * 4095 - 300
    truth = apply_windowing(apply_modality_lut(STORED, made), made)
    truth = (truth - low) / (high - low)
    shown = read_dicom(saved(made), PLAIN)[..., 0]
    np.testing.assert_allclose(shown, truth, atol=2e-6)
    made.PhotometricInterpretation = "MONOCHROME1"
    inverted = read_dicom(saved(made), PLAIN)[..., 0]
    np.testing.assert_allclose(inverted, 1 - truth, atol=2e-6)


@pytest.mark.parametrize("modality", ["CT", "DX"])
@pytest.mark.parametrize(
    "changes",
    [
        {"RescaleIntercept": "nan", "RescaleSlope": "1"},
        {"RescaleIntercept": "inf", "RescaleSlope": "1"},
        {"RescaleIntercept": "0", "RescaleSlope": "nan"},
        {"RescaleIntercept": "0", "RescaleSlope": "1e300"},
        {"RescaleIntercept": "-1e300", "RescaleSlope": "1"},
        {"RescaleIntercept": "0", "RescaleSlope": "1e38"},
    ],
)
@pytest.mark.parametrize("windowed", [False, True])
def test_a_rescale_to_no_numbers_is_refused(saved, modality, changes, windowed):
    made = radiograph(STORED, Modality=modality)
    for keyword, value in changes.items():
        made.add_new(keyword, "LO", value)
    if windowed:
        made.WindowCenter, made.WindowWidth = 100, 50
    with pytest.raises(BadImageError, match=r"slice\.dcm has .* cannot be shown"):
        read_dicom(saved(made), PLAIN)


def test_padding_is_black_whatever_is_inverted(saved):
    stored = STORED.copy()
    stored[0] = 0
    made = radiograph(stored, PhotometricInterpretation="MONOCHROME1")
    assert (read_dicom(saved(made), PLAIN)[0] == 1).all()
    made.PixelPaddingValue = 0
    shown = read_dicom(saved(made), PLAIN)[..., 0]
    assert (shown[0] == 0).all()
    inside = stored[1:].astype(np.float64)  # the range is that of the rest
    truth = (inside.max() - inside) / (inside.max() - inside.min())
    np.testing.assert_allclose(shown[1:], truth, atol=1e-6)


@pytest.mark.parametrize("bits", [12, 16])
def test_12_bits_said_to_be_16_are_shown_alike(saved, bits):
    """Without a window, from the smallest to the largest value."""
    shown = read_dicom(saved(radiograph(STORED, bits)), PLAIN)[..., 0]
    low, high = int(STORED.min()), int(STORED.max())
    np.testing.assert_allclose(shown, (STORED - low) / (high - low), atol=1e-6)


def test_one_value_everywhere_is_black(saved):
    assert not read_dicom(saved(radiograph(np.full((4, 4), 7, np.uint16))), PLAIN).any()


def test_voi_and_modality_tables_are_those_of_pydicom(saved):
    made = radiograph(STORED)
    table = np.sort(RNG.integers(0, 1024, 3000)).astype(np.uint16)
    item = Dataset()
    item.LUTDescriptor, item.LUTData = [3000, 500, 10], table.tobytes()
    item["LUTData"].VR = "OW"
    made.VOILUTSequence = [item]
    shown = read_dicom(saved(made), PLAIN)[..., 0]
    np.testing.assert_allclose(shown, apply_voi(STORED, made) / 1023, atol=1e-6)
    rising = Dataset()
    rising.LUTDescriptor, rising.ModalityLUTType = [4096, 0, 16], "US"
    rising.LUTData = (np.arange(4096, dtype=np.uint16) * 3).tobytes()
    rising["LUTData"].VR = "OW"
    made.ModalityLUTSequence = [rising]
    shown = read_dicom(saved(made), PLAIN)[..., 0]
    truth = apply_voi(apply_modality_lut(STORED, made), made) / 1023
    np.testing.assert_allclose(shown, truth, atol=1e-6)


@pytest.mark.parametrize("planar", [0, 1])
def test_colour(saved, planar):
    rgb = RNG.integers(0, 256, (6, 4, 3), dtype=np.uint8)
    made = radiograph(rgb[..., 0], 8, PhotometricInterpretation="RGB")
    made.SamplesPerPixel, made.PlanarConfiguration = 3, planar
    made.PixelData = (np.moveaxis(rgb, -1, 0) if planar else rgb).tobytes()
    path = saved(made)
    np.testing.assert_allclose(read_dicom(path, PLAIN), rgb / 255, atol=1e-6)
    assert read_shape(path, PLAIN) == (6, 4, 3)
