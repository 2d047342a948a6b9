"""DICOM files of synthetic sets: valid, marked, lossless; none of a real set."""

import csv
import dataclasses
import re
import warnings

import numpy as np
import pydicom
import pytest

import synthjax
from builders.records import noise_records
from synthjax.core.errors import StudyError
from synthjax.data.dataset import Dataset
from synthjax.data.export.formats import export
from synthjax.data.schema import Schema
from synthjax.data.store.write import write_set

SYNTHETIC = {"synthetic": True, "generator": {"step": 7, "ema_sha256": "ab" * 32}}
SIZES = {"train": 6, "test": 4}
# Type 1: there with a value. Type 2: there, perhaps empty. PS3.3 A.8.1 and C.7, C.8.6.
TYPE_1 = (
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"),
    *("Modality", "ConversionType", "SamplesPerPixel", "PhotometricInterpretation"),
    *("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit"),
    *("PixelRepresentation", "PixelData"),
)
TYPE_2 = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate"),
    *("StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber"),
    *("SeriesNumber", "Manufacturer", "InstanceNumber", "PatientOrientation"),
)


def write(directory, schema, *, provenance=SYNTHETIC, **changes):
    scale = 257 if schema.bits == 16 else 1
    changes = {"origin": "synthetic", **changes}

    def records(split, count):
        for record in noise_records(split, count, schema):
            pixels = record.pixels.astype(schema.dtype) * scale
            yield dataclasses.replace(record, pixels=pixels, **changes)

    splits = {split: records(split, count) for split, count in SIZES.items()}
    write_set(directory, schema, splits, provenance)


def read_table(folder, split):
    with open(folder / split / "labels.csv", newline="") as file:
        return list(csv.DictReader(file))


