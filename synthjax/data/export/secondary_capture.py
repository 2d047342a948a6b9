"""DICOM Secondary Capture files of a synthetic set, marked synthetic, for viewers.

The IOD is that of PS3.3 A.8.1 (Secondary Capture Image). Only synthetic sets are
written: a real image in a DICOM file with invented identifiers would be mistaken for a
scan of a patient who does not exist. The mark is in Synthetic Data (0008,001C),
Conversion Type (0008,0064) SYN, Image Type, the patient's name, the descriptions and
comments, and the contributing equipment.
"""

import math
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import (
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
    generate_uid,
)

import synthjax
from synthjax.core.errors import StudyError
from synthjax.data import dataset as sets
from synthjax.data.export.card import write_card
from synthjax.data.export.metadata_table import MetadataTable
from synthjax.data.export.names import safe_names
from synthjax.data.schema import Record

TABLE = "labels.csv"

_LONGEST_ID = 48  # with "Synthetic^" in front it fits into the 64 of a PN component
_MARK = "Synthetic image, no patient"
_SOFTWARE = f"synthjax {synthjax.__version__}"
_COLUMNS = ("file_name", "sop_instance_uid")


def write_secondary_capture(built: sets.Dataset, folder: Path) -> None:
    """Writes `<split>/<id>.dcm` without loss, `<split>/labels.csv` and README.md.

    UIDs are drawn afresh from random UUIDs at each export (PS3.5 B.2) and are derived
    from nothing; there are no dates. An invented patient's images of one exam have
    the same Study and Series Instance UID.

    Args:
        folder: there and empty.

    Raises:
        StudyError: the set is not synthetic, or not all of it.
    """
    if not built.is_synthetic:
        raise StudyError(
            f"{built.directory} is not a synthetic set (its provenance must say "
            "synthetic, and the origin of every image too), and only synthetic images "
            "are written as DICOM: a real one under invented identifiers would pass "
            "for another patient's scan. Use --format=png or npz."
        )
    table = MetadataTable(built, _COLUMNS)
    derivation = _derivation(built)
    patients = sorted(
        {name for split in built.counts for name in built.metadata(split).patient_id}
    )
    names = dict(
        zip(patients, safe_names(patients, max_length=_LONGEST_ID), strict=True)
    )
    for split in built.counts:
        (folder / split).mkdir()
        _write_split(built, split, folder / split, table, names, derivation)
    write_card(
        built,
        folder,
        files=(
            "A folder per split with its images as DICOM Secondary Capture files, "
            f"without loss, each marked as synthetic, and `{TABLE}`: the file, its SOP "
            "Instance UID, the id and attributes, and a column per label: 1 "
            "requested, 0 not, blank unknown. UIDs are new in each export."
        ),
    )


def _write_split(
    built: sets.Dataset,
    split: str,
    folder: Path,
    table: MetadataTable,
    names: dict[str, str],
    derivation: str,
) -> None:
    """Writes a split; `names` has the Patient ID of each patient of the set."""
    metadata = built.metadata(split)
    files = [f"{name}.dcm" for name in safe_names(metadata.id.tolist())]
    studies: dict[tuple[str, str], tuple[str, str]] = {}  # Study, Series Instance UID
    images: dict[tuple[str, str], int] = {}
    places = []  # Study, Series, SOP Instance UID and number of each image
    for key in zip(metadata.patient_id, metadata.study_id, strict=True):
        study = studies.setdefault(key, (_new_uid(), _new_uid()))
        images[key] = images.get(key, 0) + 1
        places.append((*study, _new_uid(), images[key]))

    def save(index: int, record: Record) -> None:
        dataset = _describe_patient(names[record.patient_id], record)
        study, series, instance, position = places[index]
        dataset.StudyInstanceUID = study
        dataset.SeriesInstanceUID = series
        dataset.SOPInstanceUID = instance
        dataset.InstanceNumber = position
        _describe_image(dataset, record, built.schema.labels, derivation)
        _set_pixels(dataset, record)
        dataset.save_as(folder / files[index], enforce_file_format=True)

    for _ in built.map_images(split, save):
        pass
    uids = [instance for _, _, instance, _ in places]
    table.write(folder / TABLE, split, dict(zip(_COLUMNS, (files, uids), strict=True)))


