"""CheXpert Plus comes in with its own tables of labels."""

import shutil

import numpy as np
import pytest

from builders.chexpert import KEPT, PLUS_LABELS, ROWS, load, make_plus, vector
from builders.listings import make_context
from synthjax.core.errors import StudyError
from synthjax.data.problems import Problems
from synthjax.data.sources.chexpert import ChexpertConfig, digest, list_images


@pytest.fixture(params=["PNG", "PNG/PNG"])
def plus(request, tmp_path):
    """CheXpert Plus as it is unpacked."""
    return make_plus(tmp_path / "chexpertplus", request.param)


def test_chexpert_plus_is_joined_with_its_labels(plus, tmp_path):
    listing = load(plus, tmp_path)
    assert [i.replace("png", "jpg") for i in listing.metadata.id] == KEPT
    np.testing.assert_array_equal(
        listing.metadata.label,
        [
            vector(No_Finding=1, Support_Devices=1),
            vector(Cardiomegaly=1, Lung_Opacity=1, Fracture=1),
            vector(Edema=1),
        ],
    )
    assert list(listing.metadata.patient_id) == 1 * ["patient00001"] + 2 * [
        "patient00002"
    ]
    assert list(listing.metadata.age) == [68, 87, 88]
    assert listing.facts["left out: without labels"] == 1
    assert listing.facts["left out: of other tables"] == 1
    assert listing.facts["set"] == "CheXpert Plus"
    assert listing.facts["files without a row"] == 0
    assert listing.facts["labels without a row"] == 0
    for number in range(3):
        record = listing.metadata.record(number)
        place = list(ROWS).index(KEPT[number])
        np.testing.assert_array_equal(
            listing.read(record) * 255, np.full((20, 24, 1), 10 * (place + 1))
        )
    first = digest(ChexpertConfig(path=str(plus)))
    both = load(plus, tmp_path, tables=("train.csv", "valid.csv"))
    assert len(both.metadata) == 4
    with open(plus / PLUS_LABELS, "a") as file:
        file.write("\n")
    assert digest(ChexpertConfig(path=str(plus))) not in (first, None)


def test_what_chexpert_plus_lacks_is_said(plus, tmp_path):
    with pytest.raises(StudyError, match=r"report_fixed.json does not exist.*unpack"):
        load(plus, tmp_path, plus_labels="report")
    whole = (plus / PLUS_LABELS).read_text()
    for text in ("[1, 2]\n", "{}\n", "no\n", whole[:-20], '{"Edema": "1"}'):
        (plus / PLUS_LABELS).write_text(text)
        with pytest.raises(StudyError, match=r"line \d+ of .*impression_fixed.json is"):
            load(plus, tmp_path)
    shutil.rmtree(plus / "PNG")
    with pytest.raises(StudyError, match=r"not its PNG images.*unpack"):
        load(plus, tmp_path)


def test_rows_that_a_quote_in_a_report_swallows_are_seen(plus, tmp_path):
    """Reports go on over lines, so that the table alone cannot tell."""
    path = plus / "df_chexpert_plus_240401.csv"
    lines = path.read_text().splitlines(keepends=True)
    assert lines[1].endswith('"FINDINGS:\n')
    lines[2] = lines[2].replace('nothing"', "nothing", 1)  # the quote is lost
    lines[3] = lines[3].replace('"', "", 1)
    path.write_text("".join(lines))
    skipping = make_context(tmp_path, Problems("skip", 1.0))
    facts = list_images(ChexpertConfig(path=str(plus)), skipping).facts
    assert facts["labels without a row"] > 0
