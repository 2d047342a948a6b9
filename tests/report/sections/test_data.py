"""The data card says how the images were prepared."""

from synthjax.report.sections.data import preparation


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
            "by their largest value, averaged over squares to 32 px, and stored with 16 bits."
        ),
        "CT is shown in the brain window.",
        (
            "The set is the paper's cohort classes:10 (chest, its numbers of images times "
            "0.5): 1,800 of 224,316 images."
        ),
        "Labels without a positive image were dropped: Fracture.",
        (
            "3 images of faulty files or rows were left out: file missing 2, file "
            "unusable 1."
        ),
    ]
