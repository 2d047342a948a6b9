"""What headers say, in the index of a source and in the files themselves."""

import numpy as np
import pydicom
import pytest

from builders.images import chest_like
from builders.processes import pickled_map
from builders.records import head_records
from builders.scans import faults, not_an_image
from synthjax.data.config import DataConfig
from synthjax.data.doctor import batches, validate
from synthjax.data.doctor.headers import read_headers
from synthjax.data.images.pixels import PixelsConfig
from synthjax.data.layouts.rsna_ich import write_rsna
from synthjax.data.sources.rsna_ich import RsnaIchConfig


@pytest.mark.slow
def test_files_that_were_exported_in_several_ways(tree, tmp_path):
    """In the headers that a source has indexed, and in those that it has not."""
    write_rsna(tmp_path / "tree", head_records(40))
    config = DataConfig(
        source="rsna_ich",
        rsna_ich=RsnaIchConfig(path=str(tmp_path / "tree")),
        pixels=PixelsConfig(window="brain"),
    )
    for number, changes in {
        3: {"PhotometricInterpretation": "MONOCHROME1"},
        4: {"BitsStored": 12, "HighBit": 11},
    }.items():
        path = tmp_path / "tree" / "stage_2_train" / f"image{number:03d}.dcm"
        made = pydicom.dcmread(path)
        for keyword, value in changes.items():
            setattr(made, keyword, value)
        made.save_as(path)
    found = faults(validate(config, seed=0, prepared=tmp_path))
    assert set(found) == {"mixed bit depths", "mixed photometric interpretations"}
    assert found["mixed bit depths"].places == (
        "image004: 12 bits, as 1 of 40",
        "image000: 16 bits, as 39 of 40",
    )
    meanings = found["mixed photometric interpretations"].places
    assert meanings[0] == "image003: MONOCHROME1, as 1 of 40"
    tree.save(8, chest_like(8).astype(np.uint16) * 16)
    config = tree.config(pixels=PixelsConfig(white=4080))
    found = faults(validate(config, seed=0, prepared=tmp_path))
    assert set(found) == {"mixed bit depths"}
    assert found["mixed bit depths"].places[0] == "scan008.png: 16 bits, as 1 of 48"


def test_processes_read_what_one_reads(tree, monkeypatch):
    not_an_image(tree, 10)
    files = sorted(path.name for path in tree.root.iterdir())
    alone = read_headers(tree.root, files, PixelsConfig(), 1)
    monkeypatch.setattr(batches, "ordered_map", pickled_map)
    batched = read_headers(tree.root, files, PixelsConfig(), 1, batch_size=7)
    assert len(alone.good) == len(files) and not alone.good.all()
    for name, column in vars(alone).items():
        np.testing.assert_array_equal(getattr(batched, name), column)
