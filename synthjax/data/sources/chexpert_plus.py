"""CheXpert Plus (Chambon et al. 2024): the layout of its download.

    df_chexpert_plus_240401.csv    one row for each image: path_to_image, sex, age, ...
    chexbert_labels/impression_fixed.json    its labels: a JSON object in each line
    PNG/train/patient00001/study1/view1_frontal.png

The table and the labels name an image as CheXpert-v1.0 does, with .jpg; it is a PNG.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from synthjax.core.errors import StudyError
from synthjax.core.findings import CHEST
from synthjax.core.foreign import reason
from synthjax.data.sources.table_text import TextForm
from synthjax.data.sources.table_text import read_lines as read_text_lines
from synthjax.data.sources.tables import CsvTable

TABLE = "df_chexpert_plus_*.csv"
UNLABELLED = "left out: without labels"  # in a listing's facts
_IMAGES = ("PNG", "PNG/PNG", "PNGs")  # where the images are unpacked
_COLUMNS = ("path_to_image", "sex", "age", "ap_pa")


def labels_file(root: Path, section: str) -> Path:
    """Returns where the labels read from a section of the reports are."""
    return root / "chexbert_labels" / f"{section}_fixed.json"


def images_folder(root: Path) -> str:
    """Returns where the images are, relative to the folder, with a slash at the end.

    Raises:
        StudyError: they are nowhere.
    """
    for folder in _IMAGES:
        if any((root / folder / split).is_dir() for split in ("train", "valid")):
            return f"{folder}/"
    raise StudyError(
        f"{root} holds CheXpert Plus's table but not its PNG images; unpack them into "
        f"{root / 'PNG'} (with train/ and valid/ in it)."
    )


def read_lines(
    path: Path, labels_path: Path, splits: set[str], counts: Counter[str]
) -> Iterator[tuple[int, list[str] | None]]:
    """Yields lines of the table: path, sex, age, AP/PA and the 14 labels, if any.

    Args:
        splits: first folders of the paths to be read (train, valid).
        counts: gets the rows of other folders, and the labels of these folders that no
            row has: rows that a stray quote in a report has swallowed, if any.

    Raises:
        StudyError: the labels are away or unreadable, a column is missing.
    """
    table = CsvTable(path, required=_COLUMNS, multiline=True)  # it holds the reports
    labels = _read_labels(labels_path)
    unused = {image for image in labels if image.split("/")[0] in splits}
    counts["left out: of other tables"] = 0
    for line, cells in table.filled_rows(_COLUMNS):
        if cells is None:
            yield line, None
        elif cells[0].split("/")[0] not in splits:
            counts["left out: of other tables"] += 1
        else:
            unused.discard(cells[0])
            yield line, [*cells, *labels.get(cells[0], ())]
    counts["labels without a row"] = len(unused)


def _read_labels(path: Path) -> dict[str, tuple[str, ...]]:
    """Reads image -> its 14 labels as text."""
    if not path.is_file():
        raise StudyError(
            f"{path} does not exist; CheXpert Plus has its labels apart: unpack "
            "chexbert_labels.zip of the download there, or choose another of them with "
            "config.data.chexpert.plus_labels."
        )
    labels: dict[str, tuple[str, ...]] = {}
    lines = read_text_lines(path, path.parent, TextForm("utf-8-sig", quoted=True))
    for line, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
            texts = tuple(_text(row[name]) for name in CHEST)
            labels[str(row["path_to_image"])] = texts
        except Exception as error:  # a parser promises no list of them
            raise StudyError(
                f"line {line} of {path} is not a JSON object with path_to_image and "
                f"the 14 labels ({reason(error)}); download it again."
            ) from error
    return labels


def _text(value: float | None) -> str:
    """Returns a label as a cell of train.csv would have it."""
    return "" if value is None or math.isnan(value) else str(value)
