"""DICOM: what is read, what is never read, and what is wrong with a file."""

import io
import struct
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.pixels import (
    get_decoder,
    pixel_array,
)
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from builders.dicom import UNITS, change, ct, save
from synthjax.data.images.dicom import ALLOWED, check_dicom, read_header, read_stored
from synthjax.data.images.dicom_display import hounsfield, read_dicom, shown_shape
from synthjax.data.images.pixels import PixelsConfig
from synthjax.data.problems import BadImageError

PLAIN = PixelsConfig()
RNG = np.random.default_rng(0)


@pytest.fixture
def saved(tmp_path: Path):
    """A function that writes a data set and gives the path."""

    return lambda made: save(tmp_path / "slice.dcm", made)


IDENTIFYING = (
    "PatientName",
    "PatientAddress",
    "PatientComments",
    "OtherPatientNames",
    "ImageComments",
    "InstitutionName",
    "ReferringPhysicianName",
    "OperatorsName",
    "StudyDescription",
    "SeriesDescription",
    "StationName",
    "DeviceSerialNumber",
    "ProtocolName",
)


def units_of(path):
    return hounsfield(*read_stored(path))


def read_shape(path, config):
    return shown_shape(check_dicom(path), config)


# What is read and what is not


def test_nothing_but_the_allowed_tags_is_ever_kept(saved):
    """A file full of what identifies a patient, in every place that DICOM has."""
    secret = "SECRET"
    made = ct()
    kept = {element.keyword for element in made} & set(ALLOWED)
    for keyword in IDENTIFYING:
        setattr(made, keyword, secret)
    made.AccessionNumber = made.StudyID = made.OtherPatientIDs = secret
    made.PatientBirthDate = made.StudyDate = made.AcquisitionDate = "19331224"
    made.StudyTime = "112233"
    made.file_meta.SourceApplicationEntityTitle = secret
    made.file_meta.PrivateInformationCreatorUID = "9.9.9"
    made.file_meta.PrivateInformation = secret.encode()
    inner = Dataset()
    inner.PatientName = inner.PatientID = secret
    made.RequestAttributesSequence = [inner]
    made.private_block(0x0009, secret, create=True).add_new(0x10, "LO", secret)
    made.private_block(0x0029, secret, create=True).add_new(0x10, "SQ", [inner])
    path = saved(made)
    assert path.read_bytes().count(secret.encode()) > 20
    for header in (read_header(path)[0], check_dicom(path), read_stored(path)[0]):
        text = f"{header} {header.file_meta} {header.to_json()} {vars(header)}"
        for word in (secret, "1933", "112233", "9.9.9", "slice.dcm"):
            assert word not in text
        keywords = {element.keyword for element in header}
        assert kept <= keywords <= set(ALLOWED)
        assert [element.keyword for element in header.file_meta] == [
            "TransferSyntaxUID"
        ]
    made.Rows = 0
    with pytest.raises(BadImageError) as caught:
        read_dicom(saved(made), PLAIN)
    assert secret not in str(caught.value)


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_every_uncompressed_syntax_gives_the_same(tmp_path: Path, syntax):
    made = ct()
    made.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian:
        made.PixelData = np.frombuffer(made.PixelData, "<i2").astype(">i2").tobytes()
    path = tmp_path / "slice.dcm"
    made.save_as(path, enforce_file_format=True)
    np.testing.assert_array_equal(units_of(path), UNITS)


def test_a_file_without_preamble_is_read(tmp_path: Path):
    made = ct()
    path = tmp_path / "bare.dcm"
    del made.file_meta
    made.save_as(path, implicit_vr=True, little_endian=True)
    assert path.read_bytes()[128:132] != b"DICM"
    np.testing.assert_array_equal(units_of(path), UNITS)


def test_header_and_pixels_agree_on_the_shape(saved):
    path = saved(ct())
    for window, channels in (("file", 1), ("brain", 1), ("three", 3)):
        config = PixelsConfig(window=window)
        assert read_shape(path, config) == (64, 48, channels)
        assert read_dicom(path, config).shape == (64, 48, channels)


# Many makers and syntaxes

