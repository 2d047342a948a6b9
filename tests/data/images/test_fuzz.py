"""Spoilt bytes of every kind of file: a named error or an image, and nothing else.

The cases run in a process of their own, so that a crash, a hang or a want of memory is
seen as such. Every case follows from its number and SYNTHJAX_TEST_SEED: to repeat one,
run this file with the kind and the number, such as
`PYTHONPATH=tests python tests/data/images/test_fuzz.py png 17`.
"""

import functools
import gzip
import io
import json
import resource
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import JPEG2000Lossless, RLELossless

from builders.dicom import ct, to_bytes
from builders.images import encoded, png_chunk
from builders.listings import make_context
from builders.processes import script_env
from builders.seeds import REPEAT, SEED
from synthjax.classifier.networks.pretrained import read_keras
from synthjax.core.errors import StudyError
from synthjax.core.memory import peak_bytes
from synthjax.core.safetensors import read_safetensors
from synthjax.data.images.image_file import check_header, read_image
from synthjax.data.images.pixels import PixelsConfig
from synthjax.data.problems import BadImageError
from synthjax.data.sources import medmnist
from synthjax.data.sources.header_index import read_row
from synthjax.data.sources.tables import CsvTable
from synthjax.evaluate.gates import read_gates

CASES = {
    "dicom": 6000,
    "png": 3500,
    "jpeg": 2000,
    "tiff": 3000,
    "csv": 3000,
    "npz": 800,
    "safetensors": 900,
    "h5": 800,
    "toml": 600,
    "bomb": 15,
}
SECONDS = 5.0  # for one case at the most; the usual one takes milliseconds
MEMORY = 2.0e9  # bytes at the peak; an image of the largest allowed size takes most
CONFIGS = (PixelsConfig(window="three", white=4095), PixelsConfig(window="file"))
ODD = (b"\0", b"\xff", b"\x7f", b"\x80", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\r", b'"')
RNG = np.random.default_rng(0)


# Whole files, small, of which the cases are made


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


GREY = np.cumsum(RNG.integers(-9, 9, (24, 20)), axis=1).astype(np.uint8)
RGB = np.stack([GREY, GREY.T.reshape(24, 20), 255 - GREY], axis=-1)
DEEP = RNG.integers(0, 4096, (24, 20)).astype(np.uint16)


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


def mutate(data, rng):
    """One to six changes, half of them in the first bytes, where headers are."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        reach = len(out) if rng.random() < 0.5 else min(len(out), 400)
        place = int(rng.integers(0, max(reach, 1)))
        kind = rng.integers(0, 8)
        if kind == 0 and out:  # a bit
            out[min(place, len(out) - 1)] ^= 1 << rng.integers(0, 8)
        elif kind == 1:  # any byte
            out[place : place + 1] = rng.bytes(1)
        elif kind == 2:  # the end is cut off
            del out[place:]
        elif kind == 3:  # some are lost
            del out[place : place + int(rng.integers(1, 20))]
        elif kind == 4:  # some come twice
            out[place:place] = out[place : place + int(rng.integers(1, 60))]
        elif kind == 5:  # extreme values, in a length perhaps
            odd = ODD[rng.integers(0, len(ODD))]
            out[place : place + len(odd)] = odd
        elif kind == 6:  # a number changes a little
            out[place : place + 1] = bytes([int(rng.integers(0, 4))])
        else:  # two bytes from elsewhere
            other = int(rng.integers(0, max(len(out) - 2, 1)))
            out[place : place + 2] = out[other : other + 2]
    return bytes(out)


def mutate_png(data, rng):
    """Changes in one chunk, under its compression and with the right checksum."""
    chunks, place = [], 8
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        body = data[place + 8 : place + 8 + length]
        chunks.append((data[place + 4 : place + 8], body))
        place += 12 + length
    spoilt = rng.integers(0, len(chunks))
    name, body = chunks[spoilt]
    if name == b"IDAT":
        body = zlib.compress(mutate(zlib.decompress(body), rng))
    else:
        body = mutate(body, rng)
    chunks[spoilt] = (name, body)
    return data[:8] + b"".join(png_chunk(*chunk) for chunk in chunks)


def make_case(kind, number):
    if kind == "bomb":
        return BOMBS[number % len(BOMBS)]()
    rng = np.random.default_rng((list(SEEDS).index(kind), number, SEED))
    files = whole_files(kind)
    data = files[number // 2 % len(files)]
    if kind == "png" and rng.random() < 0.8:
        return mutate_png(data, rng)
    return mutate(data, rng)


@functools.cache
def whole_files(kind):
    return list(SEEDS[kind]())


# Small files that say they are large


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


# Running them


def try_image(path, config=CONFIGS[0]):
    """Whether it was read; anything but a named error or a good image raises."""
    row = read_row(path.parent, path.name)
    header = None
    try:
        header = check_header(path, config)
    except BadImageError as error:
        assert str(path) in str(error)
    try:
        values = read_image(path, config)
    except BadImageError as error:
        assert str(path) in str(error)
        return "refused"
    assert header is not None, "the header was refused, the image was not"
    assert values.shape == (header.height, header.width, header.channels)
    assert header.kind != "DICOM" or not row["error"]
    assert values.dtype == np.float32
    assert np.isfinite(values).all()
    assert 0 <= values.min() and values.max() <= 1
    return "read"


def try_table(path):
    try:
        table = CsvTable(path, required=("file",))
        for line, cells in table.rows(("file", table.header[-1])):
            assert line > 1 and (cells is None or len(cells) == 2)
    except StudyError as error:
        assert str(path) in str(error)
        return "refused"
    return "read"


def try_parser(path, read):
    try:
        read()
    except StudyError as error:
        assert str(path) in str(error)
        return "refused"
    return "read"


def list_npz(path):
    config = medmnist.MedmnistConfig(path=str(path))
    medmnist.digest(config)
    listing = medmnist.list_images(config, make_context(path.parent))
    for index in range(len(listing.metadata)):
        try:
            listing.read(listing.metadata.record(index))
        except BadImageError:
            pass


PARSERS = {
    "npz": list_npz,
    "safetensors": read_safetensors,
    "h5": read_keras,
    "toml": read_gates,
}


def try_case(kind, number, folder):
    data = make_case(kind, number)
    is_table = kind == "csv" or (kind == "bomb" and data.startswith(b"\x1f\x8b"))
    is_packed = data.startswith(b"\x1f\x8b") or (
        kind == "csv" and number // 2 % len(whole_files("csv")) == 2
    )
    suffix = ".dcm" if not is_table else ".csv.gz" if is_packed else ".csv"
    path = folder / f"case{suffix if kind not in PARSERS else f'.{kind}'}"
    path.write_bytes(data)
    if kind in PARSERS:
        return try_parser(path, lambda: PARSERS[kind](path))
    return try_table(path) if is_table else try_image(path, CONFIGS[number % 2])


def run(kinds):
    """All cases of the kinds; prints a line of JSON for each kind."""
    # What is allotted is not yet used; the peak of what is used is asserted below.
    resource.setrlimit(resource.RLIMIT_AS, (8 * 2**30, 8 * 2**30))
    with tempfile.TemporaryDirectory() as name:
        for kind in kinds:
            outcomes: Counter[str] = Counter()
            slowest, slowest_case = 0.0, -1
            for number in range(CASES[kind]):
                print(kind, number, file=sys.stderr, flush=True)
                begin = time.monotonic()
                outcomes[try_case(kind, number, Path(name))] += 1
                spent = time.monotonic() - begin
                if spent > slowest:
                    slowest, slowest_case = spent, number
            peak = peak_bytes()
            told = {"kind": kind, "outcomes": outcomes, "peak": peak}
            told |= {"slowest": slowest, "slowest case": slowest_case}
            print(json.dumps(told), flush=True)


@pytest.fixture(scope="module")
def results():
    """What became of every case, by kind."""
    done = subprocess.run(
        [sys.executable, "-W", "error", __file__],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
        env=script_env(),
    )
    last = "\n".join(done.stderr.splitlines()[-30:])
    assert done.returncode == 0, f"exit code {done.returncode} {REPEAT}, after\n{last}"
    return {told["kind"]: told for told in map(json.loads, done.stdout.splitlines())}


# Kinds of text that hold together wholly or not at all: few spoilt files are still read.
EASILY_SPOILT = ("toml", "safetensors")


def test_there_are_enough_cases():
    assert sum(CASES.values()) >= 20_000


@pytest.mark.slow
@pytest.mark.parametrize("kind", CASES)
def test_spoilt_files_are_refused_by_name_or_read(results, kind):
    told = results[kind]
    assert sum(told["outcomes"].values()) == CASES[kind]
    assert told["outcomes"]["refused"] >= CASES[kind] // 10, REPEAT  # they do harm
    if kind != "bomb":
        share = 50 if kind in EASILY_SPOILT else 20
        assert (
            told["outcomes"].get("read", 0) >= CASES[kind] // share
        )  # but are not all


@pytest.mark.slow
@pytest.mark.parametrize("kind", CASES)
def test_no_case_takes_long_or_much(results, kind):
    told = results[kind]
    assert told["slowest"] < SECONDS, f"case {told['slowest case']} {REPEAT}"
    assert told["peak"] < MEMORY, REPEAT


@given(
    head=st.sampled_from(
        [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b""]
        + [bytes(128) + b"DICM", b"\x08\0\x05\0"]
    ),
    body=st.binary(max_size=300),
)
def test_any_bytes_behind_any_magic(tmp_path_factory, head, body):
    path = tmp_path_factory.getbasetemp() / "bytes"
    path.write_bytes(head + body)
    try_image(path)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(try_case(sys.argv[1], int(sys.argv[2]), Path(tempfile.mkdtemp())))
    else:
        run(CASES)
