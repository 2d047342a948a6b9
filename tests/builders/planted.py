"""A folder of DICOM files full of words that identify, and a search for them."""

import base64
import csv
import gzip
import io
import re
import zipfile

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from builders.dicom import radiograph, save

PSEUDONYM = "XQPSEUDOX"
FILE, SUBFOLDER, TABLE, EXAM = "XQFILEX", "XQSUBX", "XQTABLEX", "XQEXAMX"
ODD = {  # files that are no images of the study
    "other": "XQOTHERX",
    "hidden": "XQHIDDENX",
    "link": "XQLINKX",
    "mask": "XQMASKX",
    "faulty": "XQFAULTYX",
}
TAGS = {  # keyword of a DICOM element: what is planted in it
    "PatientName": "XQNAMEX^XQGIVENX",
    "PatientBirthDate": "19010703",
    "PatientBirthName": "XQBORNX",
    "PatientAddress": "XQSTREETX",
    "OtherPatientIDs": "XQOTHERIDX",
    "AccessionNumber": "XQACCESSIONX",
    "StudyID": "XQSTUDYIDX",
    "StudyDate": "19930217",
    "StudyDescription": "XQSTUDYDESCX",
    "SeriesDescription": "XQSERIESX",
    "ProtocolName": "XQPROTOCOLX",
    "InstitutionName": "XQINSTITUTIONX",
    "InstitutionAddress": "XQINSTADDRX",
    "ReferringPhysicianName": "XQREFERRINGX^A",
    "PerformingPhysicianName": "XQPERFORMINGX^B",
    "OperatorsName": "XQOPERATORX^C",
    "StationName": "XQSTATIONX",
    "DeviceSerialNumber": "XQSERIALX",
    "Manufacturer": "XQMAKERX",
    "ImageComments": "XQCOMMENTX",
    "RequestingPhysician": "XQREQUESTX^D",
    "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.770011",
    "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.770022",
    "FrameOfReferenceUID": "1.2.826.0.1.3680043.8.498.770033",
}
INSTANCE = "1.2.826.0.1.3680043.8.498.770044"  # begins the UID of every image
PRIVATE = "XQPRIVATEX"
WORDS = {
    "pseudonym": PSEUDONYM,
    "file": FILE,
    "subfolder": SUBFOLDER,
    "table": TABLE,
    "exam": EXAM,
    **ODD,
    "private tag": PRIVATE,
    "SOPInstanceUID": INSTANCE,
    **{tag: word.partition("^")[0] for tag, word in TAGS.items()},
}


def make_folder(root, patients=80):
    """Write two images a patient, of two labels that are bright parts; return root."""
    rng = np.random.default_rng(0)
    rows = [["file", "exam", "top", "right"]]
    for number in range(2 * patients):
        top, right = rng.integers(0, 2, 2)
        stored = rng.integers(0, 60, (16, 16)).astype(np.uint8)
        stored[:8] += np.uint8(100 * top)
        stored[:, 8:] += np.uint8(90 * right)
        made = radiograph(
            stored,
            8,
            WindowCenter=127.5,
            WindowWidth=256,
            PatientID=f"{PSEUDONYM}{number // 2:03d}",
            SOPInstanceUID=f"{INSTANCE}.{number}",
            **TAGS,
        )
        made.private_block(0x0009, "XQCREATORX", create=True).add_new(
            0x01, "LO", PRIVATE
        )
        name = f"{SUBFOLDER}/{number % 7}/{FILE}_{number:03d}.dcm"
        save(root / name, made)
        rows.append([name, f"{EXAM}{number:04d}", int(top), int(right)])
    (root / f"{ODD['other']}.txt").touch()
    (root / f".{ODD['hidden']}").touch()
    (root / ODD["link"]).symlink_to(root / SUBFOLDER)
    save(root / SUBFOLDER / f"{ODD['mask']}.dcm", made)
    (root / f"{ODD['faulty']}.dcm").write_bytes(bytes(128) + b"DICM")
    rows.append([f"{ODD['faulty']}.dcm", f"{EXAM}9999", 0, 0])
    with open(root / f"{TABLE}.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    return root


def flags_of(root):
    """Return the flags of a study of that folder."""
    folder = "--config.data.folder"
    return [
        "--config.data.source=folder",
        f"{folder}.path={root}",
        f"{folder}.labels_csv={TABLE}.csv",
        f"{folder}.study_column=exam",
        f"{folder}.patient_from_dicom=True",
        f"{folder}.leave_out=('*{ODD['mask']}*',)",
        "--config.data.fractions=(0.5,0.2,0.3)",
        "--config.data.on_bad_file=skip",
    ]


def find_words(root, words):
    """Return word -> the files below root that hold it, in name or in content."""
    found = {name: [] for name in words}
    for path in sorted(root.rglob("*")):
        place = path.relative_to(root).as_posix()
        texts = [place.encode()]
        if path.is_file():
            texts += unpacked(path.read_bytes())
        for name, word in words.items():
            if any(word.encode() in text for text in texts):
                found[name].append(place)
    return found


def unpacked(data):
    """Yield bytes as they are and as what they may be: packed, or in wider letters."""
    yield data
    for encoding in ("utf-16-le", "utf-32-le"):
        for start in range(4 if encoding == "utf-32-le" else 2):
            yield data[start:].decode(encoding, "ignore").encode(errors="ignore")
    if data.startswith(b"\x1f\x8b"):
        yield from unpacked(gzip.decompress(data))
    if data.startswith(b"PK") and zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield name.encode()
                yield from unpacked(archive.read(name))
    if data.startswith(b"PAR1"):
        yield repr(pq.read_table(io.BytesIO(data)).to_pydict()).encode()
    if data.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8")):
        with Image.open(io.BytesIO(data)) as image:
            yield repr(image.info).encode()
    for packed in re.findall(rb";base64,([A-Za-z0-9+/=]{40,})", data):
        yield from unpacked(base64.b64decode(packed))
