"""A set of chest images in the layout of CheXpert-v1.0-small."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image

from synthjax.core.findings import CHEST
from synthjax.data.layouts.layout import (
    LATERAL,
    Census,
    grey,
    label_text,
    make_folder,
    pick_labels,
    write_table,
)
from synthjax.data.schema import Record

_HEADER = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *CHEST)
_SEXES = {"F": "Female", "M": "Male", "": "Unknown"}


def write_chexpert(
    folder: Path,
    records: Iterable[Record],
    labels: Sequence[str] = CHEST,
    *,
    quality: int = 95,
) -> int:
    """Writes JPEG images and train.csv; `sources.chexpert` reads them.

    Images are train/patient00001/study1/view1_frontal.jpg, patients and studies
    numbered as they come. An unknown label is blank; so are CheXpert's labels that the
    records do not have. An unknown study is a study of its own. The same records give
    the same bytes.

    Args:
        folder: new or empty; the paths in train.csv start with its name.
        records: with uint8 pixels [h w 1].
        labels: names of the records' labels; those that CheXpert does not have are left
            out.
        quality: of the JPEG files, 1 to 95.

    Returns:
        How many images were written.

    Raises:
        StudyError: the folder is in use, an image is not grey with 8 bits.
    """
    make_folder(folder)
    name, census, count = folder.absolute().name, Census(), 0
    with write_table(folder / "train.csv", _HEADER) as table:
        for record in records:
            place = census.place(record)
            side = "lateral" if record.view in LATERAL else "frontal"
            file = (
                f"train/patient{place.patient:05d}/study{place.study}/"
                f"view{place.view}_{side}.jpg"
            )
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(grey(record)).save(path, "JPEG", quality=quality)
            age = "" if math.isnan(record.age) else f"{record.age:g}"
            values = map(label_text, pick_labels(record, labels, CHEST))
            table.writerow(
                [
                    f"{name}/{file}",
                    _SEXES[record.sex],
                    age,
                    side.capitalize(),
                    "" if side == "lateral" else record.view,
                    *values,
                ]
            )
            count += 1
    return count
