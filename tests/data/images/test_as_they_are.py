"""Pictures as hospitals have them: shown in one way, or refused by name."""

import contextlib
import logging
import os
import signal
import struct
import threading
import time
import warnings
import zlib
from shutil import copy

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.pixels import get_decoder
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGExtended12Bit

from builders.dicom import UNITS, change, ct, radiograph, save
from builders.images import encoded, png_chunk
from synthjax.data.images.decoding import decoding
from synthjax.data.images.dicom import read_header
from synthjax.data.images.image_file import check_header, read_image
from synthjax.data.images.image_size import MOST_SIDE
from synthjax.data.images.pixels import PixelsConfig, fit, pad_to_square, resize
from synthjax.data.problems import BadImageError
from synthjax.data.sources.header_index import read_row

BRAIN = PixelsConfig(window="brain")
GREY = np.random.default_rng(0).integers(0, 256, (64, 48), np.uint8)


def refused(path, config, message):
    """Both the header and the image say it."""
    for read in (check_header, read_image):
        with pytest.raises(BadImageError, match=message) as told:
            read(path, config)
        assert str(told.value).startswith(str(path))


def inside(keyword, **elements):
    """A functional group that holds one sequence."""
    inner, group = Dataset(), Dataset()
    change(inner, **elements)
    setattr(group, keyword, Sequence([inner]))
    return group


RESCALE = {"RescaleIntercept": -1024, "RescaleSlope": 1, "RescaleType": "HU"}


def enhanced(where):
    """The same slice as `ct()`, with its rescale and window in a functional group."""
    made = ct(RescaleIntercept=None, RescaleSlope=None)
    made.PixelData = (UNITS + 1024).astype("<i2").tobytes()
    group = inside("PixelValueTransformationSequence", **RESCALE)
    window = {"WindowCenter": 300, "WindowWidth": 90}
    group.update(inside("FrameVOILUTSequence", **window))
    other = where.replace("PerFrame", "Shared")
    if other != where:  # what the frame says counts first
        wrong = inside("PixelValueTransformationSequence", RescaleIntercept=7)
        setattr(made, other, Sequence([wrong]))
    for keyword in ("WindowCenter", "WindowWidth", "RescaleType"):
        if keyword in made:
            delattr(made, keyword)
    setattr(made, where, Sequence([group]))
    return made


@pytest.mark.parametrize("name", ["Shared", "PerFrame"])
@pytest.mark.parametrize("window", ["brain", "three", "file"])
def test_an_enhanced_ct_is_the_same_picture(tmp_path, name, window):
    path = save(tmp_path / "1.dcm", enhanced(f"{name}FunctionalGroupsSequence"))
    plain = save(tmp_path / "2.dcm", ct(WindowCenter=300, WindowWidth=90))
    config = PixelsConfig(window=window)
    np.testing.assert_array_equal(read_image(path, config), read_image(plain, config))
    header, _ = read_header(path)
    assert not any("FunctionalGroups" in element.keyword for element in header)


def test_a_ct_without_units_is_not_shown_through_a_window_of_units(tmp_path):
    stripped = ct(RescaleIntercept=None, RescaleSlope=None)
    path = save(tmp_path / "1.dcm", stripped)
    for window in ("brain", "three"):
        refused(path, PixelsConfig(window=window), "CT without a RescaleIntercept")
    assert read_image(path, PixelsConfig()).shape == (64, 48, 1)
    assert read_row(tmp_path, "1.dcm")["doubtful"]


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("WindowCenter", "2048,5"),
        ("WindowWidth", "wide"),
        ("RescaleSlope", "1,0"),
        ("RescaleIntercept", "-"),
    ],
)
def test_a_number_that_is_none_is_named(tmp_path, keyword, text):
    made = radiograph(GREY.astype(np.uint16), WindowCenter=9, WindowWidth=9)
    tag = Tag(keyword)
    raw = text.encode().ljust(len(text) + len(text) % 2)
    made._dict[tag] = RawDataElement(tag, "DS", len(raw), raw, 0, False, True)
    path = save(tmp_path / "1.dcm", made)
    refused(path, PixelsConfig(), f"its {keyword} is '{text}', which is no number")


