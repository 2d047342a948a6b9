"""Scikit-learn's 1,797 scanned digits as a folder of images with a labels.csv.

Real scans that need no download: they go through the folder source like anybody's
images. The scans are 8 px; they are stored smoothly enlarged to 16 px. The data set
does not say who wrote a digit, so each image counts as its own patient.
"""

import csv
import shutil
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from synthjax.data.transforms import resize

STORED = 16  # pixels of the images in the folder
_DIGITS = 10
_SCAN_WHITE = 16.0  # the largest value of a scan


def write_folder(folder: Path) -> None:
    """Write `folder`/labels.csv and one PNG per scan; what was there is replaced.

    Columns: file, digit_0 ... digit_9 (one of them 1, the others 0).
    """
    scans = load_digits()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    header = ["file", *(f"digit_{digit}" for digit in range(_DIGITS))]
    rows = []
    for number, (scan, digit) in enumerate(
        zip(scans.images, scans.target, strict=True)
    ):
        name = f"scan_{number:04d}.png"
        grey = resize((scan / _SCAN_WHITE * 255.0)[..., None], STORED, STORED)[..., 0]
        Image.fromarray(np.rint(grey).astype(np.uint8)).save(folder / name)
        rows.append([name, *(int(digit == other) for other in range(_DIGITS))])
    with open(folder / "labels.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
