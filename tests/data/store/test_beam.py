"""Apache Beam writes the same bytes with the same function (DirectRunner)."""

import dataclasses
import hashlib
import sys

import pytest
from PIL import Image

from synthjax.core.errors import StudyError
from synthjax.core.files import read_json
from synthjax.data.builder import build
from synthjax.data.config import DataConfig
from synthjax.data.sources.folder import FolderConfig
from synthjax.data.sources.phantom_chest import PhantomChestConfig

PHANTOM = PhantomChestConfig(patients=60)


def digests(directory):
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in directory.iterdir()
        if path.name != "build.json"
    }


def config_of(**changes):
    return DataConfig(resolution=16, shard_mb=0.01, phantom_chest=PHANTOM, **changes)


@pytest.mark.slow
def test_direct_runner_builds_the_same_set(tmp_path):
    build(
        config_of(workers=1),
        seed=0,
        out=tmp_path / "local",
        prepared=tmp_path / "prepared",
    )
    build(
        config_of(engine="beam"),
        seed=0,
        out=tmp_path / "beam",
        prepared=tmp_path / "prepared",
    )
    assert digests(tmp_path / "beam") == digests(tmp_path / "local")
    assert len(list((tmp_path / "beam").glob("*.array_record-*"))) > 3


def test_without_beam_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    with pytest.raises(StudyError, match=r"pip install 'synthjax\[beam\]'"):
        build(
            config_of(engine="beam"),
            seed=0,
            out=tmp_path,
            prepared=tmp_path / "prepared",
        )


@pytest.mark.slow
def test_a_failure_is_told_and_what_is_finished_is_kept(tmp_path, monkeypatch):
    """A bad file stops the runner; under skip it is counted, as in processes."""
    root = tmp_path / "scans"
    root.mkdir()
    rows = ["file,patient,cat"]
    for number in range(24):
        Image.new("L", (16, 16), number).save(root / f"{number:02d}.png")
        rows.append(f"{number:02d}.png,p{number // 2},{number % 2}")
    (root / "labels.csv").write_text("\n".join(rows))
    (root / "07.png").write_bytes((root / "07.png").read_bytes()[:40])
    folder = FolderConfig(path=str(root), patient_column="patient")
    config = DataConfig(
        source="folder", resolution=16, engine="beam", shard_mb=0.0005, folder=folder
    )
    work = {"seed": 0, "out": tmp_path / "data", "prepared": tmp_path / "prepared"}
    with pytest.raises(StudyError, match=r"Beam stopped.*07\.png"):
        build(config, **work)
    build(dataclasses.replace(config, on_bad_file="skip", skip_limit=0.1), **work)
    left_out = read_json(tmp_path / "data" / "splits.json")["left_out"]
    assert left_out["kinds"] == {"file unusable": 1}
