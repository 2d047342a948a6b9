"""CheXpert-v1.0 as its owner hands it out: in four archives, each with its own folder.

    CheXpert-v1.0 batch 1 (validate & csv)/    train.csv, valid.csv, valid/patient64541/
    CheXpert-v1.0 batch 2 (train 1)/           patient00001/study1/view1_frontal.jpg
    CheXpert-v1.0 batch 3 (train 2)/           ...

The tables say CheXpert-v1.0/train/patient00001/... all the same.
"""

import os
import re
from collections import defaultdict
from pathlib import Path

from synthjax.core.errors import StudyError

_BATCH = re.compile(r"\bbatch\b", re.IGNORECASE)  # in the name of a folder
_SPLITS = ("train", "valid")


class Batches:
    """Finds images in the folders of the batches, if that is how they are unpacked.

    Args:
        root: the folder of the tables; None for another layout.
    """

    def __init__(self, root: Path | None):
        self.top: Path | None = None  # the folder around the batches, if there are any
        self.folders: list[str] = []  # the batches, relative to `top`
        self._places: dict[str, list[str]] = defaultdict(list)
        if root is None:
            return
        root = root.resolve()
        top = root.parent if _BATCH.search(root.name) else root
        self.folders = sorted(
            folder.name
            for folder in top.iterdir()
            if folder.is_dir() and _BATCH.search(folder.name)
        )
        if not self.folders:
            return
        self.top = top
        for folder in self.folders:
            self._add(folder, "train")
            for split in _SPLITS:
                self._add(f"{folder}/{split}", split)
        for split in _SPLITS:  # beside the batches
            self._add(split, split)

    def _add(self, folder: str, split: str) -> None:
        """Notes the patients in a folder, which are of this split."""
        assert self.top is not None
        try:
            with os.scandir(self.top / folder) as entries:
                for entry in entries:
                    if entry.name.startswith("patient"):
                        self._places[f"{split}/{entry.name}"].append(folder)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise StudyError(
                f"the folder {self.top / folder} cannot be listed ({error.strerror}); "
                "make it readable or move it away."
            ) from None

    def place(self, name: str) -> str:
        """Returns where an image is, relative to `top`; without batches its name.

        Args:
            name: such as train/patient00001/study1/view1_frontal.jpg.
        """
        if self.top is None:
            return name
        split, patient, *rest = name.split("/")
        files = [
            "/".join((folder, patient, *rest))
            for folder in self._places[f"{split}/{patient}"]
        ]
        there = [file for file in files if (self.top / file).is_file()]
        return (there or files or [name])[0]
