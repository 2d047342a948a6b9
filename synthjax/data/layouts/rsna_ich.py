"""Head CT slices as the RSNA haemorrhage set has them: DICOM files and the long table.

What is written is read by `sources.rsna_ich`, unit for unit.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Int16
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from synthjax.core.errors import StudyError
from synthjax.core.findings import BRAIN, HAEMORRHAGES
from synthjax.data.images.windowing import WINDOWS
from synthjax.data.layouts.layout import make_folder, write_table
from synthjax.data.schema import Record
from synthjax.data.sources.rsna_ich import RsnaIchConfig
from synthjax.data.sources.rsna_ich_table import COLUMNS

INTERCEPT = -1024  # Hounsfield units of the stored value 0
HIGHEST = 2**15 - 1 + INTERCEPT  # Hounsfield units
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")  # of a file on any system
_LAYOUT = RsnaIchConfig()
_EMPTY = (  # type 2 of the CT image: must be there, may be empty
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
    "PatientName",
    "PatientBirthDate",
    "StudyID",
    "SeriesNumber",
    "InstanceNumber",
    "AcquisitionNumber",
    "Manufacturer",
    "PositionReferenceIndicator",
    "SliceThickness",
    "KVP",
)
_FIELD = 240.0  # mm; side of the field of view in the files, for a record has none


def write_rsna(
    folder: Path, slices: Iterable[tuple[Record, Int16[np.ndarray, "h w"]]]
) -> int:
    """Writes stage_2_train/<id>.dcm and stage_2_train.csv.

    The table comes last, so a folder that has it is complete. The same slices give the
    same bytes.

    Args:
        folder: where; its folder of slices must not exist or be empty.
        slices: for each slice its record (its pixels are not used; labels in the order
            of `core.findings.BRAIN`, 0 or 1) and its Hounsfield units, from -1024
            to `HIGHEST`.

    Returns:
        How many slices there are.

    Raises:
        StudyError: the folder is in use, or a slice does not fit.
    """
    images = folder / _LAYOUT.images
    make_folder(images)
    names: set[str] = set()
    with write_table(folder / _LAYOUT.labels_csv, ("ID", "Label")) as table:
        for record, hounsfield in slices:
            _check(record, hounsfield, names)
            names.add(record.id)
            path = images / f"{record.id}.dcm"
            make_dicom(record, hounsfield).save_as(path, enforce_file_format=True)
            types = [int(value) for value in record.label[: len(HAEMORRHAGES)]]
            for kind, value in zip(COLUMNS, (*types, max(types)), strict=True):
                table.writerow((f"{record.id}_{kind}", value))
    return len(names)


def make_dicom(record: Record, hounsfield: Int16[np.ndarray, "h w"]) -> Dataset:
    """Makes one slice a CT image with the tags of the RSNA set and no others.

    Stored signed with 16 bits and an intercept of -1024; window 40/80. UIDs follow from
    the ids alone.
    """
    study = f"{record.patient_id}, {record.study_id}"
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=["slice", study, record.id])
    dataset.StudyInstanceUID = generate_uid(entropy_srcs=["study", study])
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=["series", study])
    for keyword in _EMPTY:
        setattr(dataset, keyword, "")
    dataset.FrameOfReferenceUID = generate_uid(entropy_srcs=["frame", study])
    dataset.Modality = "CT"
    dataset.PatientID = record.patient_id
    dataset.PatientSex = record.sex
    if np.isfinite(record.age):
        dataset.PatientAge = f"{round(record.age):03d}Y"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.ImagePositionPatient = [-_FIELD / 2, -_FIELD / 2, 0]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing = [round(_FIELD / side, 6) for side in hounsfield.shape]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = hounsfield.shape
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 1  # signed
    dataset.RescaleIntercept, dataset.RescaleSlope = INTERCEPT, 1
    dataset.RescaleType = "HU"
    dataset.WindowCenter = WINDOWS["brain"].centre
    dataset.WindowWidth = WINDOWS["brain"].width
    stored = hounsfield.astype("<i4") - INTERCEPT
    dataset.PixelData = stored.astype("<i2").tobytes()
    return dataset


def _check(record: Record, hounsfield: np.ndarray, names: set[str]) -> None:
    """Raises StudyError if a slice does not fit the layout."""

    def refuse(what: str) -> None:
        raise StudyError(f"slice {record.id!r} cannot be written: {what}.")

    if not _NAME.fullmatch(record.id) or record.id in names:
        refuse("its id must be a file's name, once")
    if not re.fullmatch(r"[^\\\x00-\x1f]{1,64}", record.patient_id):
        refuse(f"its patient {record.patient_id!r} is not a DICOM identifier")
    label = np.asarray(record.label)
    if label.shape != (len(BRAIN),) or not np.isin(label, (0, 1)).all():
        refuse(f"its labels are {label}, not {len(BRAIN)} of 0 or 1")
    if label[-1] == label[:-1].max():
        refuse(f"'no finding' is {label[-1]}, which the five types contradict")
    if hounsfield.dtype != np.int16 or hounsfield.ndim != 2 or not hounsfield.size:
        refuse(f"its values are {hounsfield.dtype} {hounsfield.shape}, not int16 [h w]")
    if hounsfield.min() < INTERCEPT or hounsfield.max() > HIGHEST:
        refuse(f"its values leave {INTERCEPT} to {HIGHEST} Hounsfield units")
