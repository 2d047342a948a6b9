"""Image files of every kind against the arrays they were made of, and spoilt ones."""

import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile
from pydicom.data import get_testdata_file

from builders.dicom import ct, to_bytes
from builders.images import encoded, png, tiff
from synthjax.data.images.image_file import Header, check_header, read_image
from synthjax.data.images.pixels import PixelsConfig
from synthjax.data.problems import BadImageError

PLAIN = PixelsConfig()
WHITE = PixelsConfig(white=65535)
RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (7, 5), dtype=np.uint8)
RGB = RNG.integers(0, 256, (7, 5, 3), dtype=np.uint8)
DEEP = RNG.integers(0, 65536, (7, 5), dtype=np.uint16)
ALPHA = RNG.integers(0, 256, (7, 5), dtype=np.uint8)


def palette_image(**info):
    image = Image.fromarray(RGB).quantize(16)
    image.info.update(info)
    return image


DICOM = to_bytes(ct(np.full((7, 5), 40, np.int16)))
PALETTE_RGB = np.asarray(palette_image().convert("RGB"))
BITS = Image.fromarray(GREY).point(lambda value: 255 * (value > 99), mode="1")
CMYK = Image.fromarray(RGB).convert("CMYK")
READABLE = {
    "grey.png": (encoded(GREY, "PNG"), PLAIN, GREY / 255),
    "rgb.png": (encoded(RGB, "PNG"), PLAIN, RGB / 255),
    "rgba.png": (encoded(np.dstack([RGB, ALPHA]), "PNG"), PLAIN, RGB / 255),
    "grey and alpha.png": (
        encoded(Image.fromarray(np.dstack([GREY, ALPHA]), "LA"), "PNG"),
        PLAIN,
        GREY / 255,
    ),
    "grey with a clear value.png": (
        encoded(GREY, "PNG", transparency=int(GREY[0, 0])),
        PLAIN,
        GREY / 255,
    ),
    "palette.png": (encoded(palette_image(), "PNG"), PLAIN, PALETTE_RGB / 255),
    "clear palette.png": (
        encoded(palette_image(), "PNG", transparency=bytes(range(16))),
        PLAIN,
        PALETTE_RGB / 255,
    ),
    "bits.png": (encoded(BITS, "PNG"), PLAIN, np.asarray(BITS)),
    "deep.png": (encoded(DEEP, "PNG"), WHITE, DEEP / 65535),
    "12 of 16.png": (
        encoded(DEEP >> 4, "PNG"),
        PixelsConfig(white=4095),
        (DEEP >> 4) / 4095,
    ),
    "brighter than white.png": (
        encoded(DEEP, "PNG"),
        PixelsConfig(white=1000),
        np.minimum(DEEP / 1000, 1),
    ),
    "grey.tif": (encoded(GREY, "TIFF"), PLAIN, GREY / 255),
    "rgb.tif": (encoded(RGB, "TIFF"), PLAIN, RGB / 255),
    "lzw.tif": (encoded(RGB, "TIFF", compression="tiff_lzw"), PLAIN, RGB / 255),
    "deep.tif": (encoded(DEEP, "TIFF"), WHITE, DEEP / 65535),
    "big endian.tif": (
        tiff(DEEP.astype(">u2"), 1, bits=16, order=">"),
        WHITE,
        DEEP / 65535,
    ),
    "0 is white.tif": (tiff(GREY, 0, bits=8), PLAIN, 1 - GREY / 255),
    "deep, 0 is white.tif": (tiff(DEEP, 0, bits=16), WHITE, 1 - DEEP / 65535),
    "dicom": (DICOM, PLAIN, np.full((7, 5), 0.5 / 79 + 0.5)),
}


@pytest.mark.parametrize("name", READABLE)
def test_values_are_those_written(tmp_path: Path, name):
    data, config, truth = READABLE[name]
    path = tmp_path / "image.of_any_name"
    path.write_bytes(data)
    values = read_image(path, config)
    truth = truth[..., None] if truth.ndim == 2 else truth
    assert values.dtype == np.float32 and values.shape == truth.shape
    np.testing.assert_allclose(values, truth, atol=1e-6)
    header = check_header(path, config)
    assert (header.height, header.width, header.channels) == values.shape


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_is_what_its_decoder_says(tmp_path: Path, mode):
    image = Image.fromarray(RGB).convert(mode)
    path = tmp_path / "a.png"  # by content, not by name
    path.write_bytes(encoded(image, "JPEG", quality=95))
    with Image.open(path) as opened:
        truth = np.asarray(opened.convert("L" if mode == "L" else "RGB")) / 255
    truth = truth[..., None] if truth.ndim == 2 else truth
    np.testing.assert_allclose(read_image(path, PLAIN), truth, atol=1e-6)
    assert check_header(path, PLAIN).kind == "JPEG"


UPRIGHT = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).T,
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_images_are_turned_upright(tmp_path: Path, orientation, form):
    exif = Image.Exif()
    exif[274] = orientation
    path = tmp_path / "turned"
    path.write_bytes(encoded(GREY, form, exif=exif))
    values = read_image(path, PLAIN)
    truth = UPRIGHT[orientation](GREY) / 255
    np.testing.assert_allclose(values[..., 0], truth, atol=1e-6)
    header = check_header(path, PLAIN)
    assert (header.height, header.width, header.channels) == values.shape


