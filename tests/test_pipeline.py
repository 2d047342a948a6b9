"""The whole flow as a user starts it, and what can befall it."""

import json
import socket
import time
from pathlib import Path

import jsonschema
import pytest

from builders.processes import fast_compile
from synthjax.core.files import read_json

ROOT = Path(__file__).parent.parent
CONFIG = "configs/phantom_chest.py:tiny"


def results(workdir):
    return json.loads((workdir / "evaluate" / "results.json").read_text())


@pytest.mark.slow
def test_tiny_study_leaves_what_the_map_says(tiny_study):
    for name in (
        "data/dataset_info.json",
        "data/splits.json",
        "gan/config.json",
        "gan/metrics.jsonl",
        "gan/samples/labels.json",
        "synth/dataset_info.json",
        "synth/provenance.json",
        "classifier/real/seed0/predictions.npz",
        "classifier/synthetic/seed0/predictions.npz",
        "evaluate/results.json",
        "report/report.html",
    ):
        assert (tiny_study / name).exists(), name
    steps = [p for p in (tiny_study / "gan" / "checkpoints").iterdir() if p.is_dir()]
    for item in ("train", "ema", "data", "meta"):
        assert (steps[0] / item).is_dir()


@pytest.mark.slow
def test_results_have_the_promised_keys(tiny_study):
    found = results(tiny_study)
    mean = found["utility"]["mean"]
    gap = mean["gap"]
    assert gap["low"] <= gap["value"] <= gap["high"]
    difference = mean["real"]["value"] - mean["synthetic"]["value"]
    assert gap["value"] == pytest.approx(difference)
    labels = found["utility"]["labels"]
    assert len(labels) == 14
    for label in labels:
        assert {"name", "real", "synthetic", "gap", "n_positive", "n"} <= set(label)
    assert found["n_test_images"] >= found["n_test_patients"] > 0


@pytest.mark.slow
def test_results_keep_to_their_schema(tiny_study):
    schema = read_json(ROOT / "synthjax" / "evaluate" / "results.schema.json")
    jsonschema.Draft202012Validator(schema).validate(results(tiny_study))


@pytest.mark.slow
def test_no_file_says_where_it_was_made(tiny_study):
    """Neither the place of the study nor the host, in no file and no file's name."""
    place = str(tiny_study).encode()
    for path in tiny_study.rglob("*"):
        assert not path.name.endswith(f".{socket.gethostname()}"), path
        if path.is_file():
            assert place not in path.read_bytes(), path


@pytest.mark.slow
def test_second_run_skips_everything(tiny_study, pipeline):
    before = time.time()
    done = pipeline(tiny_study)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("done before, skipped") == 6
    assert "report:" in done.stdout
    written = (tiny_study / "report" / "report.html").stat().st_mtime
    assert written < before


@pytest.mark.slow
def test_two_devices_run_the_study(tmp_path, pipeline, tiny_study):
    """With shard_map; with pmap two processes of one device each do."""
    done = pipeline(
        tmp_path / "study",
        "--config.devices.count=2",
        "--config.devices.mapping=shard_map",
        **fast_compile(devices=2),
    )
    assert done.returncode == 0, done.stderr[-3000:]
    ours, theirs = results(tmp_path / "study"), results(tiny_study)
    assert ours["n_test_images"] == theirs["n_test_images"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--config.gan.kimgs=3"], "--config.gan.kimgs: there is no such key"),
        (["--config.data.resolution=48"], "config.data.resolution=48: must be a power"),
        (["--config.gan.kimg=-2"], "config.gan.kimg"),
        (
            ["--config.classifier.arms=('real','mixed','synthetic_3x')"],
            "copies_per_row=3 and",
        ),
        (["--config.devices.count=3"], "this process has 1 cpu device"),
    ],
)
def test_bad_config_is_refused_before_anything_is_written(
    tmp_path, pipeline, flags, message
):
    done = pipeline(tmp_path / "study", *flags)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "study" / "data").exists()


@pytest.mark.slow
def test_batch_that_does_not_divide(tmp_path, pipeline):
    done = pipeline(
        tmp_path / "study",
        "--config.gan.batch_size=10",
        XLA_FLAGS="--xla_force_host_platform_device_count=4",
    )
    assert done.returncode == 2
    assert "config.gan.batch_size=10 does not divide by 4 devices" in done.stderr
