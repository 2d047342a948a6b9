"""Spoilt bytes of every kind of file: a named error or an image, and nothing else.

The cases run in a process of their own, so that a crash, a hang or a want of memory is
seen as such. Every case follows from its number and SYNTHJAX_TEST_SEED: to repeat one,
run this file with the kind and the number, such as
`PYTHONPATH=tests python tests/data/images/test_fuzz.py png 17`.
"""

import functools
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

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.bombs import BOMBS
from builders.images import png_chunk
from builders.listings import make_context
from builders.processes import script_env
from builders.seeds import REPEAT, SEED
from builders.whole_files import SEEDS
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