def test_a_dicom_whose_preamble_is_a_tiff_header_is_dicom(tmp_path: Path):
    path = tmp_path / "dual"
    path.write_bytes(b"II*\0" + DICOM[4:])
    assert check_header(path, PLAIN).kind == "DICOM"
    for name in ("CT_small.dcm", "MR_small.dcm"):  # pydicom's own examples are such
        assert read_image(Path(get_testdata_file(name, download=False)), PLAIN).max()


def test_the_header_is_read_without_a_pixel(tmp_path: Path, monkeypatch):
    def load(self):
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    for name in ("rgb.png", "rgb.tif", "lzw.tif"):
        path = tmp_path / name
        path.write_bytes(READABLE[name][0])
        assert check_header(path, PLAIN).channels == 3


SPOILT = {
    "empty": (b"", "empty"),
    "text": (b"file,label\n" * 30, "not a PNG, JPEG, TIFF or DICOM"),
    "a gif": (encoded(GREY, "GIF"), "a GIF image, which is not read; save it as PNG"),
    "cut png": (encoded(RGB, "PNG")[:-40], "cannot be read as PNG"),
    "cut jpeg": (encoded(RGB, "JPEG")[:-20], "cannot be read as JPEG"),
    "cut tiff": (encoded(RGB, "TIFF")[:-60], "cannot be read as TIFF"),
    "bare jpeg": (b"\xff\xd8\xff", "cannot be read as JPEG"),
    "no size": (png(0, 0, 8, 0, b""), "0 x 0|cannot be read as PNG"),
    "bomb": (png(50_000, 50_000, 8, 0, b"\0" * 999), "50000 x 50000 .* more than"),
    "just a bomb": (png(10_001, 10_000, 8, 0, b"\0" * 999), "10001 x 10000"),
    "tall for its data": (png(9000, 9000, 8, 0, b"\0" * 999), "bytes can hold"),
    "long": (png(2**31 - 1, 1, 8, 0, b"\0" * 999), "2147483647 x 1"),
    "deep": (encoded(DEEP, "PNG"), "16 bits .* config.data.pixels.white"),
    "deep tiff": (encoded(DEEP, "TIFF"), "16 bits .* config.data.pixels.white"),
    "deep colour": (png(1, 1, 16, 2, b"\0" + bytes(6)), "16 bits .* mode RGB"),
    "deep alpha": (png(1, 1, 16, 4, b"\0" + bytes(4)), "16 bits"),
    "32 bits": (encoded(DEEP.astype(np.int32), "TIFF"), "32 bits"),
    "floats": (encoded(DEEP.astype(np.float32), "TIFF"), "32 bits"),
    "signed": (tiff(DEEP.view(np.int16), 1, bits=16, sample_format=2), "16 bits"),
    "pages": (
        encoded(GREY, "TIFF", save_all=True, append_images=[Image.fromarray(GREY)] * 2),
        "3 frames or pages",
    ),
    "moving": (
        encoded(
            GREY, "PNG", save_all=True, append_images=[Image.fromarray(255 - GREY)]
        ),
        "2 frames or pages",
    ),
    "huge text": (
        png(1, 1, 8, 0, b"\0\0", (b"zTXt", b"a\0\0" + zlib.compress(bytes(10**7)))),
        "cannot be read as PNG",
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_is_wrong_is_said_with_the_file(tmp_path: Path, name):
    data, message = SPOILT[name]
    path = tmp_path / "spoilt"
    path.write_bytes(data)
    with pytest.raises(BadImageError, match=message) as caught:
        read_image(path, PLAIN)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["empty", "bomb", "deep", "pages", "32 bits"])
def test_the_header_tells_of_it_too(tmp_path: Path, name):
    data, message = SPOILT[name]
    path = tmp_path / "spoilt"
    path.write_bytes(data)
    with pytest.raises(BadImageError, match=message):
        check_header(path, PLAIN)


def test_what_cannot_be_opened_is_said(tmp_path: Path):
    for path in (tmp_path / "missing.png", tmp_path):
        with pytest.raises(BadImageError, match="cannot be opened"):
            read_image(path, PLAIN)


def test_the_white_of_deep_images_is_a_bound_on_all_alike(tmp_path: Path):
    """The same 12-bit values in PNG, TIFF and inverted TIFF."""
    values = DEEP >> 4
    config = PixelsConfig(white=4095)
    for number, data in enumerate(
        (encoded(values, "PNG"), encoded(values, "TIFF"), tiff(values, 1, bits=16))
    ):
        path = tmp_path / str(number)
        path.write_bytes(data)
        np.testing.assert_array_equal(
            read_image(path, config)[..., 0], values / np.float32(4095)
        )


# Depth and meaning of the values


@pytest.mark.parametrize(
    ("data", "bits", "photometric"),
    [
        (encoded(GREY, "PNG"), 8, "MONOCHROME2"),
        (encoded(BITS, "PNG"), 1, "MONOCHROME2"),
        (encoded(DEEP, "PNG"), 16, "MONOCHROME2"),
        (encoded(palette_image(), "PNG", bits=8), 8, "PALETTE COLOR"),
        (encoded(RGB, "JPEG"), 8, "RGB"),
        (encoded(DEEP, "TIFF"), 16, "MONOCHROME2"),
        (tiff(GREY, 0, bits=8), 8, "MONOCHROME1"),
        (tiff(DEEP, 0, bits=16), 16, "MONOCHROME1"),
        (DICOM, 16, "MONOCHROME2"),
    ],
)
def test_the_header_says_what_values_are(tmp_path: Path, data, bits, photometric):
    path = tmp_path / "image"
    path.write_bytes(data)
    header = check_header(path, WHITE)
    assert isinstance(header, Header)
    assert (header.bits, header.photometric) == (bits, photometric)
