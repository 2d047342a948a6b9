"""The classifiers' logits, read together and checked to belong together."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from synthjax.classifier.predict import PREDICTIONS, read_predictions
from synthjax.core.errors import StudyError

ARMS = ("real", "synthetic")


@dataclasses.dataclass(frozen=True)
class Predictions:
    """All logits of both arms on the same test images."""

    names: tuple[str, ...]  # of the labels
    patient_id: np.ndarray  # [n] str
    label: Float[np.ndarray, "n y"]  # 0, 1, NaN = unknown
    logit: dict[str, Float[np.ndarray, "s n y"]]  # per arm, one row per seed


def load_predictions(classifier: Path, names: tuple[str, ...]) -> Predictions:
    """Reads the predictions of both arms and checks that they belong together.

    Raises:
        StudyError: they do not.
    """
    files = {arm: _seed_files(classifier, arm) for arm in ARMS}
    counts = {arm: len(found) for arm, found in files.items()}
    if counts["real"] != counts["synthetic"]:
        raise StudyError(
            f"{classifier}: {counts['real']} seeds of the arm real but "
            f"{counts['synthetic']} of the arm synthetic; run the classifier stage again"
        )
    first_path = files["real"][0]
    first = read_predictions(first_path)
    if first["label"].shape[1] != len(names):
        raise StudyError(
            f"{first_path} has {first['label'].shape[1]} labels, the data has "
            f"{len(names)}: it was made from other data; run the classifier stage again"
        )
    logit: dict[str, Any] = {}
    for arm in ARMS:
        tables = []
        for path in files[arm]:
            table = read_predictions(path)
            for key in ("id", "patient_id", "label"):
                equal_nan = key == "label"
                if not np.array_equal(table[key], first[key], equal_nan=equal_nan):
                    raise StudyError(
                        f"{path} and {first_path} differ in {key}: both arms must be "
                        "tested on the same images; run the classifier stage again"
                    )
            if not np.all(np.isfinite(table["logit"])):
                raise StudyError(
                    f"{path} has logits that are not finite: delete its folder and "
                    "run the classifier stage again"
                )
            tables.append(table["logit"].astype(np.float64))
        logit[arm] = np.stack(tables)
    return Predictions(names, first["patient_id"], first["label"], logit)


def _seed_files(classifier: Path, arm: str) -> list[Path]:
    def number(path: Path) -> int:
        return int(path.parent.name.removeprefix("seed"))

    found = (classifier / arm).glob(f"seed*/{PREDICTIONS}")
    files = [path for path in found if re.fullmatch(r"seed\d+", path.parent.name)]
    if not files:
        raise StudyError(
            f"{classifier / arm} has no seed<k>/{PREDICTIONS}: run the classifier stage "
            f"with config.classifier.arms naming {' and '.join(ARMS)}"
        )
    return sorted(files, key=number)
