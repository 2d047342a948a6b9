"""Toy sets whose findings a small network learns in seconds."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from synthjax.data.schema import Record, Schema
from synthjax.data.store.write import write_set

TOY = Schema("toy", ("upper", "lower"), 16, 1)
SIZES = {"train": 96, "valid": 40, "test": 80}


def toy_records(name: str, split: str, count: int, seed: int, flipped: float):
    """Each label is a spot on the left, in the upper and in the lower half.

    Brightness varies more and means nothing: a network that has learned nothing of the
    labels goes by that. A part of the images, `flipped`, has both labels wrong.
    """
    generator = np.random.default_rng([seed, len(split)])
    wrong = np.random.default_rng([seed, 9]).random(count) < flipped
    for i in range(count):
        label = generator.integers(0, 2, 2).astype(np.float32)
        pixels = generator.normal(generator.normal(100, 30), 10, (16, 16, 1))
        for half in (0, 1):
            row, column = 2 + 8 * half, 3 if label[half] else 10
            pixels[row : row + 4, column : column + 3] += 60
        yield Record(
            id=f"{name}-{split}-{i:04d}",
            pixels=np.clip(pixels, 0, 255).astype(np.uint8),
            label=1 - label if wrong[i] else label,
            patient_id=f"{name}-{split}-p{i // 2}",
        )


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
            split: toy_records(name, split, count, seed, flipped)
            for split, count in sizes.items()
        }
        write_set(folder, TOY, splits, {provenance: copies})
        return folder

    return write
