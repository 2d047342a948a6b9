"""The table of data sources, by the name that `config.data.source` selects."""

from typing import Any

from synthjax.data.sources import (
    chexpert,
    digits,
    folder,
    medmnist,
    mimic_cxr_jpg,
    nih14,
    phantom_brain,
    phantom_chest,
    rsna_ich,
)
from synthjax.data.sources.source import Source

SOURCES: dict[str, Source[Any]] = {
    "phantom_chest": phantom_chest.SOURCE,
    "phantom_brain": phantom_brain.SOURCE,
    "chexpert": chexpert.SOURCE,
    "rsna_ich": rsna_ich.SOURCE,
    "nih14": nih14.SOURCE,
    "mimic_cxr_jpg": mimic_cxr_jpg.SOURCE,
    "medmnist": medmnist.SOURCE,
    "folder": folder.SOURCE,
    "digits": digits.SOURCE,
}
