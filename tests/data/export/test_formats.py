"""An export is there whole or not at all, and never in the place of something else."""

import csv
import dataclasses
import fcntl
import os
import shutil

import numpy as np
import pytest

from builders.records import NOISE, noise_records
from synthjax.core.errors import StudyError
from synthjax.core.files import DamagedError, write_json
from synthjax.data.dataset import Dataset
from synthjax.data.export import formats, imagefolder
from synthjax.data.export.formats import FORMATS, export
from synthjax.data.soft_labels import (
    SOFT_LABELS,
    SoftLabels,
    read_soft_labels,
    write_soft_labels,
)
from synthjax.data.store.write import write_set


def test_a_failed_export_leaves_nothing(tmp_path, noise_set, monkeypatch):
    written = []

    def encode(pixels):
        if len(written) == 5:
            raise OSError(28, "No space left on device")
        written.append(pixels)
        return b"png"

    monkeypatch.setattr(imagefolder, "encode_png", encode)
    with pytest.raises(OSError, match="No space"):
        export(noise_set, tmp_path / "out", "png")
    assert not list(tmp_path.iterdir())


def test_what_a_killed_export_left_is_replaced(tmp_path, noise_set):
    left = tmp_path / ".out.partial"
    (left / "train").mkdir(parents=True)
    (left / "train" / "half.png").write_bytes(b"half")
    (left / "stale.npz").write_bytes(b"half")
    export(noise_set, tmp_path / "out", "npz")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["README.md", "test.npz", "train.npz", "valid.npz"]


@pytest.mark.parametrize("format", ["png", "npz"])
def test_an_empty_folder_is_filled_and_a_full_one_refused(tmp_path, noise_set, format):
    out = tmp_path / "new" / "out"
    out.mkdir(parents=True)
    export(noise_set, out, format)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    with pytest.raises(StudyError, match="not an empty folder"):
        export(noise_set, out, format)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_a_file_or_a_link_in_the_place_is_refused(tmp_path, noise_set):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "link"):
        with pytest.raises(StudyError, match="there already"):
            export(noise_set, tmp_path / name, "npz")


def test_two_exports_to_one_place(tmp_path, noise_set):
    partial = tmp_path / ".out.partial"
    partial.mkdir()
    other = os.open(partial, os.O_RDONLY)
    try:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(StudyError, match="another process"):
            export(noise_set, tmp_path / "out", "npz")
    finally:
        os.close(other)


def test_the_set_is_left_alone(tmp_path, noise_set):
    with pytest.raises(StudyError, match="own directory"):
        export(noise_set, noise_set / "out", "npz")
    with pytest.raises(StudyError, match="no finished image set"):
        export(tmp_path, tmp_path.parent / "out", "npz")


def test_an_unknown_format_names_those_there_are(tmp_path, noise_set):
    with pytest.raises(StudyError, match="png, npz, dicom"):
        export(noise_set, tmp_path / "out", "jpg")


def test_an_image_that_comes_before_another_is_written_before_it(noise_set):
    built = formats.Dataset.open(noise_set)
    assert len(built) == 55 and set(FORMATS) == {"png", "npz", "dicom"}
    found = list(built.map_images("train", lambda number, record: (number, record.id)))
    assert found == list(enumerate(built.metadata("train").id))
    assert np.isnan(built.label("train")).any()


def test_no_export_goes_among_the_images_of_its_study(tmp_path, noise_set):
    study, images = tmp_path / "study", tmp_path / "images"
    shutil.copytree(noise_set, study / "data")
    images.mkdir()
    kept = {"root": str(images), "images": 0, "digests": {}}
    write_json(study / "prepared" / "source_images.json", kept)
    with pytest.raises(
        StudyError, match=r"lies in .*images, whose images the study of"
    ):
        export(study / "data", images / "exported", "png")
    (study / "gan").mkdir()
    (study / "gan" / "stage.json").write_text("{}")
    with pytest.raises(StudyError, match="the directory of a stage"):
        export(study / "data", study / "gan" / "exported", "png")
    assert not list(images.iterdir())


