"""The classifiers' logits of all arms, read together and checked to belong together."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from synthjax.classifier.predict import PREDICTIONS, read_predictions
from synthjax.core.errors import StudyError
from synthjax.core.files import read_json

REAL = "real"  # the arm that the primary one is compared with
VALID = "predictions_valid.npz"  # on the real validation images
SYNTHETIC = "predictions_synthetic.npz"  # on the synthetic test images
_SEED = re.compile(r"seed(\d+)")


@dataclasses.dataclass(frozen=True)
class Logits:
    """The logits of one or several arms on the same images."""

    id: np.ndarray  # [n] str
    patient_id: np.ndarray  # [n] str
    label: Float[np.ndarray, "n y"]  # 0, 1, NaN = unknown
    logit: dict[str, Float[np.ndarray, "s n y"]]  # per arm, one row per seed


@dataclasses.dataclass(frozen=True)
class Predictions:
    """All logits: on real test images, and on others where the files are there."""

    names: tuple[str, ...]  # of the labels
    compared: tuple[str, str]  # REAL and the primary arm; every other arm is shown
    test: Logits  # real test images, every arm
    valid: Logits | None  # real validation images, the arms that have them
    synthetic: Logits | None  # synthetic test images, the arms that have them
    n_train: dict[str, int | None]  # training images per arm, None = not recorded


def load_predictions(classifier: Path, names: tuple[str, ...]) -> Predictions:
    """Read the predictions of every arm and check that they belong together.

    Args:
        classifier: the directory of the classifier stage. The arm real and the primary
            one must be there with equal numbers of seeds. VALID and SYNTHETIC are read
            of the arms whose every seed has them.
        names: of the labels.

    Raises:
        StudyError: an arm is missing, or files do not fit together.
    """
    compared = (REAL, _primary(_seed_folders(classifier, REAL)[0]))
    folders = {arm: _seed_folders(classifier, arm) for arm in compared}
    counts = [len(folders[arm]) for arm in compared]
    if len(set(counts)) > 1:
        raise StudyError(
            f"{classifier}: {counts[0]} seeds of the arm {REAL} but {counts[1]} of the "
            f"arm {compared[1]}; run the classifier stage again"
        )
    others = {
        path.parent.parent.name
        for path in classifier.glob(f"*/*/{PREDICTIONS}")
        if _SEED.fullmatch(path.parent.name)
    }
    folders |= {
        arm: _seed_folders(classifier, arm) for arm in sorted(others - {*compared})
    }
    test = _read(folders, PREDICTIONS, names)
    assert test is not None  # every folder was found by this file
    return Predictions(
        names=names,
        compared=compared,
        test=test,
        valid=_read(folders, VALID, names),
        synthetic=_read(folders, SYNTHETIC, names),
        n_train={arm: _n_train(found[0]) for arm, found in folders.items()},
    )


def _read(
    folders: dict[str, list[Path]], file: str, names: tuple[str, ...]
) -> Logits | None:
    """Read one kind of file of all arms whose every seed has it; None if no arm has."""
    having = {
        arm: [seed / file for seed in seeds]
        for arm, seeds in folders.items()
        if all((seed / file).exists() for seed in seeds)
    }
    if not having:
        return None
    first_path = next(iter(having.values()))[0]
    first = read_predictions(first_path)
    if first["label"].shape[1] != len(names):
        raise StudyError(
            f"{first_path} has {first['label'].shape[1]} labels, the data has "
            f"{len(names)}: it was made from other data; run the classifier stage again"
        )
    logit: dict[str, Any] = {}
    for arm, paths in having.items():
        tables = []
        for path in paths:
            table = read_predictions(path)
            for key in ("id", "patient_id", "label"):
                equal_nan = key == "label"
                if not np.array_equal(table[key], first[key], equal_nan=equal_nan):
                    raise StudyError(
                        f"{path} and {first_path} differ in {key}: all arms must be "
                        "tested on the same images; run the classifier stage again"
                    )
            if not np.all(np.isfinite(table["logit"])):
                raise StudyError(
                    f"{path} has logits that are not finite: delete its folder and "
                    "run the classifier stage again"
                )
            tables.append(table["logit"].astype(np.float64))
        logit[arm] = np.stack(tables)
    return Logits(first["id"], first["patient_id"], first["label"], logit)


def _seed_folders(classifier: Path, arm: str) -> list[Path]:
    found = [
        (int(match[1]), path.parent)
        for path in (classifier / arm).glob(f"seed*/{PREDICTIONS}")
        if (match := _SEED.fullmatch(path.parent.name))
    ]
    if not found:
        raise StudyError(
            f"{classifier / arm} has no seed<k>/{PREDICTIONS}: run the classifier stage "
            f"with config.classifier.arms naming {arm}"
        )
    return [path for _, path in sorted(found)]


def _n_train(folder: Path) -> int | None:
    return _settings(folder).get("n_train")


def _primary(folder: Path) -> str:
    """Return the arm that the classifiers' config named before they were trained."""
    return _settings(folder).get("config", {}).get("primary", "synthetic")


def _settings(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    if not path.exists():
        return {}
    return read_json(path, keys=(), remedy="run the classifier stage again")
