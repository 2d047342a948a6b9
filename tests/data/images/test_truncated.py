"""Files that were cut off, and are yet an image to their decoder."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from builders.images import encoded, png
from synthjax.data.images.image_file import read_image
from synthjax.data.images.pixels import PixelsConfig
from synthjax.data.problems import BadImageError

PLAIN = PixelsConfig()
WHITE = PixelsConfig(white=65535)
RNG = np.random.default_rng(0)
LARGE = RNG.integers(0, 256, (400, 300), dtype=np.uint8)


def lines(pixels):
    """Rows of a PNG, without a filter."""
    return [b"\0" + line.tobytes() for line in pixels]


def interlaced_lines(pixels):
    """The same in the order of Adam7 (PNG, 8.2)."""
    steps = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4))
    steps += ((2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))  # row, column, their steps
    parts = [pixels[row::down, left::across] for row, left, down, across in steps]
    return [line for part in parts if part.size for line in lines(part)]


def interlaced_png(pixels, rows):
    data = bytearray(png(*pixels.shape, 8, 0, rows))
    data[28] = 1
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
@pytest.mark.parametrize("interlaced", [False, True])
def test_a_png_with_too_few_rows_is_refused(tmp_path: Path, share, interlaced):
    """Its data end, well formed, after some of them."""
    if interlaced:
        rows = interlaced_lines(LARGE)
        rows = b"".join(rows[: int(share * len(rows))])
        data = interlaced_png(LARGE, rows)
    else:
        rows = b"".join(lines(LARGE)[: int(share * 400)])
        data = png(400, 300, 8, 0, rows)
    path = tmp_path / "short.png"
    path.write_bytes(data)
    with Image.open(path) as image:
        image.load()  # Pillow is content
    with pytest.raises(
        BadImageError, match=rf"{len(rows)} bytes of pixels, .* cut off"
    ):
        read_image(path, PLAIN)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 9), (8, 8), (17, 4), (33, 41)])
def test_a_whole_interlaced_png_is_read(tmp_path: Path, size):
    pixels = LARGE[: size[0], : size[1]]
    path = tmp_path / "interlaced.png"
    path.write_bytes(interlaced_png(pixels, b"".join(interlaced_lines(pixels))))
    np.testing.assert_allclose(read_image(path, PLAIN)[..., 0], pixels / 255, atol=1e-6)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_png_that_is_black_at_its_end_is_read(tmp_path: Path, mode):
    path = tmp_path / "black.png"
    Image.new(mode, (37, 29)).save(path)
    assert read_image(path, WHITE).shape[:2] == (29, 37)


def test_a_png_in_many_chunks_is_read(tmp_path: Path):
    """Its last row is black, so its data are counted."""
    pixels = LARGE.copy()
    pixels[-1] = 0
    data = encoded(pixels, "PNG")
    start = data.index(b"IDAT") + 4
    (length,) = struct.unpack(">I", data[start - 8 : start - 4])
    body, chunks = data[start : start + length], b""
    for place in range(0, length, 999):
        part = b"IDAT" + body[place : place + 999]
        chunks += struct.pack(">I", len(part) - 4) + part
        chunks += struct.pack(">I", zlib.crc32(part))
    path = tmp_path / "many.png"
    path.write_bytes(data[: start - 8] + chunks + data[start + length + 4 :])
    np.testing.assert_allclose(read_image(path, PLAIN)[..., 0], pixels / 255, atol=1e-6)


JPEGS = {
    "baseline": encoded(LARGE, "JPEG"),
    "colour": encoded(np.dstack([LARGE] * 3), "JPEG"),
    "progressive": encoded(LARGE, "JPEG", progressive=True),
}


@pytest.mark.parametrize("name", ["baseline", "colour"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_jpeg_whose_rest_is_zeros_is_refused(tmp_path: Path, name, share):
    """A download that was cut off, in a file that had been given its size before."""
    data = JPEGS[name]
    path = tmp_path / "cut.jpg"
    whole = int(share * len(data))
    path.write_bytes(data[:whole] + bytes(len(data) - whole))
    with Image.open(path) as image:
        image.load()  # Pillow is content
    with pytest.raises(BadImageError, match="no end of image: it was cut off"):
        read_image(path, PLAIN)


@pytest.mark.parametrize("name", JPEGS)
@pytest.mark.parametrize("after", [b"", bytes(999), b"of the camera" * 99])
def test_what_follows_the_end_of_a_jpeg_is_no_fault(tmp_path: Path, name, after):
    path = tmp_path / "whole.jpg"
    path.write_bytes(JPEGS[name])
    whole = read_image(path, PLAIN)
    path.write_bytes(JPEGS[name] + after)
    np.testing.assert_array_equal(read_image(path, PLAIN), whole)


def test_the_end_of_a_thumbnail_is_not_that_of_its_image(tmp_path: Path):
    data = JPEGS["baseline"]
    inner = b"Exif\0\0" + JPEGS["baseline"][:5000] + b"\xff\xd9"
    segment = b"\xff\xe1" + struct.pack(">H", len(inner) + 2) + inner
    path = tmp_path / "thumbnail.jpg"
    path.write_bytes(data[:2] + segment + data[2:])
    read_image(path, PLAIN)
    path.write_bytes(data[:2] + segment + data[2:-9000] + bytes(9000))
    with pytest.raises(BadImageError, match="no end of image"):
        read_image(path, PLAIN)