@pytest.fixture
def softened(tmp_path):
    """A study whose synthetic set has soft labels, and those labels."""
    workdir = tmp_path / "study"
    splits = {
        split: [
            dataclasses.replace(record, origin="synthetic", patient_id=record.id)
            for record in noise_records(split, count)
        ]
        for split, count in {"train": 9, "valid": 3}.items()
    }
    write_set(workdir / "synth", NOISE, splits, {"synthetic": True})
    dataset = Dataset.open(workdir / "synth")
    ids = np.concatenate([dataset.metadata(split).id for split in dataset.counts])
    random = np.random.default_rng(0)
    probability = random.uniform(size=(len(ids), len(dataset.schema.labels)))
    # In another order than that of the set: they are found by their ids.
    soft = SoftLabels(
        dataset.schema.labels,
        ids[::-1],
        probability[::-1].astype(np.float32),
        "mean of 2 classifiers",
        dataset.sample_digest(),
    )
    write_soft_labels(workdir / "classifier" / SOFT_LABELS, soft)
    return workdir, dict(zip(ids.tolist(), probability.tolist(), strict=True))


def test_both_kinds_of_label_come_through_an_export(tmp_path, softened):
    workdir, expected = softened
    export(workdir / "synth", tmp_path / "npz", "npz")
    export(workdir / "synth", tmp_path / "png", "png")
    export(workdir / "synth", tmp_path / "dicom", "dicom")
    built = Dataset.open(workdir / "synth")
    for split in built.counts:
        arrays = np.load(tmp_path / "npz" / f"{split}.npz")
        np.testing.assert_array_equal(arrays["labels"], built.label(split))
        want = [expected[name] for name in arrays["id"].tolist()]
        np.testing.assert_allclose(arrays["soft_labels"], want, rtol=1e-6)
        folder = imagefolder.SPLIT_NAMES.get(split, split)
        for table in (
            tmp_path / "png" / folder / "metadata.csv",
            tmp_path / "dicom" / split / "labels.csv",
        ):
            with open(table, newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            for row, probabilities, asked in zip(
                rows, want, built.label(split), strict=True
            ):
                for y, name in enumerate(built.schema.labels):
                    soft = float(row[f"{name} (soft)"])
                    assert soft == pytest.approx(probabilities[y], abs=1e-6)
                    assert row[name] == "" or float(row[name]) == asked[y]
    for form in ("npz", "png", "dicom"):
        card = (tmp_path / form / "README.md").read_text()
        assert "classifiers\ntrained on real images see" in card
        assert "mean of 2 classifiers." in card


def test_soft_labels_of_other_findings_are_refused(tmp_path, softened):
    workdir, _ = softened
    other = SoftLabels(("else",), np.array(["x"]), np.ones((1, 1), np.float32))
    write_soft_labels(workdir / "classifier" / SOFT_LABELS, other)
    with pytest.raises(StudyError, match="is of other findings"):
        export(workdir / "synth", tmp_path / "out", "npz")
    assert not (tmp_path / "out").exists()


def test_soft_labels_of_an_earlier_twin_are_refused(tmp_path, softened):
    """Its images have the same names: synth was run again, and classifier was not."""
    workdir, _ = softened
    path = workdir / "classifier" / SOFT_LABELS
    earlier = dataclasses.replace(read_soft_labels(path), digest="another")
    write_soft_labels(path, earlier)
    with pytest.raises(StudyError, match="of other images than"):
        export(workdir / "synth", tmp_path / "out", "npz")
    assert not (tmp_path / "out").exists()


def test_damaged_soft_labels_are_named(tmp_path, softened):
    workdir, _ = softened
    path = workdir / "classifier" / SOFT_LABELS
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DamagedError, match=r"soft_labels\.npz"):
        export(workdir / "synth", tmp_path / "out", "npz")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": np.arange(3)}, "not text"),
        ({"probability": np.ones((3, 2))}, "probabilities of 3 images and 1 labels"),
        ({"probability": np.full((3, 1), 1.5)}, "not within 0 and 1"),
        ({"probability": np.full((3, 1), np.nan)}, "not within 0 and 1"),
    ],
)
def test_soft_labels_that_do_not_fit_are_damaged(tmp_path, change, message):
    arrays = {"id": np.array(["a", "b", "c"]), "labels": np.array(["x"])}
    arrays["digest"] = np.array("0")
    arrays |= {"origin": np.array("teachers"), "probability": np.ones((3, 1))} | change
    np.savez(tmp_path / "soft.npz", **arrays)
    with pytest.raises(DamagedError, match=message):
        read_soft_labels(tmp_path / "soft.npz")
