"""The data stage, source to set."""

import csv
import dataclasses
import hashlib

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from builders.images import save_grey
from synthjax.core.config import freeze, section
from synthjax.core.errors import ConfigError, StudyError
from synthjax.core.files import read_json
from synthjax.data.builder import build
from synthjax.data.config import DataConfig
from synthjax.data.dataset import Dataset
from synthjax.data.sources.folder import FolderConfig
from synthjax.data.sources.phantom_chest import LABELS, PhantomChestConfig
from synthjax.data.store.example_builder import ExampleBuilder


@pytest.fixture(scope="module")
def digits_set(tmp_path_factory):
    out = tmp_path_factory.mktemp("digits") / "data"
    build(
        DataConfig(source="digits", resolution=16),
        seed=3,
        out=out,
        prepared=out.parent / "prepared",
    )
    return out


@pytest.mark.slow
def test_digits_go_through_the_folder(digits_set):
    folder = digits_set.parent / "prepared" / "digits"
    with open(folder / "labels.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1797
    schema = Dataset.open(digits_set).schema
    assert schema.labels == tuple(f"digit_{digit}" for digit in range(10))
    assert (schema.resolution, schema.channels) == (16, 1)
    tables = [
        Dataset.open(digits_set).table(split) for split in ("train", "valid", "test")
    ]
    assert [len(table) for table in tables] == [1078, 180, 539]
    ids = np.concatenate([table.id for table in tables])
    assert len(set(ids)) == 1797
    table = tables[2]
    np.testing.assert_array_equal(table.label.sum(axis=1), 1)
    scans = load_digits()
    for row in (0, 100, 538):
        number = int(table.id[row])  # the rank of its file's name
        assert table.label[row].argmax() == scans.target[number]
        stored = np.asarray(Image.open(folder / f"scan_{number:04d}.png"))
        np.testing.assert_array_equal(table.pixels[row, :, :, 0], stored)
        halved = table.pixels[row, :, :, 0].reshape(8, 2, 8, 2).mean(axis=(1, 3))
        scan = scans.images[number] / 16 * 255
        assert np.corrcoef(halved.ravel(), scan.ravel())[0, 1] > 0.97


@pytest.mark.slow
def test_digits_say_that_patients_are_unknown(digits_set):
    described = read_json(digits_set / "splits.json")
    assert described["patients_named"] is False
    assert described["seed"] == 3
    assert described["fractions"] == [0.6, 0.1, 0.3]


def folder_study(root):
    """Twelve patients with two images each; the label is told by the grey value."""
    rows = []
    for number in range(24):
        grey = 40 if number % 4 < 2 else 200
        Image.new("L", (16, 16), grey + number // 2).save(root / f"{number}.png")
        rows.append([f"{number}.png", f"p{number // 2}", int(grey == 200)])
    with open(root / "labels.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["file", "patient", "bright"], *rows])
    folder = FolderConfig(path=str(root), patient_column="patient")
    return DataConfig(source="folder", resolution=16, folder=folder)


def digest(directory):
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in directory.iterdir()
        if path.name != "build.json"
    }


def test_folder_to_set(tmp_path):
    root, out = tmp_path / "scans", tmp_path / "data"
    root.mkdir()
    build(folder_study(root), seed=0, out=out, prepared=out.parent / "prepared")
    described = read_json(out / "splits.json")
    assert described["patients_named"] is True
    for split in ("train", "valid", "test"):
        table = Dataset.open(out).table(split)
        grey = table.pixels.mean(axis=(1, 2, 3))
        np.testing.assert_array_equal(table.label[:, 0], grey > 100)
        facts = described["splits"][split]
        assert facts["images"] == len(table) == 2 * facts["patients"]
    settings = Dataset.open(out).provenance["settings"]["folder"]
    assert settings["patient_column"] == "patient" and "path" not in settings
    assert not any(str(tmp_path) in path.read_text() for path in out.glob("*.json"))


@pytest.mark.slow
def test_two_builds_are_equal_whatever_the_workers(tmp_path):
    root = tmp_path / "scans"
    root.mkdir()
    config = section(folder_study(root))
    for name, workers in (("a", 1), ("b", 3)):
        config.workers = workers
        build(
            freeze(DataConfig, config, "data"),
            seed=1,
            out=tmp_path / name,
            prepared=tmp_path / "prepared",
            chunk=4,
            inline=0,
        )
    assert digest(tmp_path / "a") == digest(tmp_path / "b")


def test_phantom_to_set(tmp_path):
    phantom = PhantomChestConfig(patients=12)
    config = DataConfig(resolution=16, workers=1, phantom_chest=phantom)
    build(config, seed=2, out=tmp_path, prepared=tmp_path / "prepared")
    assert Dataset.open(tmp_path).schema.labels == LABELS
    patients = read_json(tmp_path / "splits.json")["splits"]
    assert sum(facts["patients"] for facts in patients.values()) == 12
    train = Dataset.open(tmp_path).table("train")
    assert train.pixels.std() > 10
    assert set(train.sex) <= {"F", "M"}


def test_too_few_patients(tmp_path):
    phantom = PhantomChestConfig(patients=2)
    config = DataConfig(resolution=16, workers=1, phantom_chest=phantom)
    with pytest.raises(StudyError, match=r"2 patient\(s\).*3 splits"):
        build(config, seed=2, out=tmp_path, prepared=tmp_path / "prepared")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"resolution": 100}, "power of two from 16 to 1024; the nearest is 128"),
        ({"resolution": 8}, "the nearest is 16"),
        ({"resolution": 3000}, "the nearest is 1024"),
        ({"channels": 2}, "channels=2: must be one of 1, 3"),
        (
            {"source": "nowhere"},
            "must be one of phantom_chest, phantom_brain, chexpert",
        ),
        ({"workers": -1}, "workers=-1"),
        ({"fractions": (1.0, 0.0, 0.0)}, "fractions"),
        ({"pixels": {"aspect": "fill"}}, r"config\.data\.pixels\.aspect"),
        ({"pixels": {"bits": 16}, "channels": 3}, r"bits=16.*channels=1"),
        ({"cohort": "classes:7"}, r"config\.data\.cohort.*20, 15, 10"),
        ({"engine": "spark"}, "local, beam"),
        (
            {"phantom_chest": {"layout": "rsna_ich"}},
            "must be one of chexpert, mimic_cxr_jpg, nih14",
        ),
        ({"phantom_brain": {"layout": "nih14"}}, "must be one of rsna_ich"),
        ({"check": True}, "config.data.check is gone: use the flag --check"),
        ({"on_bad_file": "ignore"}, "error, skip"),
        ({"skip_limit": 2.0}, "skip_limit=2.0"),
        ({"shard_mb": 0.0}, "shard_mb=0.0"),
        ({"folder": {"pth": "x"}}, r"config\.data\.folder\.pth: there is no such"),
    ],
)
def test_config_values_are_checked(values, message):
    with pytest.raises(ConfigError, match=message):
        freeze(DataConfig, values, "data")