EXAMPLES = {  # pydicom's own files: name -> its uncompressed twin, "" = none
    "MR_small_RLE.dcm": "MR_small.dcm",
    "MR_small_jp2klossless.dcm": "MR_small.dcm",
    "MR_small_jpeg_ls_lossless.dcm": "MR_small.dcm",
    "MR_small_bigendian.dcm": "MR_small.dcm",
    "MR_small_implicit.dcm": "MR_small.dcm",
    "MR_small_padded.dcm": "MR_small.dcm",
    "SC_rgb_rle.dcm": "",
    "SC_rgb_rle_16bit.dcm": "",
    "SC_rgb_jpeg_dcmtk.dcm": "",
    "SC_ybr_full_422_uncompressed.dcm": "",
    "SC_rgb_small_odd.dcm": "",
    "JPEGLSNearLossless_16.dcm": "",
    "693_J2KI.dcm": "",
    "examples_palette.dcm": "",
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_files_of_many_makers_decode_to_the_same(name):
    path = Path(get_testdata_file(name, download=False))
    stored = read_stored(path)[1]
    np.testing.assert_array_equal(stored, pixel_array(path))
    shown = read_dicom(path, PLAIN)
    assert shown.shape == read_shape(path, PLAIN)
    assert 0 <= shown.min() < shown.max() <= 1
    if EXAMPLES[name]:
        twin = Path(get_testdata_file(EXAMPLES[name], download=False))
        np.testing.assert_array_equal(stored, read_stored(twin)[1])
        np.testing.assert_array_equal(shown, read_dicom(twin, PLAIN))


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_compressed_slices_equal_the_uncompressed(saved, syntax):
    plain = read_dicom(saved(ct()), PixelsConfig(window="three"))
    made = ct()
    made.compress(syntax, generate_instance_uid=False)
    path = saved(made)
    np.testing.assert_array_equal(units_of(path), UNITS)
    np.testing.assert_array_equal(read_dicom(path, PixelsConfig(window="three")), plain)


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("sign", [0, 1])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("shape", [(5, 7), (6, 4), (3, 1)])
def test_what_lies_in_the_file_is_what_pydicom_decodes(
    tmp_path: Path, implicit, sign, bits, shape
):
    stored = RNG.integers(0, 2**bits, shape).astype(f"u{bits // 8}")
    made = ct(np.zeros(shape, np.int16), PixelRepresentation=sign)
    made.BitsAllocated, made.BitsStored, made.HighBit = bits, bits, bits - 1
    data = stored.tobytes()
    made.PixelData = data + bytes(len(data) % 2)
    made["PixelData"].VR = "OW" if bits == 16 else "OB"
    made.file_meta.TransferSyntaxUID = (
        ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    )
    path = tmp_path / "plain.dcm"
    made.save_as(path, enforce_file_format=True)
    values, truth = read_stored(path)[1], pixel_array(path)
    assert values.dtype == truth.dtype
    np.testing.assert_array_equal(values, truth)
    np.testing.assert_array_equal(values.view(stored.dtype), stored)


@pytest.mark.parametrize(
    ("explicit", "big"), [(False, False), (True, False), (True, True)]
)
def test_a_transfer_syntax_that_is_not_said_is_found_out(tmp_path: Path, explicit, big):
    made = ct()
    if big:
        made.PixelData = np.frombuffer(made.PixelData, "<i2").astype(">i2").tobytes()
    del made.file_meta
    path = tmp_path / "bare.dcm"
    made.save_as(path, implicit_vr=not explicit, little_endian=not big)
    data = path.read_bytes()
    path.write_bytes(bytes(128) + b"DICM" + data)
    np.testing.assert_array_equal(units_of(path), UNITS)


# What is wrong


def compressed(**changes):
    made = ct()
    made.compress(JPEG2000Lossless, generate_instance_uid=False)
    return change(made, **changes)


def cut(made, by):
    made.PixelData = made.PixelData[:-by]
    return made


def deflated():
    path = get_testdata_file("image_dfl.dcm", download=False)
    return pydicom.dcmread(path)


def test_a_deflated_file_is_not_unpacked(tmp_path: Path, monkeypatch):
    """Wherever its file-meta group names the transfer syntax."""
    buffer = io.BytesIO()
    deflated().save_as(buffer, enforce_file_format=True)
    data, start = buffer.getvalue(), 132 + 12  # behind the length of the group
    long = b"\2\0\1\0OB\0\0" + struct.pack("<I", 5000) + bytes(5000)
    path = tmp_path / "deflated.dcm"
    path.write_bytes(data[:start] + long + data[start:])
    assert path.read_bytes().index(b"1.2.840.10008.1.2.1.99") > 5000
    monkeypatch.setattr(pydicom.filereader.zlib, "decompress", None)
    with pytest.raises(BadImageError, match="has a deflated transfer syntax"):
        read_dicom(path, PLAIN)
    with pytest.raises(BadImageError, match="has a deflated transfer syntax"):
        read_header(path)


FAULTS = {
    "no pixels": (ct(PixelData=None), "no PixelData"),
    "no image": (ct(Rows=None, PixelData=None), "no Rows and Columns"),
    "cut off": (
        cut(ct(), 100),
        "6044 bytes of PixelData, but 64 x 48 pixels take 6144",
    ),
    "too long": (
        ct(Rows=12, Columns=8),
        "6144 bytes of PixelData, but 12 x 8 pixels take 192",
    ),
    "frames": (ct(NumberOfFrames=12), "12 frames"),
    "no rows": (ct(Rows=0), "0 x 48"),
    "a bomb": (ct(Rows=60000, Columns=60000), "60000 x 60000 .* more than"),
    "32 bits": (ct(BitsAllocated=32), "the BitsAllocated 32"),
    "too many bits": (ct(BitsStored=17), "the BitsStored 17"),
    "high bit": (ct(BitsStored=12, HighBit=15), "the HighBit 15"),
    "no bits": (ct(BitsStored=None), "the BitsStored None"),
    "odd sign": (ct(PixelRepresentation=2), "the PixelRepresentation 2"),
    "unknown": (ct(PhotometricInterpretation="HSV"), "'HSV' with 1 sample"),
    "grey in colour": (ct(SamplesPerPixel=3), "'MONOCHROME2' with 3 sample"),
    "no slope": (ct(RescaleSlope=0), "RescaleSlope is 0"),
    "no width": (ct(WindowWidth=0), "cannot be shown .*width 0"),
    "no function": (ct(VOILUTFunction="CUBIC"), "cannot be shown .*'CUBIC'"),
    "no planes": (
        ct(SamplesPerPixel=3, PhotometricInterpretation="RGB", Rows=21),
        "Planar Configuration",
    ),
    "video": (ct(), "transfer syntax MPEG2 .* not an image"),
    "deflated": (deflated(), "deflated"),
    "another size inside": (compressed(Rows=16), r"\(64, 48, 1\) .* \(16, 48, 1\)"),
    "cut codestream": (compressed(), "cannot be read as DICOM"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_wrong_is_said_with_the_file(tmp_path: Path, name):
    made, message = FAULTS[name]
    buffer = io.BytesIO()
    made.save_as(buffer, enforce_file_format=True)
    data = buffer.getvalue()
    if name == "video":  # pydicom does not write such a file
        old, new = b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.4.100\0"
        start = data.index(old)
        length = bytes([len(new)])
        data = data[: start - 2] + length + b"\0" + new + data[start + len(old) :]
    if name == "cut codestream":
        data = data[:-60]
    path = tmp_path / "spoilt.dcm"
    path.write_bytes(data)
    with pytest.raises(BadImageError, match=message) as caught:
        read_dicom(path, PLAIN)
    assert str(path) in str(caught.value)


def test_a_missing_decoder_is_named_with_its_remedy(saved, monkeypatch):
    path = saved(compressed())
    decoder = type(get_decoder(JPEG2000Lossless))
    monkeypatch.setattr(decoder, "is_available", property(lambda self: False))
    with pytest.raises(
        BadImageError, match=r"JPEG 2000 .*pip install 'synthjax\[dicom"
    ):
        read_dicom(path, PLAIN)


def test_the_header_alone_tells_of_missing_and_cut_pixels(saved):
    assert read_header(saved(ct()))[1] == ""
    assert "no PixelData" in read_header(saved(ct(PixelData=None)))[1]
    assert "cut off" in read_header(saved(cut(ct(), 2)))[1]
    assert "12 frames" in read_header(saved(ct(NumberOfFrames=12)))[1]
    path = saved(ct())
    path.write_bytes(path.read_bytes()[:-1])
    assert "cut off" in read_header(path)[1]
    path.write_bytes(path.read_bytes()[:140])
    assert "no image" in read_header(path)[1]
