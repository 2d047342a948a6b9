"""Small whole files of every kind that is read, of which spoilt ones are made."""

import gzip
import io
import json
import struct
from pathlib import Path

import h5py
import numpy as np
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import JPEG2000Lossless, RLELossless

from builders.dicom import ct, to_bytes
from builders.images import encoded
from synthjax.data.sources import medmnist

RNG = np.random.default_rng(0)
GREY = np.cumsum(RNG.integers(-9, 9, (24, 20)), axis=1).astype(np.uint8)
RGB = np.stack([GREY, GREY.T.reshape(24, 20), 255 - GREY], axis=-1)
DEEP = RNG.integers(0, 4096, (24, 20)).astype(np.uint16)


def dicom_seeds():
    steps = np.random.default_rng(1).integers(-40, 40, (32, 36))
    units = np.cumsum(steps, axis=1).astype(np.int16)
    for syntax in (None, RLELossless, JPEG2000Lossless):
        made = ct(units, of={"study_id": "s0", "age": 40.0, "sex": "F"})
        if syntax:
            made.compress(syntax, generate_instance_uid=False)
        yield to_bytes(made)
    for name in (
        "MR_small_jpeg_ls_lossless.dcm",
        "SC_rgb_small_odd_jpeg.dcm",
        "SC_rgb_small_odd.dcm",
        "MR_small_implicit.dcm",
        "MR_small_bigendian.dcm",
        "JPEGLSNearLossless_08.dcm",
    ):
        yield Path(get_testdata_file(name, download=False)).read_bytes()
    palette = dcmread(get_testdata_file("examples_palette.dcm", download=False))
    palette.Rows, palette.PixelData = 4, palette.PixelData[: 4 * palette.Columns]
    yield to_bytes(palette)


def oriented():
    exif = Image.Exif()
    exif[274] = 6
    return exif


def png_seeds():
    palette = Image.fromarray(RGB).quantize(8)
    yield encoded(GREY, "PNG", exif=oriented())
    yield encoded(RGB, "PNG")
    yield encoded(DEEP, "PNG")
    yield encoded(palette, "PNG", transparency=bytes(range(8)))
    yield encoded(np.dstack([RGB, GREY]), "PNG")


def jpeg_seeds():
    yield encoded(GREY, "JPEG", exif=oriented())
    yield encoded(RGB, "JPEG", progressive=True)
    yield encoded(Image.fromarray(RGB).convert("CMYK"), "JPEG")


def tiff_seeds():
    yield encoded(GREY, "TIFF", exif=oriented())
    yield encoded(DEEP, "TIFF")
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        yield encoded(RGB, "TIFF", compression=compression)
    yield encoded(Image.fromarray(RGB).quantize(8), "TIFF")


def npz_seeds():
    arrays = {}
    for split in medmnist.SPLITS:
        arrays[f"{split}_images"] = np.full((3, 8, 8), 7, np.uint8)
        arrays[f"{split}_labels"] = np.array([[0], [1], [2]])
    for save in (np.savez, np.savez_compressed):
        buffer = io.BytesIO()
        save(buffer, **arrays)
        yield buffer.getvalue()


def safetensors_seeds():
    header = {
        "a.weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
        "b": {"dtype": "BF16", "shape": [4], "data_offsets": [24, 32]},
        "__metadata__": {"format": "pt"},
    }
    text = json.dumps(header).encode()
    yield struct.pack("<Q", len(text)) + text + bytes(range(32))


def h5_seeds():
    for compression in (None, "gzip"):
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            weights = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
            for name in ("conv1/conv/kernel", "layers/dense/vars/0"):
                file.create_dataset(name, data=weights, compression=compression)
        yield buffer.getvalue()


def toml_seeds():
    yield b'[limits]\n"utility.gap.high" = { max = 0.05 }\nn = { min = 200, max = 1e9 }\n'


def csv_seeds():
    rows = "".join(
        f"p{n // 2}/{n}.png,{n % 2},{'' if n % 3 else 1}\n" for n in range(30)
    )
    plain = ('file,edema,"a, b"\n' + rows).encode()
    yield plain
    yield b"\xef\xbb\xbf" + plain.replace(b"\n", b"\r\n")
    yield gzip.compress(plain, mtime=0)
    yield b"sep=;\n" + plain.replace(b",", b";").replace(b"a; b", b"a\nb")
    yield plain.decode().encode("utf-16")
    yield plain.replace(b"edema", "Ödem".encode("cp1252"))


SEEDS = {
    "dicom": dicom_seeds,
    "png": png_seeds,
    "jpeg": jpeg_seeds,
    "tiff": tiff_seeds,
    "csv": csv_seeds,
    "npz": npz_seeds,
    "safetensors": safetensors_seeds,
    "h5": h5_seeds,
    "toml": toml_seeds,
}
