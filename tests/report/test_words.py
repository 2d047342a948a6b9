"""Numbers and sentences as they are written."""

from synthjax.report.words import headline, interval, preparation, signed


def sentence(value, low, high):
    gap = {"value": value, "low": low, "high": high}
    parts = headline(gap, level=0.9, images=1000, patients=50)
    return (parts["before"] + parts["figure"] + parts["after"]).replace("\u202f", " ")


def test_signs():
    assert signed(-0.0123) == "\u22120.012"
    assert signed(-0.0001) == "0.000"
    assert signed(None) == "\u2013"
    assert interval({"low": None, "high": None}) == "\u2013"


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
