"""Two folders to a verdict, as somebody runs it who has only the folders."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from builders.processes import fast_env
from launch.compare import as_config_flags

ROOT = Path(__file__).parent.parent
SMALL = (
    "--config.data.resolution=16",
    "--config.data.fractions=(0.4,0.2,0.4)",
    "--config.devices.cpu_devices=1",
    "--config.classifier.input_size=0",
    "--config.classifier.steps=30",
    "--config.classifier.eval_every=10",
    "--config.classifier.batch_size=16",
    "--config.classifier.seeds=2",
    "--config.classifier.small.width=8",
    "--config.evaluate.replicates=100",
    "--config.data.pixels.white=65535",
)


def compare(real, synthetic, workdir, *flags):
    folders = (f"--real={real}", f"--synthetic={synthetic}")
    return call("compare", *folders, f"--workdir={workdir}", *flags)


def call(command, *flags):
    return subprocess.run(
        [sys.executable, "-m", f"launch.{command}", *flags, *SMALL],
        check=False,
        cwd=ROOT,
        env=fast_env() | {"PYTHONPATH": str(ROOT / "tests" / "offline")},
        capture_output=True,
        text=True,
        timeout=600,
    )


def save(path, image_u8, number):
    """Images of odd sizes, some of them of 16 bits."""
    if number % 5 == 0:
        deep = image_u8.astype(np.uint16) * 257
        Image.fromarray(deep).save(path)
    else:
        Image.fromarray(image_u8).save(path)


def write_folder(root, seed, count=120, labels=("left", "right"), more=()):
    """Noise with a bright left or right half; odd sizes, 8 and 16 bits, blank labels."""
    root.mkdir()
    draw = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        height, width = draw.integers(17, 40, 2)
        image = draw.integers(0, 90, (height, width))
        label = draw.integers(0, 2, len(labels))
        image[:, : width // 2] += 120 * label[0]
        image[:, width // 2 :] += 120 * label[1]
        save(root / f"{number}.png", image.astype(np.uint8), number)
        row = [f"{number}.png", *label, *(0 for _ in more)]
        rows.append(row if number % 7 else [row[0], "", *row[2:]])
    with open(root / "labels.csv", "w", newline="") as file:
        csv.writer(file).writerows([["file", *labels, *more], *rows])
    return root


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    base = tmp_path_factory.mktemp("folders")
    real = write_folder(base / "real", 1)
    return real, write_folder(base / "synthetic", 2, more=("another",))


@pytest.fixture(scope="module")
def compared(folders, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("compared") / "run"
    done = compare(*folders, workdir)
    assert done.returncode == 0, done.stderr
    return workdir, done


@pytest.mark.slow
def test_two_folders_become_a_verdict_and_a_page(compared):
    workdir, done = compared
    assert "mean AUROC" in done.stdout
    assert f"report: {workdir / 'report' / 'report.html'}" in done.stdout
    page = (workdir / "report" / "report.html").read_text(encoding="utf-8")
    assert "The synthetic images were made elsewhere." in page
    assert not (workdir / "gan").exists()
    # The label that only the synthetic folder has is left out.
    results = json.loads((workdir / "evaluate" / "results.json").read_text())
    labels = results["utility"]["labels"]
    assert [row["name"] for row in labels] == ["left", "right"]
    assert labels[0]["n"] < labels[1]["n"] == results["n_test_images"] == 48
    assert results["utility"]["mean"]["real"]["value"] > 0.9
    provenance = json.loads((workdir / "synth" / "provenance.json").read_text())
    assert provenance["counts"]["train"]["images"] == 48
    assert not (workdir / "evaluate" / "gates.json").exists()
    assert "n_test_patients" not in page


@pytest.mark.slow
def test_limits_are_on_the_page_though_the_numbers_are_not_measured_again(
    compared, folders, tmp_path
):
    limits = tmp_path / "limits.toml"
    limits.write_text(
        '[limits]\n"n_test_images" = { min = 49 }\n"n_test_patients" = { max = 48 }\n'
        '"utility.labels.light.n" = { max = 48 }\n'
    )
    done = compare(*folders, compared[0], f"--thresholds={limits}")
    assert done.returncode == 3, done.stderr
    assert done.stderr.count("done before, skipped") == 4
    assert "n_test_images = 48 (at least 49): MISSED: below 49" in done.stdout
    assert "n_test_patients = 48 (at most 48): kept" in done.stdout
    assert "2 of 3 limits missed" in done.stderr
    page = (compared[0] / "report" / "report.html").read_text(encoding="utf-8")
    for told in ("n_test_patients", "at least 49", "not in the results"):
        assert told in page


@pytest.mark.slow
def test_folders_that_do_not_go_together_are_told_before_anything_is_built(
    folders, tmp_path
):
    lacking = write_folder(tmp_path / "lacking", 3, count=12, labels=("left", "up"))
    done = compare(folders[0], lacking, tmp_path / "a")
    assert done.returncode == 2, done.stderr
    assert "lacking/labels.csv has no column 'right'" in done.stderr
    assert not (tmp_path / "a" / "data").exists()


@pytest.mark.slow
def test_a_study_that_could_not_be_measured_stops_when_the_splits_are_made(tmp_path):
    """The label has both classes in train and valid, and is 1 in all of test."""
    for name in ("real", "synthetic"):
        folder = tmp_path / name
        folder.mkdir()
        rows = [["file", "patient", "split", "Finding"]]
        for number in range(30):
            split = "train" if number < 18 else "valid" if number < 24 else "test"
            image = np.full((16, 16), 100 + number, np.uint8)
            save(folder / f"{number}.png", image, 1)
            label = 1 if split == "test" else number % 2
            rows.append([f"{number}.png", f"p{number}", split, label])
        with open(folder / "labels.csv", "w", newline="") as file:
            csv.writer(file).writerows(rows)
    columns = [
        f"--config.{part}.folder.{column}_column={column}"
        for part in ("data", "synth")
        for column in ("patient", "split")
    ]
    folders = (tmp_path / "real", tmp_path / "synthetic")
    done = compare(*folders, tmp_path / "run", *columns)
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert "no label has both classes among the test images" in done.stderr
    assert "'Finding' has 6 positive and 0 negative" in done.stderr
    assert not (tmp_path / "run" / "classifier").exists()


@pytest.mark.slow
def test_a_corrupt_file_is_named_or_left_out(tmp_path):
    broken = write_folder(tmp_path / "broken", 4, count=40)
    (broken / "7.png").write_bytes(b"no image")
    real = write_folder(tmp_path / "real", 5, count=40)
    done = compare(real, broken, tmp_path / "b")
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert "broken/7.png is not a PNG" in done.stderr
    assert "config.data.on_bad_file=skip" in done.stderr
    # and left out, counted
    skip = ("--config.data.on_bad_file=skip", "--config.data.skip_limit=0.05")
    given = [
        "",
        f"--real={real}",
        f"--synthetic={broken}",
        f"--workdir={tmp_path / 'b'}",
    ]
    done = call("synth", *as_config_flags(given)[1:], *skip)
    assert done.returncode == 0, done.stderr
    assert "left out, as on_bad_file=skip says: file unusable 1" in done.stderr
    splits = json.loads((tmp_path / "b" / "synth" / "splits.json").read_text())
    assert splits["left_out"]["count"] == 1, splits["left_out"]


def test_folders_are_short_for_config_flags():
    given = ["compare.py", "--real=a", "-synthetic", "b", "--workdir=w"]
    assert as_config_flags(given) == [
        "compare.py",
        "--config=compare",
        "--workdir=w",
        "--config.data.folder.path=a",
        "--config.synth.folder.path=b",
    ]
    own = ["compare.py", "--config=mine.py"]
    assert as_config_flags(own) == own
