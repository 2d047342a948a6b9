"""Small files that say they are large."""

import gzip
import struct

import numpy as np
from pydicom.uid import JPEG2000Lossless, RLELossless

from builders.dicom import ct, to_bytes
from builders.images import encoded, png_chunk
from builders.whole_files import GREY


def png_bomb(height, width):
    data = encoded(GREY, "PNG")
    head = struct.pack(">II", width, height) + data[24:29]
    return data[:8] + png_chunk(b"IHDR", head) + data[33:]


def jpeg_bomb(height, width):
    data = encoded(GREY, "JPEG")
    start = data.index(b"\xff\xc0") + 5
    return data[:start] + struct.pack(">HH", height, width) + data[start + 4 :]


def tiff_bomb(height, width, compression):
    data = bytearray(encoded(GREY, "TIFF", compression=compression))
    for tag, side in ((256, width), (257, height), (278, height)):
        for kind in (3, 4):
            start = data.find(struct.pack("<HHI", tag, kind, 1))
            if start >= 0:
                data[start : start + 12] = struct.pack("<HHII", tag, 4, 1, side)
    return bytes(data)


def dicom_bomb(rows, columns, syntax):
    made = ct(np.zeros((32, 32), np.int16))
    if syntax:
        made.compress(syntax, generate_instance_uid=False)
    made.Rows, made.Columns = rows, columns
    return to_bytes(made)


def j2k_bomb(side):
    """The codestream is large, be the header what it may."""
    data = dicom_bomb(32, 32, JPEG2000Lossless)
    start = data.index(b"\xff\x4f\xff\x51") + 8
    return data[:start] + struct.pack(">II", side, side) + data[start + 8 :]


BOMBS = (
    lambda: png_bomb(60_000, 60_000),
    lambda: png_bomb(10_000, 10_000),
    lambda: png_bomb(1, 2**31 - 1),
    lambda: jpeg_bomb(65_000, 65_000),
    lambda: jpeg_bomb(10_001, 10_000),
    lambda: jpeg_bomb(3_000, 3_000),
    lambda: tiff_bomb(60_000, 60_000, None),
    lambda: tiff_bomb(9_000, 9_000, None),
    lambda: tiff_bomb(9_000, 9_000, "tiff_adobe_deflate"),
    lambda: dicom_bomb(60_000, 60_000, None),
    lambda: dicom_bomb(9_000, 9_000, None),
    lambda: dicom_bomb(9_000, 9_000, RLELossless),
    lambda: dicom_bomb(9_000, 9_000, JPEG2000Lossless),
    lambda: j2k_bomb(60_000),
    lambda: gzip.compress(b"a,b\n" + b"0" * 10**8, mtime=0),
)
