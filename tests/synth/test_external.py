"""Two folders that do not go together are found by their names and headers alone."""

import dataclasses

import pytest

from synthjax.core.errors import StudyError
from synthjax.data.config import DataConfig
from synthjax.data.sources.folder import FolderConfig
from synthjax.synth.config import SynthConfig
from synthjax.synth.external import check_folders


def table(folder, header):
    folder.mkdir()
    (folder / "labels.csv").write_text(f"{header}\n1.png,no number\n")
    return folder


def check(real, synthetic, **options):
    check_folders(
        SynthConfig(folder=FolderConfig(path=str(synthetic), **options)),
        DataConfig(source="folder", folder=FolderConfig(path=str(real), **options)),
    )


@pytest.fixture
def real(tmp_path):
    return table(tmp_path / "real", "file,left,right")


def test_folders_that_go_together_pass_unread(real, tmp_path):
    check(real, table(tmp_path / "synthetic", "file,more,right,left,"))


def test_a_lacking_label_is_named_with_its_remedy(real, tmp_path):
    lacking = table(tmp_path / "lacking", "file,left,up")
    with pytest.raises(StudyError, match=r"lacking/labels.csv has no column 'right'"):
        check(real, lacking)
    with pytest.raises(StudyError, match="blank cells"):
        check(real, lacking)


def test_a_folder_or_table_that_is_away_is_named(real, tmp_path):
    away, bare = tmp_path / "away", tmp_path / "bare"
    bare.mkdir()
    with pytest.raises(
        StudyError, match=r"away is not a folder; set config.synth.folder"
    ):
        check(real, away)
    with pytest.raises(
        StudyError, match=r"away is not a folder; set config.data.folder"
    ):
        check(away, real)
    for pair in ((real, bare), (bare, real)):
        with pytest.raises(StudyError, match="bare/labels.csv does not exist"):
            check(*pair)


def test_one_folder_in_both_places_is_named(real, tmp_path):
    (tmp_path / "link").symlink_to(real)
    with pytest.raises(StudyError, match="give two"):
        check(real, tmp_path / "link")


def test_class_folders_have_the_same_names(tmp_path):
    for name in (
        "real/a",
        "real/b",
        "synthetic/a",
        "synthetic/b",
        "other/a",
        "other/c",
    ):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "1.png").touch()
    check(tmp_path / "real", tmp_path / "synthetic", labels_csv="")
    with pytest.raises(StudyError, match=r"'a', 'c'.*'a', 'b'.*name its folders"):
        check(tmp_path / "real", tmp_path / "other", labels_csv="")


def test_a_real_set_of_no_folder_asks_for_the_folder_alone(real, tmp_path):
    like = dataclasses.replace(DataConfig(), source="phantom_chest")
    check_folders(SynthConfig(folder=FolderConfig(path=str(real))), like)
    away = SynthConfig(folder=FolderConfig(path=str(tmp_path / "away")))
    with pytest.raises(StudyError, match="away is not a folder"):
        check_folders(away, like)
