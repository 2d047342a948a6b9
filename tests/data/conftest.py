"""A small set on disk that the tests of reading and feeding share."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from synthjax.data.schema import Record, Schema
from synthjax.data.store.write import write_set

SCHEMA = Schema("noise", ("dense", "rare"), 16, 1)


def make_records(
    split: str, count: int, schema: Schema = SCHEMA, seed: int = 0
) -> Iterator[Record]:
    """Random pixels and labels, unknowns among them, by ascending id."""
    rng = np.random.default_rng((seed, count))
    for number in range(count):
        yield Record(
            id=f"{split}-{number:04d}",
            pixels=rng.integers(0, 256, schema.image_shape, dtype=np.uint8),
            label=rng.choice([0.0, 1.0, np.nan], len(schema.labels)).astype(np.float32),
            patient_id=f"{split}-p{number // 2}",
            study_id=f"study {number}",
            age=float(number % 90) if number % 3 else float("nan"),
            sex=("F", "M", "")[number % 3],
            view=("PA", "AP", "")[number % 3],
            origin="noise",
        )


SIZES = {"train": 37, "valid": 6, "test": 12}


@pytest.fixture(scope="session")
def noise_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished set of 37, 6 and 12 images of noise."""
    directory = tmp_path_factory.mktemp("noise") / "data"
    splits = {split: make_records(split, count) for split, count in SIZES.items()}
    write_set(directory, SCHEMA, splits, {"made by": "a test"})
    return directory


@pytest.fixture
def records_of():
    """The function that makes records of noise."""
    return make_records
