"""A set of chest images in the layout of the NIH's ChestX-ray14."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image

from synthjax.core.findings import CHEST
from synthjax.data.layouts.layout import (
    Census,
    grey,
    make_folder,
    pick_labels,
    write_table,
)
from synthjax.data.schema import Record
from synthjax.data.sources.nih14 import FINDINGS, NO_FINDING

_HEADER = (  # as in the download, where some names are torn at their comma
    *("Image Index", "Finding Labels", "Follow-up #", "Patient ID", "Patient Age"),
    *("Patient Gender", "View Position", "OriginalImage[Width", "Height]"),
    *("OriginalImagePixelSpacing[x", "y]", ""),
)
_PER_FOLDER = 10_000  # images in images_001, images_002, ...
# Finding -> its name in CheXpert. Left out, for no finding of the NIH means the same:
# Enlarged Cardiomediastinum, Lung Opacity, Lung Lesion (Mass or Nodule?), Pleural Other
# (Pleural_Thickening and more), Fracture, Support Devices.
_IN_CHEXPERT = {"Effusion": "Pleural Effusion"}


def write_nih14(
    folder: Path, records: Iterable[Record], labels: Sequence[str] = CHEST
) -> int:
    """Writes PNG images and Data_Entry_2017.csv; `sources.nih14` reads them.

    Images are images_001/images/00000001_000.png, patients numbered as they come,
    10,000 images in a folder. Of CheXpert's labels, Atelectasis, Cardiomegaly,
    Consolidation, Edema, Pleural Effusion (as Effusion), Pneumonia and Pneumothorax are
    findings of the NIH; the others are left out, and "No Finding" says that none of the
    NIH's findings is there. This layout knows neither unknown labels (they count as
    absent) nor parts of years (ages are rounded), and numbers a patient's images, not
    studies.

    Args:
        folder: new or empty.
        records: with uint8 pixels [h w 1].
        labels: names of the records' labels, of CheXpert or the NIH.

    Returns:
        How many images were written.

    Raises:
        StudyError: the folder is in use, an image is not grey with 8 bits.
    """
    make_folder(folder)
    wanted = [
        finding if finding in labels else _IN_CHEXPERT.get(finding, finding)
        for finding in FINDINGS
    ]
    census, count = Census(), 0
    with write_table(folder / "Data_Entry_2017.csv", _HEADER) as table:
        for record in records:
            place = census.place(record)
            name = f"{place.patient:08d}_{place.image - 1:03d}.png"
            inner = folder / f"images_{1 + count // _PER_FOLDER:03d}" / "images"
            inner.mkdir(parents=True, exist_ok=True)
            pixels = grey(record)
            Image.fromarray(pixels).save(inner / name, "PNG", compress_level=4)
            values = pick_labels(record, labels, wanted)
            found = [f for f, v in zip(FINDINGS, values, strict=True) if v == 1]
            age = "" if math.isnan(record.age) else str(round(record.age))
            height, width = pixels.shape
            table.writerow(
                [
                    *(name, "|".join(found) or NO_FINDING, place.image - 1),
                    *(place.patient, age, record.sex, record.view),
                    *(width, height, "", "", ""),
                ]
            )
            count += 1
    return count
