"""The data section: one section for each source, and what of it decides the set."""

import dataclasses

import numpy as np
import pytest

from synthjax.core.config import Config, field, freeze, section
from synthjax.core.errors import ConfigError, StudyError
from synthjax.data.builder import build
from synthjax.data.config import DataConfig, known_labels, source_digest, with_source
from synthjax.data.dataset import Dataset
from synthjax.data.listing import Listing, make_metadata
from synthjax.data.sources.folder import FolderConfig
from synthjax.data.sources.registry import SOURCES
from synthjax.data.sources.source import Source


@dataclasses.dataclass(frozen=True)
class ToyConfig(Config):
    images: int = field(12, "images that there are", ge=3)


def read_toy(record):
    return np.full((16, 16, 1), float(record.label[0]), np.float32)


def list_toy(config, context):
    ids = [f"toy{index:02d}" for index in range(config.images)]
    label = [[index % 2] for index in range(config.images)]
    metadata = make_metadata(id=ids, label=label, patient_id=ids)
    return Listing("toy", ("white",), metadata, read_toy)


def test_every_source_has_a_section_of_its_config():
    declared = {field.name: field for field in dataclasses.fields(DataConfig)}
    for name, source in SOURCES.items():
        assert type(getattr(DataConfig(), name)) is source.config
        assert declared[name].metadata["doc"]
    assert set(DataConfig.SECTIONS) == set(SOURCES)


@pytest.mark.parametrize(
    ("config", "images"),
    [(ToyConfig, 12), (ToyConfig(images=20), 20)],
    ids=["class", "instance"],
)
def test_a_source_from_outside_needs_its_table_entry_alone(
    tmp_path, monkeypatch, config, images
):
    toy = Source(config, list_toy, labels=lambda config: ("white",))
    monkeypatch.setitem(SOURCES, "toy", toy)
    study = section(DataConfig)
    study.source, study.resolution, study.workers = "toy", 16, 1
    data = freeze(DataConfig, study, "data")
    build(data, seed=0, out=tmp_path / "data", prepared=tmp_path / "prepared")
    dataset = Dataset.open(tmp_path / "data")
    assert len(dataset) == images
    table = dataset.table("train")
    np.testing.assert_array_equal(table.pixels.mean((1, 2, 3)), 255 * table.label[:, 0])
    assert dataset.provenance["settings"] == {"toy": {"images": images}}
    assert known_labels(data) == ("white",)
    assert set(data.unselected()) == set(DataConfig.SECTIONS)


def test_the_settings_of_a_source_from_outside_are_in_its_digest(monkeypatch):
    """For no section holds them, by which a finished set would be known as stale."""
    digests = set()
    for count in (12, 20):
        monkeypatch.setitem(SOURCES, "toy", Source(ToyConfig(images=count), list_toy))
        digests.add(source_digest(DataConfig(source="toy")))
    assert len(digests) == 2 and None not in digests
    assert source_digest(DataConfig()) is None


def test_sections_that_are_not_read_are_unselected():
    through = {"source": "phantom_chest", "phantom_chest": {"layout": "chexpert"}}
    config = freeze(DataConfig, through, "data")
    read = set(SOURCES) - set(config.unselected())
    assert read == {"phantom_chest", "chexpert"}
    assert set(SOURCES) - set(DataConfig(source="nih14").unselected()) == {"nih14"}


def test_export_as_of_the_last_release_is_the_phantoms_layout():
    saved = {"source": "phantom_brain", "export_as": "rsna_ich", "check_sample": 500}
    config = freeze(DataConfig, DataConfig.upgraded(saved), "data", saved=True)
    assert config.layout == config.phantom_brain.layout == "rsna_ich"
    assert DataConfig.upgraded({"export_as": "", "source": "nih14"}) == {
        "source": "nih14"
    }


def test_keys_that_are_flags_now_say_which():
    for key in ("check", "check_sample"):
        with pytest.raises(ConfigError, match=f"gone: use the flag --{key}"):
            freeze(DataConfig, {key: 1}, "data")


def test_another_source_takes_all_of_its_images():
    folder = FolderConfig(path="x")
    config = with_source(DataConfig(cohort="classes:10"), "folder", folder)
    assert (config.source, config.folder, config.cohort) == ("folder", folder, "")


def test_labels_that_the_files_alone_tell_are_not_guessed():
    with pytest.raises(StudyError, match="source=folder are known from its files"):
        known_labels(DataConfig(source="folder"))
