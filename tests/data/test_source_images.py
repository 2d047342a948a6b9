"""Images replaced under their names, sizes and times are noticed by their content."""

import dataclasses
import os

import pytest

from builders.chexpert import make_tree as make_chexpert
from builders.folder import make_classes
from synthjax.data.builder import list_source
from synthjax.data.config import DataConfig, source_digest
from synthjax.data.problems import Problems
from synthjax.data.source_images import identify_source, record_images
from synthjax.data.sources.folder import FolderConfig


@pytest.fixture
def folder(tmp_path):
    return make_classes(tmp_path / "classes")


def config_of(folder, **changes):
    settings = FolderConfig(path=str(folder), labels_csv="")
    return DataConfig(source="folder", resolution=16, folder=settings, **changes)


def record(config, prepared):
    problems = Problems("error", 0.0)
    listing = list_source(config, seed=0, prepared=prepared, problems=problems)
    record_images(listing, config, prepared)
    return listing


def replace(path):
    """Puts other bytes in the place of a file, with its size and time."""
    times = path.stat()
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_an_image_replaced_under_its_size_and_time_is_noticed(folder, tmp_path, capsys):
    config, prepared = config_of(folder), tmp_path / "prepared"
    before = source_digest(config)
    assert identify_source(config, prepared) == before, "nothing was built yet"
    record(config, prepared)
    assert identify_source(config, prepared) == before
    assert "4 of 4 source images were read again" in capsys.readouterr().err
    replace(folder / "cat" / "bert" / "2.png")
    assert source_digest(config) == before, "size and time are as they were"
    changed = identify_source(config, prepared)
    assert changed.startswith(f"{before} changed:")
    assert "1 of them changed, such as cat/bert/2.png" in capsys.readouterr().err
    record(config, prepared)  # the set is built again
    assert identify_source(config, prepared) == before


def test_images_that_are_away_are_no_change(folder, tmp_path):
    config, prepared = config_of(folder), tmp_path / "prepared"
    record(config, prepared)
    folder.rename(tmp_path / "away")
    assert identify_source(config, prepared) is None


def test_a_sample_or_all_are_read_and_it_is_said(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("synthjax.data.source_images.SAMPLE", 2)
    prepared = tmp_path / "prepared"
    for check, count in (("sample", 2), ("all", 4)):
        config = config_of(folder, check_images=check)
        record(config, prepared)
        identify_source(config, prepared)
        said = f"{count} of 4 source images were read again"
        assert said in capsys.readouterr().err


def test_an_image_under_a_table_that_stays_is_noticed(tmp_path):
    root = make_chexpert(tmp_path)
    config, prepared = DataConfig(source="chexpert"), tmp_path / "prepared"
    settings = dataclasses.replace(config.chexpert, path=str(root))
    config = dataclasses.replace(config, chexpert=settings)
    listing = record(config, prepared)
    before = identify_source(config, prepared)
    assert before and "changed" not in before
    replace(listing.root / str(listing.metadata.origin[0]))
    assert identify_source(config, prepared).startswith(f"{before} changed:")
