"""DICOM data sets and files: correct ones, of which tests spoil what they like."""

import io

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from synthjax.data.layouts.rsna_ich import make_dicom
from synthjax.data.schema import Record

NO_FINDING = np.array([0, 0, 0, 0, 0, 1], np.float32)
UNITS = np.random.default_rng(0).integers(-1000, 3096, (64, 48)).astype(np.int16)


def ct(units=UNITS, *, of=None, **changes):
    """Return a correct CT slice of these Hounsfield units.

    `of` are fields of its record (patient_id, study_id, age, sex); `changes` are
    elements to set, or to delete if None.
    """
    about = {"id": "ID_0", "patient_id": "p0"} | (of or {})
    return change(
        make_dicom(Record(pixels=None, label=NO_FINDING, **about), units), **changes
    )


def radiograph(stored, bits=12, **changes):
    """Return a grey radiograph without a window, with unsigned values."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID = DigitalXRayImageStorageForPresentation
    made.SOPInstanceUID = "1.2.3"
    made.Modality, made.PatientID = "DX", "p0"
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.Rows, made.Columns = stored.shape
    made.BitsAllocated = 8 * stored.itemsize
    made.BitsStored, made.HighBit, made.PixelRepresentation = bits, bits - 1, 0
    made.PixelData = stored.tobytes()
    return change(made, **changes)


def change(made, **changes):
    """Set elements of a data set, or delete those that are None; return it."""
    for keyword, value in changes.items():
        if value is None:
            delattr(made, keyword)
        else:
            setattr(made, keyword, value)
    return made


def to_bytes(made):
    """Return the bytes of a data set's file."""
    buffer = io.BytesIO()
    made.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def save(path, made):
    """Write a data set, and the folders above it; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save_as(path, enforce_file_format=True)
    return path


def save_radiograph(path, value, **tags):
    """Write a radiograph of one 8-bit value, of no patient unless `tags` says so."""
    stored = np.full((20, 20), value, np.uint8)
    window = {"WindowCenter": 127.5, "WindowWidth": 256}
    save(path, radiograph(stored, 8, **{"PatientID": None, **window, **tags}))
