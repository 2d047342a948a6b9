"""Apache Beam writes the same bytes with the same function (DirectRunner)."""

import hashlib
import sys

import pytest

from synthjax.core.errors import StudyError
from synthjax.data.builder import build
from synthjax.data.config import DataConfig
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