def test_frames_that_are_no_number_are_named(tmp_path):
    made = radiograph(GREY.astype(np.uint16))
    tag = Tag("NumberOfFrames")
    made._dict[tag] = RawDataElement(tag, "IS", 2, b"1A", 0, False, True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = save(tmp_path / "1.dcm", made)
    refused(path, PixelsConfig(), "NumberOfFrames '1A', which is no number")


def compressed(syntax):
    made = radiograph(GREY, 8)
    if syntax != JPEGBaseline8Bit:
        made.compress(syntax, generate_instance_uid=False)
        return made
    made.file_meta.TransferSyntaxUID = syntax
    code = encoded(GREY, "JPEG")
    made.PixelData = pydicom.encaps.encapsulate([code])
    made["PixelData"].is_undefined_length = True
    return made


@pytest.mark.parametrize("zeros", [True, False])
@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEG2000Lossless])
def test_what_was_cut_off_inside_dicom_is_refused(tmp_path, syntax, zeros):
    made = compressed(syntax)
    path = save(tmp_path / "1.dcm", made)
    assert read_image(path, PixelsConfig()).shape == (64, 48, 1)
    code = pydicom.encaps.get_frame(made.PixelData, 0, number_of_frames=1)
    half = code[: 2 * len(code) // 3]
    half += bytes(len(code) - len(half)) * zeros
    made.PixelData = pydicom.encaps.encapsulate([half])
    save(path, made)
    with pytest.raises(BadImageError, match="without an end: cut off"):
        read_image(path, PixelsConfig())


@pytest.mark.parametrize("length", [0, 1, 7])
def test_a_wrapper_without_an_end_is_refused(tmp_path, length):
    """One decoder follows a box of length 0 for ever."""
    made = compressed(JPEG2000Lossless)
    code = pydicom.encaps.get_frame(made.PixelData, 0, number_of_frames=1)
    begin = struct.pack(">I4s", length, b"jp2h")
    made.PixelData = pydicom.encaps.encapsulate([begin + code])
    path = save(tmp_path / "1.dcm", made)
    begin = time.monotonic()
    with pytest.raises(BadImageError, match="JP2 wrapper whose boxes are damaged"):
        read_image(path, PixelsConfig())
    assert time.monotonic() - begin < 5


def without_the_extra(monkeypatch, syntax):
    decoder = get_decoder(syntax)
    left = {k: v for k, v in decoder._available.items() if k == "pillow"}
    monkeypatch.setattr(decoder, "_available", left)


def test_a_decoder_that_does_not_do_12_bits_is_not_the_file(tmp_path, monkeypatch):
    without_the_extra(monkeypatch, JPEGExtended12Bit)
    path = tmp_path / "1.dcm"
    copy(get_testdata_file("JPGExtended.dcm", download=False), path)
    refused(path, PixelsConfig(), r"12 bits\), and no decoder .*pip install 'synthjax")


def test_a_decoder_that_fails_alone_is_not_the_file(tmp_path, monkeypatch, caplog):
    without_the_extra(monkeypatch, JPEG2000Lossless)
    path = tmp_path / "1.dcm"
    copy(get_testdata_file("GDCMJ2K_TextGBR.dcm", download=False), path)
    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(BadImageError, match=r"by pillow .*pip install 'synthjax"),
    ):
        read_image(path, PixelsConfig())
    assert "Traceback" not in caplog.text


def test_burned_in_text_is_known_from_the_header(tmp_path):
    made = radiograph(GREY, 8, BurnedInAnnotation="YES")
    path = save(tmp_path / "1.dcm", made)
    assert check_header(path, PixelsConfig()).burned_in
    assert read_row(tmp_path, "1.dcm")["burned_in"]


