"""A small set on disk that the tests of reading and feeding share."""

from pathlib import Path

import pytest

from builders.records import NOISE, noise_records
from synthjax.data.store.write import write_set

SIZES = {"train": 37, "valid": 6, "test": 12}


@pytest.fixture(scope="session")
def noise_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished set of 37, 6 and 12 images of noise."""
    directory = tmp_path_factory.mktemp("noise") / "data"
    splits = {split: noise_records(split, count) for split, count in SIZES.items()}
    write_set(directory, NOISE, splits, {"made by": "a test"})
    return directory
