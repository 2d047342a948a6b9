"""A phantom that goes through a hospital's files is the phantom, image by image."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

import launch.data
from launch.study import Launch
from synthjax.core.errors import ConfigError
from synthjax.data.builder import build, list_source
from synthjax.data.config import DataConfig, with_source
from synthjax.data.dataset import Dataset
from synthjax.data.images.pixels import PixelsConfig
from synthjax.data.layouts.hospital import LAYOUTS, export_phantom
from synthjax.data.problems import Problems
from synthjax.data.sources.phantom_brain import PhantomBrainConfig
from synthjax.data.sources.phantom_chest import PhantomChestConfig

CHEST = DataConfig(
    resolution=32, workers=1, phantom_chest=PhantomChestConfig(patients=20)
)
BRAIN = DataConfig(
    source="phantom_brain",
    resolution=32,
    workers=1,
    phantom_brain=PhantomBrainConfig(patients=20),
)


def through_files(config, layout, tmp_path):
    """The phantom's set, and the set of its files, built by the hospital's reader."""
    for name, wanted in (("direct", ""), ("read", layout)):
        phantom = dataclasses.replace(config.section(config.source), layout=wanted)
        build(
            with_source(config, config.source, phantom),
            seed=4,
            out=tmp_path / name,
            prepared=tmp_path / "prepared",
        )
    assert (tmp_path / "prepared" / LAYOUTS[layout].folder).is_dir()
    for split in ("train", "valid", "test"):
        yield tuple(
            Dataset.open(tmp_path / name).table(split) for name in ("direct", "read")
        )


@pytest.mark.slow
def test_rsna_is_bit_equal(tmp_path):
    for direct, read in through_files(BRAIN, "rsna_ich", tmp_path):
        np.testing.assert_array_equal(read.pixels, direct.pixels)
        for name in ("id", "label", "patient_id", "sex"):
            np.testing.assert_array_equal(getattr(read, name), getattr(direct, name))
        np.testing.assert_allclose(read.age, direct.age, atol=0.5)


@pytest.mark.slow
def test_three_windows_of_rsna_are_bit_equal(tmp_path):
    config = dataclasses.replace(
        BRAIN, channels=3, pixels=PixelsConfig(window="three", aspect="squash")
    )
    for direct, read in through_files(config, "rsna_ich", tmp_path):
        assert direct.pixels.shape[-1] == 3
        np.testing.assert_array_equal(read.pixels, direct.pixels)


@pytest.mark.slow
def test_chexpert_is_equal_but_for_jpeg(tmp_path):
    for direct, read in through_files(CHEST, "chexpert", tmp_path):
        np.testing.assert_array_equal(read.label, direct.label)
        np.testing.assert_array_equal(read.sex, direct.sex)
        np.testing.assert_array_equal(read.view, direct.view)
        error = np.abs(read.pixels.astype(int) - direct.pixels)
        assert error.mean() < 2 and error.max() <= 16  # quality 95


def pooled(pairs):
    """The direct images and the read ones, all splits, in orders of their own."""
    direct, read = zip(*pairs, strict=True)
    return [
        np.concatenate([table.pixels for table in tables]).astype(int)
        for tables in (direct, read)
    ]


@pytest.mark.slow
def test_mimic_is_equal_but_for_jpeg(tmp_path):
    """Its names of images are digests, so their order says nothing."""
    direct, read = pooled(through_files(CHEST, "mimic_cxr_jpg", tmp_path))
    error = np.abs(direct[:, None] - read[None]).reshape(len(direct), len(read), -1)
    nearest = error.mean(axis=2).argmin(axis=1)
    assert sorted(nearest) == list(range(len(read)))
    matched = error[np.arange(len(direct)), nearest]
    assert matched.mean() < 2 and matched.max() <= 16


@pytest.mark.slow
def test_nih_is_bit_equal(tmp_path):
    """Its patients sort in another way, so they are in other splits."""
    direct, read = pooled(through_files(CHEST, "nih14", tmp_path))
    assert sorted(image.tobytes() for image in direct) == sorted(
        image.tobytes() for image in read
    )


def export(config, layout, tmp_path):
    problems = Problems("error", 0.0)
    listing = list_source(config, seed=0, prepared=tmp_path, problems=problems)
    return export_phantom(listing, layout, out=tmp_path, workers=1)


@pytest.mark.slow
def test_an_export_is_kept_until_the_phantom_changes(tmp_path):
    folder = export(CHEST, "nih14", tmp_path)
    table = folder / "Data_Entry_2017.csv"
    first, when = table.read_bytes(), table.stat().st_mtime_ns
    assert export(CHEST, "nih14", tmp_path) == folder
    assert table.stat().st_mtime_ns == when
    (tmp_path / f"{folder.name}.json").unlink()  # as a kill would leave it
    export(CHEST, "nih14", tmp_path)
    assert table.stat().st_mtime_ns > when and table.read_bytes() == first
    fewer = dataclasses.replace(CHEST, phantom_chest=PhantomChestConfig(patients=3))
    export(fewer, "nih14", tmp_path)
    assert len(table.read_bytes()) < len(first)


@pytest.mark.parametrize(
    ("config", "layout", "message"),
    [
        (CHEST, "rsna_ich", r"phantom_chest does not go.*phantom_brain"),
        (BRAIN, "nih14", r"phantom_brain does not go.*phantom_chest"),
    ],
)
def test_what_does_not_go_is_refused(tmp_path, config, layout, message):
    with pytest.raises(ConfigError, match=message):
        export(config, layout, tmp_path)


def test_the_flag_writes_the_files_and_builds_nothing(tmp_path, capsys):
    this = Launch(SimpleNamespace(workdir=tmp_path), {"data": CHEST}, 4)
    launch.data.export_as(this, "nih14")
    folder = tmp_path / "prepared" / LAYOUTS["nih14"].folder
    assert capsys.readouterr().out.strip() == str(folder)
    assert (folder / "Data_Entry_2017.csv").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["prepared"]