# Sizes


def thin_png(width, height):
    """A PNG of one bit per pixel that is whole."""
    row = b"\0" + bytes((width + 7) // 8)
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    body = png_chunk(b"IHDR", head) + png_chunk(b"IDAT", zlib.compress(row * height))
    return b"\x89PNG\r\n\x1a\n" + body + png_chunk(b"IEND", b"")


@pytest.mark.slow
@pytest.mark.parametrize("aspect", ["pad", "crop", "squash"])
@pytest.mark.parametrize("size", [(65_000, 1), (2, 65_535)])
def test_a_long_thin_image_takes_little(tmp_path, aspect, size):
    path = tmp_path / "1.png"
    path.write_bytes(thin_png(*size))
    config = PixelsConfig(aspect=aspect)
    assert fit(read_image(path, config), config, 64, 1).shape == (64, 64, 1)


def test_a_side_is_bounded(tmp_path):
    path = tmp_path / "1.png"
    path.write_bytes(thin_png(100_000, 2))
    refused(path, PixelsConfig(), f"2 x 100000 pixels, more than {MOST_SIDE} on a side")


@pytest.mark.parametrize("shape", [(31, 90, 1), (90, 31, 3), (1, 70, 1), (257, 2, 3)])
def test_resized_and_padded_is_padded_and_resized(monkeypatch, shape):
    monkeypatch.setattr("synthjax.data.images.pixels._BLOCK", 1000)
    values = np.random.default_rng(0).random(shape, dtype=np.float32)
    for size in (16, 64, 128):
        config = PixelsConfig(bits=16) if shape[2] == 1 else PixelsConfig()
        whole = resize(pad_to_square(values), size, size)
        largest = 2**config.bits - 1
        truth = np.rint(np.clip(whole, 0, 1) * np.float32(largest))
        np.testing.assert_array_equal(fit(values, config, size, shape[2]), truth)


# Decoders of others


class Odd(Exception):
    """Of no kind that anybody lists."""


@pytest.mark.parametrize(
    "error", [Odd("x"), MemoryError(), RecursionError("deep"), struct.error("y")]
)
def test_whatever_is_raised_is_the_files_problem(error):
    with (
        pytest.raises(BadImageError, match=r"^a.png cannot be read \("),
        decoding("a.png", "cannot be read"),
    ):
        raise error
    with pytest.raises(KeyboardInterrupt), decoding("a.png", "cannot be read"):
        raise KeyboardInterrupt


@pytest.mark.slow
def test_a_decoder_without_an_end_is_stopped():
    before = signal.getsignal(signal.SIGALRM)
    begin = time.monotonic()
    with (
        pytest.raises(BadImageError, match=r"takes more than 0.2 s to decode"),
        decoding("a.png", "cannot be read", seconds=0.2),
    ):
        while True:  # as a decoder of others does
            with contextlib.suppress(Exception):
                sum(range(1000))
    assert time.monotonic() - begin < 5
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_a_thread_reads_without_a_limit(tmp_path):
    path = tmp_path / "1.png"
    path.write_bytes(encoded(GREY, "PNG"))
    shapes = []
    thread = threading.Thread(
        target=lambda: shapes.append(read_image(path, PixelsConfig()).shape)
    )
    thread.start()
    thread.join()
    assert shapes == [(64, 48, 1)]


def test_an_image_that_is_no_file_is_named(tmp_path):
    os.mkfifo(tmp_path / "1.png")
    refused(tmp_path / "1.png", PixelsConfig(), "it is a named pipe, not a file")
    (tmp_path / "2.png").symlink_to("/dev/zero")
    refused(tmp_path / "2.png", PixelsConfig(), "it is a device, not a file")
    refused(tmp_path, PixelsConfig(), "it is a folder, not a file")