def _new_uid() -> str:
    return generate_uid(prefix=None)  # "2.25." and a random UUID


def _derivation(built: sets.Dataset) -> str:
    """Says which generator drew the set, in 1024 characters, for (0008,2111)."""
    generator = built.provenance.get("generator") or {}
    settings = {
        "step": generator.get("step"),
        "EMA SHA-256": generator.get("ema_sha256"),
        "seed": built.provenance.get("seed"),
        "psi": built.provenance.get("psi"),
    }
    facts = ", ".join(
        f"{key} {value}" for key, value in settings.items() if value is not None
    )
    return f"Drawn by a generative model; {facts or 'no further provenance'}"[:1024]


def _describe_patient(name: str, record: Record) -> Dataset:
    """Sets patient, exam and series; what is required and unknown is empty."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = f"Synthetic^{name}"
    dataset.PatientID = name
    dataset.PatientBirthDate = ""
    dataset.PatientSex = record.sex if record.sex in ("F", "M") else ""
    if math.isfinite(record.age):
        dataset.PatientAge = f"{min(max(round(record.age), 0), 999):03d}Y"
    dataset.PatientComments = _MARK
    for keyword in (
        "StudyDate",
        "StudyTime",
        "StudyID",
        "AccessionNumber",
        "ReferringPhysicianName",
    ):
        setattr(dataset, keyword, "")
    dataset.StudyDescription = _MARK
    dataset.Modality = "OT"
    dataset.SeriesNumber = 1
    dataset.SeriesDescription = _MARK
    return dataset


def _describe_image(
    dataset: Dataset, record: Record, labels: tuple[str, ...], derivation: str
) -> None:
    """Sets equipment, image and SOP Common; the mark in every place that has one."""
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.SyntheticData = "YES"
    dataset.Manufacturer = "synthjax"
    dataset.ManufacturerModelName = "synthjax"
    dataset.SoftwareVersions = _SOFTWARE
    dataset.ConversionType = "SYN"
    dataset.SecondaryCaptureDeviceManufacturer = "synthjax"
    dataset.SecondaryCaptureDeviceSoftwareVersions = _SOFTWARE
    equipment = Dataset()
    equipment.Manufacturer = "synthjax"
    equipment.SoftwareVersions = _SOFTWARE
    equipment.ContributionDescription = "Drew the image with a generative model"
    purpose = codes.cid7005.SynthesizingEquipment
    code = Dataset()
    code.CodeValue = purpose.value
    code.CodingSchemeDesignator = purpose.scheme_designator
    code.CodeMeaning = purpose.meaning
    equipment.PurposeOfReferenceCodeSequence = [code]
    dataset.ContributingEquipmentSequence = [equipment]
    dataset.ImageType = ["DERIVED", "SECONDARY", "SYNTHETIC"]
    dataset.DerivationDescription = derivation
    present = [name for name, value in zip(labels, record.label) if value == 1]
    requested = ", ".join(present) or "none"
    dataset.ImageComments = f"{_MARK}: requested labels: {requested}"[:10240]
    dataset.PatientOrientation = ""
    dataset.BurnedInAnnotation = "NO"
    dataset.LossyImageCompression = "00"


def _set_pixels(dataset: Dataset, record: Record) -> None:
    """Sets Image Pixel, native; and for grey a window over the whole range."""
    height, width, channels = record.pixels.shape
    bits = 8 * record.pixels.dtype.itemsize
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SamplesPerPixel = channels
    if channels == 1:
        dataset.PhotometricInterpretation = "MONOCHROME2"
        dataset.WindowCenter, dataset.WindowWidth = 2 ** (bits - 1), 2**bits
    else:
        dataset.PhotometricInterpretation = "RGB"
        dataset.PlanarConfiguration = 0
    dataset.Rows, dataset.Columns = height, width
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    dataset.PixelRepresentation = 0
    content = record.pixels.astype(record.pixels.dtype.newbyteorder("<")).tobytes()
    dataset.PixelData = content + b"\0" * (len(content) % 2)
