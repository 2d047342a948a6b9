"""A study never reads what it writes."""

import pytest

from synthjax.core.errors import StudyError
from synthjax.core.places import check_output, check_workdir, is_inside

KEY = "config.data.folder.path"


@pytest.fixture
def images(tmp_path):
    (tmp_path / "images" / "a").mkdir(parents=True)
    return tmp_path / "images"


def test_a_place_is_inside_by_whatever_name(images, tmp_path):
    (tmp_path / "link").symlink_to(images)
    for place in (
        images,
        images / "run",
        images / "a" / "b" / "c",
        tmp_path / "link/x",
    ):
        assert is_inside(place, images)
        assert is_inside(place, tmp_path / "link")
        assert is_inside(place, f"{tmp_path}/./link/../images")
    assert not is_inside(tmp_path / "images2", images)
    assert not is_inside(tmp_path, images)
    assert not is_inside(images, tmp_path / "not there")


def test_a_workdir_in_the_images_is_refused(images, tmp_path):
    (tmp_path / "runs").symlink_to(images / "a")
    for workdir in (images, images / "run", tmp_path / "runs" / "x"):
        with pytest.raises(StudyError, match=r"lies in .*images, which config\.data"):
            check_workdir(workdir, {KEY: str(images)})
    check_workdir(tmp_path / "run", {KEY: str(images)})
    (images / "set.npz").write_bytes(b"")
    check_workdir(images / "run", {KEY: str(images / "set.npz")})  # a file is no folder


def test_images_in_a_directory_of_the_study_are_refused(tmp_path):
    for name in ("gan", "synth", "superseded"):
        folder = tmp_path / "run" / name / "samples"
        folder.mkdir(parents=True)
        with pytest.raises(StudyError, match="which the study writes itself"):
            check_workdir(tmp_path / "run", {KEY: str(folder)})
    (tmp_path / "run" / "mine").mkdir()
    check_workdir(tmp_path / "run", {KEY: str(tmp_path / "run" / "mine")})


def test_an_output_among_images_or_in_a_stage_is_refused(images, tmp_path):
    with pytest.raises(StudyError, match=r"lies in .*images, whose images"):
        check_output(images / "sample.png", {KEY: str(images)})
    (tmp_path / "gan").mkdir()
    (tmp_path / "gan" / "stage.json").write_text("{}")
    with pytest.raises(StudyError, match="the directory of a stage"):
        check_output(tmp_path / "gan" / "samples" / "x.png", {})
    check_output(tmp_path / "x.png", {KEY: str(images)})