def count_built(monkeypatch):
    """The ids of the images that are built from now on."""
    built, build_chunk = [], ExampleBuilder.build

    def counted(builder, metadata):
        built.extend(metadata.id.tolist())
        return build_chunk(builder, metadata)

    monkeypatch.setattr(ExampleBuilder, "build", counted)
    return built


def test_a_bad_file_is_mended_or_skipped_without_doing_all_again(tmp_path, monkeypatch):
    """The remedies that the message names keep the shards that are finished."""
    root, out = tmp_path / "scans", tmp_path / "data"
    root.mkdir()
    config = dataclasses.replace(folder_study(root), shard_mb=0.0005)
    bad = (root / "7.png").read_bytes()
    (root / "7.png").write_bytes(bad[:40])
    made = count_built(monkeypatch)
    work = {"seed": 0, "out": out, "prepared": tmp_path / "prepared"}
    with pytest.raises(StudyError, match=r"7\.png"):
        build(config, **work)
    with pytest.raises(StudyError, match="They cost 1 images.*skip_limit=0.01"):
        build(dataclasses.replace(config, on_bad_file="skip"), **work)
    build(dataclasses.replace(config, on_bad_file="skip", skip_limit=0.1), **work)
    described = read_json(out / "splits.json")
    assert described["left_out"]["kinds"] == {"file unusable": 1}
    assert sum(split["images"] for split in described["splits"].values()) == 23
    assert len(made) - len(set(made)) < 24, "finished shards were made again"


def test_of_a_source_only_the_pseudonym_stays(tmp_path):
    """Names of files, folders, tables and exams are in no file of the set."""
    root = tmp_path / "source_of_mueller"
    rows = [["file", "who", "exam", "cat"]]
    for number in range(30):
        name = f"ward_mueller/scan_mueller_{number}.png"
        save_grey(root / name, 5 * number)
        rows.append([name, f"anon{number // 2}", f"exam_mueller_{number}", number % 2])
    save_grey(root / "ward_mueller" / "nobody_names_mueller.gif.png", 3)
    with open(root / "mueller.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    folder = FolderConfig(
        path=str(root),
        labels_csv="mueller.csv",
        patient_column="who",
        study_column="exam",
    )
    config = DataConfig(
        source="folder",
        folder=folder,
        resolution=16,
        on_bad_file="skip",
        skip_limit=0.5,
        workers=1,
    )
    build(config, seed=0, out=tmp_path / "data", prepared=tmp_path / "prepared")
    for path in (tmp_path / "data").rglob("*"):
        assert path.is_dir() or b"mueller" not in path.read_bytes(), path
    dataset = Dataset.open(tmp_path / "data")
    for split in dataset.counts:
        metadata = dataset.metadata(split)
        assert all(patient.startswith("anon") for patient in metadata.patient_id)
        exams = dict(zip(metadata.id, metadata.study_id, strict=True))
        assert len(set(exams.values())) == len(metadata)
        assert all(name.isdecimal() for pair in exams.items() for name in pair)
