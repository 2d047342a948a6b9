"""An export is there whole or not at all, and never in the place of something else."""

import fcntl
import os
import shutil

import numpy as np
import pytest

from synthjax.core.errors import StudyError
from synthjax.core.files import write_json
from synthjax.data.export import formats, imagefolder
from synthjax.data.export.formats import FORMATS, export


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
