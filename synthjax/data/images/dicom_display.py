"""What stored DICOM values mean: Hounsfield units of CT, black to white of the rest."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Integer
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi

from synthjax.data.images.decoding import decoding
from synthjax.data.images.dicom import PALETTE, read_stored
from synthjax.data.images.image_size import check_size
from synthjax.data.images.pixels import PixelsConfig
from synthjax.data.images.windowing import THREE, WINDOWS, Window, apply_window
from synthjax.data.problems import BadImageError

AIR = -1000.0  # Hounsfield units
_LOWEST = (
    -1024
)  # of a scanner's scale; below it is padding that the file does not declare
_WRAPPED_FROM = -100  # a CT that is stored without sign has an intercept below this


def read_dicom(path: Path, pixels: PixelsConfig) -> Float32[np.ndarray, "h w c"]:
    """Reads a DICOM file as 0 (black) to 1 (white), grey or RGB.

    CT (modality CT with a rescale, or a rescale to HU) is shown through
    `pixels.window`, one window or three as RGB; "file" is its own first window, brain
    if it has none. Units are units, so a CT that says MONOCHROME1 is not inverted: air
    is always black. Everything else: see `display`.

    Raises:
        BadImageError: the path, what is wrong with the file, and the remedy.
    """
    header, stored = read_stored(path)
    check_shown(path, header, pixels)
    remedy = "correct its rescale, window or palette, or replace the file"
    with (
        decoding(path, "has pixels that cannot be shown", remedy),
        np.errstate(over="raise", invalid="raise"),
    ):
        if is_ct(header):
            return _show_ct(header, stored, pixels.window)
        return display(header, stored)


def _show_ct(
    header: Dataset, stored: Integer[np.ndarray, "h w"], window: str
) -> Float32[np.ndarray, "h w c"]:
    """Shows CT through the window of this name."""
    units = hounsfield(header, stored)
    own = own_window(header)
    if window == "three":
        planes = np.empty((len(THREE), *units.shape), np.float32)
        for plane, name in zip(planes, THREE, strict=True):
            plane[...] = apply_window(units, WINDOWS[name])
        return np.moveaxis(planes, 0, -1)  # a view: what follows takes plane by plane
    if window == "file" and own:
        return apply_window(units, own, voi_function(header))[..., None]
    name = "brain" if window == "file" else window
    return apply_window(units, WINDOWS[name])[..., None]


def check_shown(path: Path, header: Dataset, pixels: PixelsConfig) -> None:
    """Raises BadImageError for what a header says of the display and cannot be done.

    A CT is never shown in another way than the configured window in Hounsfield units:
    without a rescale, its values have none.
    """
    named = pixels.window != "file"
    ct = is_ct(header)
    if named and not ct and _is_grey_ct(header):
        raise BadImageError(
            path,
            "is CT without a RescaleIntercept, so its values are not in Hounsfield "
            f"units, which config.data.pixels.window={pixels.window} needs; correct "
            "its header, remove its row, or set config.data.pixels.window=file.",
        )
    keywords = ["RescaleSlope", "RescaleIntercept"]
    keywords += ["PixelPaddingValue", "PixelPaddingRangeLimit"]
    if not (ct and named):
        keywords += ["WindowCenter", "WindowWidth"]
    for keyword in keywords:
        try:
            _number(header, keyword)
        except ValueError as error:
            raise BadImageError(
                path, f"has pixels that cannot be shown ({error}); correct its header."
            ) from None
    check_size(path, *shown_shape(header, pixels))


def is_shown_by_all(header: Dataset) -> bool:
    """Whether `check_shown` passes a checked header, whatever the window."""
    try:
        for window in ("file", "brain", "three"):
            check_shown(Path(), header, PixelsConfig(window=window))
    except BadImageError:
        return False
    return True


def _is_grey_ct(header: Dataset) -> bool:
    grey = str(header.PhotometricInterpretation).startswith("MONOCHROME")
    return grey and header.get("Modality") == "CT"


def shown_shape(header: Dataset, pixels: PixelsConfig) -> tuple[int, int, int]:
    """Returns height, width and channels of what `read_dicom` gives."""
    grey = header.SamplesPerPixel == 1 and header.PhotometricInterpretation != PALETTE
    if is_ct(header) and pixels.window == "three":
        grey = False
    return header.Rows, header.Columns, 1 if grey else 3


def is_ct(header: Dataset) -> bool:
    """Whether the stored values of an image mean Hounsfield units.

    A screen shot in a CT study has no rescale and is shown as it is.
    """
    if not str(header.PhotometricInterpretation).startswith("MONOCHROME"):
        return False
    rescaled = header.get("RescaleIntercept") is not None
    return rescaled and (
        header.get("Modality") == "CT" or header.get("RescaleType") == "HU"
    )


def hounsfield(
    header: Dataset, stored: Integer[np.ndarray, "h w"]
) -> Float32[np.ndarray, "h w"]:
    """Returns slope * stored + intercept, with two known faults mended.

    Some scanners' negative units are declared unsigned, which shows in an intercept
    near 0 (CT without sign needs about -1024). With 12 bits, units from -1000 to 3095
    are there modulo 4096 (found in the RSNA haemorrhage set); with more bits the upper
    half of the range is negative. Padding, and what is below -1024, is air.

    Args:
        stored: as `dicom.read_stored` gives it.

    Raises:
        ValueError: the rescale is not finite, or its slope is 0.
    """
    padding = find_padding(header, stored)
    values = strip_unused_bits(header, stored).astype(np.float32)
    bits, slope = header.BitsStored, _number(header, "RescaleSlope")
    intercept = _number(header, "RescaleIntercept") or 0.0
    if slope == 0:
        raise ValueError("its RescaleSlope is 0")
    if header.PixelRepresentation == 0 and intercept > _WRAPPED_FROM:
        if bits == 12:
            values, intercept = (values + 1000) % 4096, AIR
        elif bits > 12:
            values[values >= 2 ** (bits - 1)] -= 2**bits
    if slope is not None and slope != 1:
        values *= np.float32(slope)  # in place: new memory costs more than sums
    values += np.float32(intercept)
    np.copyto(values, np.float32(AIR), where=padding | (values < _LOWEST))
    return values


def display(
    header: Dataset, stored: Integer[np.ndarray, "h w *c"]
) -> Float32[np.ndarray, "h w c"]:
    """Returns values from 0 (black) to 1 (white), as the file wants to be shown.

    Grey: the modality's rescale or table, then the first window, else the first VOI
    table, else a range: of 8 bits all, of more (and after a rescale) the image's own
    smallest to largest value, for 12-bit values are often declared as 16-bit.
    MONOCHROME1 is inverted; padding is black. Colour is RGB, a palette's colours are looked up.

    Args:
        stored: as `dicom.read_stored` gives it.

    Raises:
        ValueError: the window or a table cannot be used.
    """
    values = strip_unused_bits(header, stored)
    if header.SamplesPerPixel == 3:
        return np.clip(values / np.float32(2**header.BitsStored - 1), 0, 1)
    if header.PhotometricInterpretation == PALETTE:
        colours = apply_color_lut(values, header)[..., :3]
        return colours.astype(np.float32) / np.float32(np.iinfo(colours.dtype).max)
    padding = find_padding(header, stored)
    for keyword in ("RescaleSlope", "RescaleIntercept"):
        _number(header, keyword)  # raises for none
    units = apply_modality_lut(values, header).astype(np.float32)
    window = own_window(header)
    if window:
        shown = apply_window(units, window, voi_function(header))
    elif header.get("VOILUTSequence"):
        entries = apply_voi(units.astype(np.int64), header).astype(np.float32)
        bits = header.VOILUTSequence[0].LUTDescriptor[2]
        shown = np.clip(entries / np.float32(2**bits - 1), 0, 1)
    else:
        low, high = _range(header, units[~padding])
        shown = np.clip((units - low) / np.float32(max(high - low, 1e-6)), 0, 1)
    if header.PhotometricInterpretation == "MONOCHROME1":
        shown = 1 - shown
    shown[padding] = 0
    return shown[..., None]


def _range(header: Dataset, units: Float32[np.ndarray, " n"]) -> tuple[float, float]:
    """Returns what is black and what is white where nothing in the file says it."""
    bits = header.BitsStored
    rescaled = "RescaleSlope" in header or header.get("ModalityLUTSequence")
    if bits <= 8 and not rescaled:
        low = -(2 ** (bits - 1)) if header.PixelRepresentation else 0
        return float(low), float(low + 2**bits - 1)
    return (float(units.min()), float(units.max())) if units.size else (0.0, 1.0)


def find_padding(
    header: Dataset, stored: Integer[np.ndarray, "h w"]
) -> Bool[np.ndarray, "h w"]:
    """Finds pixels outside the field of view, by PixelPaddingValue or its range.

    Files disagree on the sign of that value, so it is compared modulo the
    range of the stored type.
    """
    value = header.get("PixelPaddingValue")
    if value is None:
        return np.zeros(stored.shape, bool)
    limit = header.get("PixelPaddingRangeLimit")
    low, high = sorted((int(value), int(value if limit is None else limit)))
    unsigned = stored.view(f"u{stored.itemsize}")  # differences wrap around
    span = 2 ** (8 * stored.itemsize)
    return unsigned - unsigned.dtype.type(low % span) <= (high - low) % span


def strip_unused_bits(
    header: Dataset, stored: Integer[np.ndarray, "*shape"]
) -> Integer[np.ndarray, "*shape"]:
    """Returns values of BitsStored bits; drops what is above them (overlays)."""
    spare = 8 * stored.itemsize - header.BitsStored
    return (stored << spare) >> spare if spare else stored  # keeps the sign


def own_window(header: Dataset) -> Window | None:
    """Returns the file's first window, or None."""
    centre, width = _number(header, "WindowCenter"), _number(header, "WindowWidth")
    return None if centre is None or width is None else Window(centre, width)


def voi_function(header: Dataset) -> str:
    """Returns LINEAR (which an absent one means), LINEAR_EXACT or SIGMOID."""
    return str(header.get("VOILUTFunction") or "LINEAR").upper()


def _number(header: Dataset, keyword: str) -> float | None:
    """Returns a number, the first of several, or None."""
    value = header.get(keyword)
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = value[0] if len(value) else None
    if value is None or value == "":
        return None
    if isinstance(value, str | bytes):
        what = f"its {keyword} is {value!r}, which is no number"
        raise ValueError(what)  # noqa: TRY004  the file's fault, not the caller's
    if not math.isfinite(value):
        raise ValueError(f"its {keyword} is {value}")
    return float(value)
