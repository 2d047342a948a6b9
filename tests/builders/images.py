"""Image files: small ones as Pillow writes them, and PNG and TIFF by hand."""

import io
import struct
import zlib

import numpy as np
from PIL import Image


def save_grey(path, value=100, size=(20, 20), mode="L"):
    """Save an image of one value, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value).save(path)


def encoded(pixels, form, **options):
    """Return the bytes of an image file that Pillow writes."""
    buffer = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(buffer, form, **options)
    return buffer.getvalue()


def chest_like(number, size=32):
    """Return [s s] uint8 pixels: alike (a bright middle), and no two the same."""
    rng = np.random.default_rng(number)
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    bright = 200 * np.exp(-2 * (x - rng.normal(0, 0.1)) ** 2 - 2 * y**2)
    return np.clip(bright + rng.normal(20, 8, (size, size)), 0, 255).astype(np.uint8)


def png_chunk(name, data):
    """Return a chunk of a PNG file with its length and checksum."""
    crc = struct.pack(">I", zlib.crc32(name + data))
    return struct.pack(">I", len(data)) + name + data + crc


def png(height, width, depth, colour, rows, *chunks):
    """Return a PNG file made by hand: Pillow does not write every kind.

    `rows` are the filtered rows before compression, `chunks` further (name, data).
    """
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", head)
        + b"".join(png_chunk(name, data) for name, data in chunks)
        + png_chunk(b"IDAT", zlib.compress(rows))
        + png_chunk(b"IEND", b"")
    )


def tiff(values, photometric, *, bits, order="<", sample_format=1):
    """Return an uncompressed grey TIFF file made by hand."""
    data = values.tobytes()
    height, width = values.shape
    tags = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, bits),
        (259, 3, 1),
        (262, 3, photometric),
        (273, 4, 8),
        (277, 3, 1),
        (278, 4, height),
        (279, 4, len(data)),
        (339, 3, sample_format),
    ]
    out = (b"II" if order == "<" else b"MM") + struct.pack(
        f"{order}HI", 42, 8 + len(data)
    )
    out += data + struct.pack(f"{order}H", len(tags))
    for tag, kind, value in tags:
        packed = struct.pack(f"{order}{'HI'[kind - 3]}", value).ljust(4, b"\0")
        out += struct.pack(f"{order}HHI", tag, kind, 1) + packed
    return out + bytes(4)
