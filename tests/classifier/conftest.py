"""Toy sets whose findings a small network learns in seconds."""

from collections.abc import Callable
from pathlib import Path

import pytest

from builders.records import spot_records
from synthjax.classifier import train as training
from synthjax.classifier.step import Steps
from synthjax.data.schema import Schema
from synthjax.data.store.write import write_set

TOY = Schema("toy", ("upper", "lower"), 16, 1)
SIZES = {"train": 96, "valid": 40, "test": 80}


@pytest.fixture(scope="session")
def toy_set(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Writes a set; sets of one seed have the same images, but for `flipped` labels."""

    def write(
        name: str,
        *,
        seed: int = 0,
        copies: int = 1,
        flipped: float = 0.0,
        valid: int = SIZES["valid"],
        provenance: str = "copies_per_row",
    ) -> Path:
        folder = tmp_path_factory.mktemp(name)
        sizes = SIZES | {"train": SIZES["train"] * copies, "valid": valid}
        splits = {
            split: spot_records(name, split, count, seed, flipped)
            for split, count in sizes.items()
        }
        write_set(folder, TOY, splits, {provenance: copies})
        return folder

    return write


@pytest.fixture(scope="module")
def shared_steps():
    """All runs of a file use the steps that the first of them made: they are here."""
    made: list[Steps] = []
    make = training.make_steps

    def make_once(*arguments):
        made.append(made[0] if made else make(*arguments))
        return made[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "make_steps", make_once)
        yield made
