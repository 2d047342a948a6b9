"""Equal pixels are found, whether or not the images are in the sample."""

import numpy as np
import pytest

from builders.images import chest_like
from builders.records import head_records
from builders.scans import copy_in_two_patients, faults
from synthjax.data.config import DataConfig
from synthjax.data.doctor import validate
from synthjax.data.layouts.rsna_ich import write_rsna
from synthjax.data.sources.rsna_ich import RsnaIchConfig


def test_copies_are_found_outside_the_sample(tree, tmp_path):
    place = copy_in_two_patients(tree, 8)
    report = validate(tree.config(), seed=0, prepared=tmp_path, sample=1)
    (finding,) = faults(report).values()
    assert place in finding.places[0]
    assert dict(report.facts)["decoded"] in ("2 of them", "3 of them")


@pytest.mark.slow
def test_copies_with_the_header_of_another_patient(tmp_path):
    """Whole files differ, pixels do not."""

    def with_copy():
        for record, units in head_records(40):
            same = chest_like(4).astype(np.int16) - 100
            copied = record.id in ("image004", "image030")
            yield record, same if copied else units

    write_rsna(tmp_path / "tree", with_copy())
    rsna = RsnaIchConfig(path=str(tmp_path / "tree"))
    config = DataConfig(source="rsna_ich", rsna_ich=rsna, workers=1)
    report = validate(config, seed=0, prepared=tmp_path, sample=1)
    (finding,) = faults(report).values()
    assert finding.kind == "same pixels in several patients"
    assert "image004" in finding.places[0]
    assert "image030" in finding.places[0]
