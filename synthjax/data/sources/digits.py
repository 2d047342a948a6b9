"""Scikit-learn's 1,797 scanned digits as a folder of images with a labels.csv.

Real scans that need no download: they go through the folder source like anybody's
images. The scans are 8 px; they are stored smoothly enlarged to 16 px. The data set
does not say who wrote a digit, so each image counts as its own patient.
"""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from synthjax.core.config import Config
from synthjax.core.csv_text import CsvWriter
from synthjax.data.images.pixels import quantise, resize
from synthjax.data.listing import Context, Listing
from synthjax.data.sources import folder
from synthjax.data.sources.source import Source

STORED = 16  # pixels of the images in the folder
LABELS = tuple(f"digit_{digit}" for digit in range(10))
_SCAN_WHITE = 16.0  # the largest value of a scan


@dataclasses.dataclass(frozen=True)
class DigitsConfig(Config):
    """There is nothing to choose."""


def list_images(config: DigitsConfig, context: Context) -> Listing:
    """Writes the scans to `context.prepared`/digits and lists them as a folder."""
    root = context.prepared / "digits"
    write_folder(root)
    listing = folder.list_images(folder.FolderConfig(path=str(root)), context)
    return dataclasses.replace(listing, name="digits")


def write_folder(root: Path) -> None:
    """Writes `root`/labels.csv and one PNG per scan; what was there is replaced.

    Columns: file, digit_0 ... digit_9 (one of them 1, the others 0).
    """
    from sklearn.datasets import load_digits  # 0.7 s that other sources do not need

    scans = load_digits()
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    header = ["file", *LABELS]
    rows = []
    for index, (scan, digit) in enumerate(zip(scans.images, scans.target, strict=True)):
        name = f"scan_{index:04d}.png"
        values = (scan / _SCAN_WHITE).astype(np.float32)[..., None]
        grey = quantise(resize(values, STORED, STORED), 8)[..., 0]
        Image.fromarray(grey).save(root / name)
        rows.append([name, *(int(digit == other) for other in range(len(LABELS)))])
    with open(root / "labels.csv", "w", newline="", encoding="utf-8") as file:
        CsvWriter(file).writerows([header, *rows])


SOURCE = Source(DigitsConfig, list_images, labels=lambda config: LABELS)
