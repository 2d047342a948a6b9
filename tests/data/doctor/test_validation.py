"""The doctor finds what is planted, where it is planted, and nothing in clean trees."""

import os

import pytest
from PIL import Image

from builders.images import chest_like
from builders.processes import pickled_map
from builders.scans import (
    BESIDE,
    DEFECTS,
    ERRORS,
    ScanFolder,
    constant,
    empty_file,
    faults,
    label_of_another_value,
    name_of_a_person,
    named,
    negative,
    not_an_image,
    odd_name,
    placeholder,
    screenshot,
    truncated_png,
)
from synthjax.core.errors import StudyError
from synthjax.data.builder import assign_splits, build, list_source
from synthjax.data.config import DataConfig
from synthjax.data.doctor import batches, validate
from synthjax.data.problems import Problems
from synthjax.data.sources.folder import FolderConfig


@pytest.mark.parametrize("plant", DEFECTS, ids=named)
def test_a_planted_defect_is_found_and_nothing_else(tree, tmp_path, plant):
    place = plant(tree, 8)
    report = validate(tree.config(), seed=0, prepared=tmp_path / "out")
    found = faults(report)
    kind = DEFECTS[plant]
    assert {kind} <= set(found) <= {kind} | BESIDE.get(plant, set())
    assert found[kind].severity == ("error" if plant in ERRORS else "warning")
    assert found[kind].count == 1
    assert place in found[kind].places[0]
    assert found[kind].remedy.endswith(".")
    assert report.fatal == (plant in ERRORS)


def test_all_of_them_are_found_together(tmp_path):
    tree = ScanFolder(tmp_path / "scans", 2 * len(DEFECTS))
    planted = {plant: plant(tree, 2 * n) for n, plant in enumerate(DEFECTS)}
    report = validate(tree.config(), seed=0, prepared=tmp_path)
    found = faults(report)
    assert set(found) == set(DEFECTS.values())
    assert len(found) >= 20
    for plant, place in planted.items():
        if plant is not placeholder:  # it has another number of images here
            said = found[DEFECTS[plant]].places
            assert any(place in text for text in said), plant
    assert report.fatal
    text = report.text()
    assert "DOE" not in text
    assert "a build would fail" in text
    assert set(text) <= {"\n", *map(chr, range(32, 127))}
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.slow
@pytest.mark.parametrize(
    "plant",
    [*ERRORS, constant, screenshot, odd_name, name_of_a_person],
    ids=named,
)
def test_fatal_is_what_a_build_fails_at(tree, tmp_path, plant):
    plant(tree, 8)
    config = tree.config()
    try:
        build(config, seed=0, out=tmp_path / "data", prepared=tmp_path)
        fails = False
    except StudyError:
        fails = True
    assert validate(config, seed=0, prepared=tmp_path).fatal == fails


@pytest.mark.parametrize("limit", [0.0, 0.02, 0.05, 0.2])
def test_skipping_is_as_a_build_skips(tree, tmp_path, limit):
    """A faulty row of 48, and two faulty files of the 47 that are left."""
    truncated_png(tree, 8)
    empty_file(tree, 10)
    label_of_another_value(tree, 12)
    config = tree.config(on_bad_file="skip", skip_limit=limit)
    report = validate(config, seed=0, prepared=tmp_path)
    assert {f.severity for f in faults(report).values()} == {
        "error" if report.fatal else "warning"
    }
    if report.fatal:
        assert "skip_limit" in report.diagnostics[0].remedy
        with pytest.raises(StudyError, match="skip_limit"):
            build(config, seed=0, out=tmp_path / "data", prepared=tmp_path)
    else:
        build(config, seed=0, out=tmp_path / "data", prepared=tmp_path)
    assert report.fatal == (limit < 2 / 47)


def test_damage_in_a_sample_is_reckoned_for_all(tree, tmp_path):
    """Of 12 decoded images a third is damaged: a fifth of all would be too many."""
    for number in range(0, 48, 3):
        truncated_png(tree, number)
    config = tree.config(on_bad_file="skip", skip_limit=0.2)
    report = validate(config, seed=0, prepared=tmp_path, sample=12)
    found = faults(report)["damaged image"]
    assert found.count < 0.2 * 48
    assert report.fatal


def test_damage_outside_the_cohort_stops_no_build(tree, tmp_path):
    config = tree.config(cohort="classes:2", cohort_scale=0.0005)
    problems = Problems("error", 0)
    listing = list_source(config, seed=0, prepared=tmp_path, problems=problems)
    _, splits, _ = assign_splits(config, listing, 0)
    used = {row for numbers in splits.values() for row in numbers}
    truncated_png(tree, min(set(range(48)) - used))
    empty_file(tree, max(set(range(48)) - used))
    report = validate(config, seed=0, prepared=tmp_path)
    assert set(faults(report)) == {
        "damaged image, unused",
        "unreadable image, unused",
    }
    assert not report.fatal
    build(config, seed=0, out=tmp_path / "data", prepared=tmp_path)
    truncated_png(tree, min(used))
    assert validate(config, seed=0, prepared=tmp_path).fatal


def test_a_class_folder_with_an_unwritable_name(tmp_path):
    for number in range(12):
        name = b"scan\xff.png" if number == 7 else f"scan{number}.png".encode()
        folder = tmp_path / "scans" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(chest_like(number)).save(folder / os.fsdecode(name))
    config = FolderConfig(path=str(tmp_path / "scans"), labels_csv="")
    config = DataConfig(source="folder", folder=config, resolution=16, workers=1)
    report = validate(config, seed=0, prepared=tmp_path)
    assert faults(report)["file name"].severity == "error"
    assert "scan\\udcff.png" in report.text()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "labels.csv is empty"),
        ("\ufefffile,patient\n", "no column 'study'"),
        ("file,patient,study,age,sex,view,cat\n", "a header but no rows"),
        (
            "file,patient,study,age,sex,view,cat\nscan000.png,p,s,,,,1\nscan001.png,p,s,,,,0",
            "are too few for 3 splits",
        ),
    ],
)
def test_a_source_that_is_no_set_is_fatal(tree, tmp_path, text, place):
    config = tree.config()
    (tree.root / "labels.csv").write_text(text, encoding="utf-8")
    report = validate(config, seed=0, prepared=tmp_path)
    assert report.fatal
    assert any(place in said for f in report.diagnostics for said in f.places)


@pytest.mark.parametrize("sample", [0, 10])
def test_the_clean_folder_has_no_findings(tree, tmp_path, sample):
    config = tree.config(fractions=(0.5, 0.25, 0.25))
    report = validate(config, seed=0, prepared=tmp_path, sample=sample)
    assert not report.diagnostics, report.text()
    assert report.verdict() == "Nothing to report: a build would go through."
    assert dict(report.facts)["files"].startswith("48 found, 0 missing")
    assert dict(report.facts)["height x width"] == "32 x 32 (48)"


def test_processes_find_what_one_finds(tree, tmp_path, monkeypatch):
    """All that goes to a process and comes back is pickled."""
    truncated_png(tree, 8)
    not_an_image(tree, 10)
    negative(tree, 12)
    alone = validate(tree.config(), seed=0, prepared=tmp_path)
    monkeypatch.setattr(batches, "ordered_map", pickled_map)
    assert validate(tree.config(), seed=0, prepared=tmp_path) == alone
