"""Numbers and sentences as they are written."""

from synthjax.report.sections.fidelity import reading
from synthjax.report.words import (
    estimate,
    headline,
    interval,
    p_value,
    plain,
    preparation,
    signed,
)


def sentence(value, low, high):
    gap = {"value": value, "low": low, "high": high}
    parts = headline(gap, level=0.9, images=1000, patients=50)
    return (parts["before"] + parts["figure"] + parts["after"]).replace("\u202f", " ")


def test_signs():
    assert signed(-0.0123) == "\u22120.012"
    assert signed(-0.0001) == "0.000"
    assert signed(None) == "\u2013"
    assert interval({"low": None, "high": None}) == "\u2013"


def test_numbers_of_any_size_are_plain():
    assert [plain(x) for x in (0.0, 3.2149, 1234.5, -0.000214)] == [
        "0",
        "3.21",
        "1,234",
        "\u22120.000214",
    ]
    assert plain(-1e-9) == "0.000000"
    assert plain(None) == "\u2013"
    assert p_value(0.0004) == "<\u202f0.001"
    assert p_value(0.05) == "0.050"
    assert estimate(None) == {"value": "\u2013", "interval": "\u2013"}


def test_fidelity_is_read_against_its_floor():
    def read(low, high, better, floor=(1.0, 2.0)):
        ends = {"value": (low + high) / 2, "low": low, "high": high}
        real = {"value": 1.5, "low": floor[0], "high": floor[1]}
        return reading({"synthetic": ends, "floor": real, "better": better})

    assert read(2.1, 3, "low") == "worse than real"
    assert read(2.1, 3, "high") == "beyond real"
    assert read(0.1, 0.9, "high") == "worse than real"
    assert read(0.1, 1.0, "low") == "like real"
    assert read(2.1, 3, "low", floor=(None, None)) == "\u2013"


def test_loss_and_gain_are_called_by_name():
    assert "loses 0.050 mean AUROC" in sentence(0.05, 0.02, 0.08)
    assert "(90 % interval 0.020 to 0.080; n = 1,000" in sentence(0.05, 0.02, 0.08)
    assert "gains 0.050 mean AUROC" in sentence(-0.05, -0.08, -0.02)
    assert "interval 0.020 to 0.080" in sentence(-0.05, -0.08, -0.02)


def test_zero_in_the_interval_is_neither():
    assert "shows a gap of \u22120.010" in sentence(-0.01, -0.03, 0.02)
    assert "loses" not in sentence(0.01, 0.0, 0.02)


def test_preparation_tells_all_that_was_done():
    pixels = {"aspect": "squash", "bits": 16, "normalise": "maximum"}
    card = {
        "pixels": pixels
        | {"pyramid_from": 256, "resolution": 32}
        | {"window": "brain"},
        "splits": {"train": {"images": 1500}, "test": {"images": 300}},
        "left_out": {"count": 3, "kinds": {"file missing": 2, "file unusable": 1}},
        "cohort": {
            "cohort": "classes:10",
            "modality": "chest",
            "scale": 0.5,
            "steps": [{"step": "given", "images": 224316}],
            "dropped_labels": ["Fracture"],
        },
    }
    assert preparation(card) == [
        (
            "Images were stretched to a square, resized to 256 px with antialiasing, divided "
            "by their largest value, averaged over squares to 32 px, and kept with 16 bits."
        ),
        "CT is shown in the brain window.",
        (
            "They are the paper's cohort classes:10 (chest, its numbers of images times "
            "0.5): 1,800 of 224,316 images."
        ),
        "Labels without a positive image were dropped: Fracture.",
        (
            "3 images of faulty files or rows were left out: file missing 2, file "
            "unusable 1."
        ),
    ]