def read_dicom(path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dataset = pydicom.dcmread(path)
        str(dataset)  # every element is decoded
    return dataset


@pytest.mark.parametrize(
    ("size", "channels", "bits"), [(16, 1, 8), (16, 1, 16), (16, 3, 8), (5, 1, 8)]
)
def test_round_trip(tmp_path, size, channels, bits):
    schema = Schema("noise", ("dense", "größe"), size, channels, bits)
    write(tmp_path / "set", schema)
    export(tmp_path / "set", tmp_path / "out", "dicom")
    uids = []
    for split in SIZES:
        table = Dataset.open(tmp_path / "set").table(split)
        rows = read_table(tmp_path / "out", split)
        assert [row["id"] for row in rows] == table.id.tolist()
        for number, row in enumerate(rows):
            dataset = read_dicom(tmp_path / "out" / split / row["file_name"])
            pixels = dataset.pixel_array.reshape(table.pixels[number].shape)
            assert pixels.dtype == schema.dtype
            np.testing.assert_array_equal(pixels, table.pixels[number])
            assert dataset.SOPInstanceUID == row["sop_instance_uid"]
            uids.append(dataset.SOPInstanceUID)
            known = ["" if np.isnan(v) else str(v) for v in table.label[number]]
            assert [row[name] for name in schema.labels] == known
            for name, value in zip(schema.labels, table.label[number], strict=True):
                assert (name in dataset.ImageComments) == (value == 1)
    assert len(set(uids)) == sum(SIZES.values())


def test_header(tmp_path):
    write(tmp_path / "set", Schema("noise", ("dense", "rare"), 16, 1))
    export(tmp_path / "set", tmp_path / "out", "dicom")
    paths = sorted((tmp_path / "out").glob("*/*.dcm"))
    assert len(paths) == sum(SIZES.values())
    for path in paths:
        dataset = read_dicom(path)
        assert all(dataset.get(keyword) not in (None, "") for keyword in TYPE_1)
        assert all(keyword in dataset for keyword in TYPE_2)
        assert path.read_bytes()[128:132] == b"DICM"
        meta = dataset.file_meta
        assert meta.MediaStorageSOPClassUID == "1.2.840.10008.5.1.4.1.1.7"
        assert meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
        assert dataset.SOPClassUID == meta.MediaStorageSOPClassUID
        assert dataset.SyntheticData == "YES"
        assert dataset.ConversionType == "SYN"
        assert dataset.ImageType[:2] == ["DERIVED", "SECONDARY"]
        assert dataset.BurnedInAnnotation == "NO"
        assert str(dataset.PatientName) == f"Synthetic^{dataset.PatientID}"
        assert "Synthetic image, no patient" in dataset.ImageComments
        assert dataset.SeriesDescription == "Synthetic image, no patient"
        (equipment,) = dataset.ContributingEquipmentSequence
        assert synthjax.__version__ in equipment.SoftwareVersions
        assert "step 7" in dataset.DerivationDescription
        for keyword in ("StudyDate", "StudyTime", "PatientBirthDate"):
            assert not dataset.get(keyword)
        for element in dataset.iterall():
            if element.VR == "UI" and element.keyword != "SOPClassUID":
                assert re.fullmatch(r"2\.25\.\d{1,39}", element.value)


def test_uids_are_new_each_time_and_shared_within_a_study(tmp_path):
    schema = Schema("noise", ("dense", "rare"), 16, 1)
    write(tmp_path / "set", schema, study_id="")
    seen = []
    for name in ("one", "two"):
        export(tmp_path / "set", tmp_path / name, "dicom")
        for path in sorted((tmp_path / name).glob("*/*.dcm")):
            dataset = read_dicom(path)
            seen.append((name, str(dataset.PatientID), dataset))
    patients = {(name, patient) for name, patient, _ in seen}
    studies = {dataset.StudyInstanceUID for *_, dataset in seen}
    series = {dataset.SeriesInstanceUID for *_, dataset in seen}
    instances = {dataset.SOPInstanceUID for *_, dataset in seen}
    # Two images of each patient, so half as many studies as images.
    assert len(patients) == len(studies) == len(series) == sum(SIZES.values())
    assert len(instances) == 2 * sum(SIZES.values())
    assert {dataset.InstanceNumber for *_, dataset in seen} == {1, 2}


@pytest.mark.parametrize("odd", ["p\\1/../x", "ü" * 70, "^=^", " "])
def test_awkward_patient_ids_fit_into_the_header(tmp_path, odd):
    schema = Schema("noise", ("dense", "rare"), 16, 1)
    records = [
        dataclasses.replace(record, origin="synthetic", patient_id=odd)
        for record in noise_records("train", 2, schema)
    ]
    write_set(tmp_path / "set", schema, {"train": records}, SYNTHETIC)
    export(tmp_path / "set", tmp_path / "out", "dicom")
    for path in (tmp_path / "out").glob("*/*.dcm"):
        assert re.fullmatch("[A-Za-z0-9_.-]{1,48}", read_dicom(path).PatientID)


def test_patients_of_two_splits_stay_apart(tmp_path):
    schema = Schema("noise", ("dense", "rare"), 16, 1)
    splits = {
        split: [
            dataclasses.replace(record, origin="synthetic", patient_id=patient)
            for record in noise_records(split, 2, schema)
        ]
        for split, patient in (("train", "a/b"), ("test", "A_B"))
    }
    write_set(tmp_path / "set", schema, splits, SYNTHETIC)
    export(tmp_path / "set", tmp_path / "out", "dicom")
    found = {read_dicom(path).PatientID for path in tmp_path.glob("out/*/*.dcm")}
    assert len({name.lower() for name in found}) == 2


@pytest.mark.parametrize(
    ("provenance", "origin"),
    [
        ({}, "synthetic"),
        ({"synthetic": False}, "synthetic"),
        ({"synthetic": "True"}, "synthetic"),
        (SYNTHETIC, "patient1/view1.png"),
        (SYNTHETIC, ""),
    ],
)
def test_a_real_set_is_refused(tmp_path, provenance, origin):
    schema = Schema("noise", ("dense", "rare"), 16, 1)
    write(tmp_path / "set", schema, provenance=provenance, origin=origin)
    with pytest.raises(StudyError, match="not a synthetic set"):
        export(tmp_path / "set", tmp_path / "out", "dicom")
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_one_real_record_among_synthetic_ones_is_refused(tmp_path):
    schema = Schema("noise", ("dense", "rare"), 16, 1)
    records = [
        dataclasses.replace(record, origin="synthetic" if number else "scan.dcm")
        for number, record in enumerate(noise_records("test", 5, schema))
    ]
    write_set(tmp_path / "set", schema, {"test": records}, SYNTHETIC)
    with pytest.raises(StudyError, match="not a synthetic set"):
        export(tmp_path / "set", tmp_path / "out", "dicom")
    assert not (tmp_path / "out").exists()
