"""`launch.data --check`: it prints the report, and exits by it."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import launch.data
from builders.scans import COLUMNS, missing_file, screenshot
from launch.study import Launch

ROOT = Path(__file__).parents[3]


def run_check(config, workdir):
    """Return the exit code of the launcher's check."""
    study = SimpleNamespace(workdir=workdir)
    with pytest.raises(SystemExit) as caught:
        launch.data.check(Launch(study, {"data": config}, 0), 500)
    return caught.value.code


@pytest.mark.slow
def test_the_exit_code_says_whether_a_build_would_fail(tree, tmp_path, capsys):
    assert run_check(tree.config(), tmp_path) == 0
    assert "a build would go through" in capsys.readouterr().out
    screenshot(tree, 4)
    assert run_check(tree.config(), tmp_path) == 0
    missing_file(tree, 8)
    assert run_check(tree.config(), tmp_path) == 1
    assert "'scan008.png' does not exist" in capsys.readouterr().out
    skip = tree.config(on_bad_file="skip", skip_limit=0.1)
    assert run_check(skip, tmp_path) == 0


@pytest.mark.slow
def test_the_command(tree, tmp_path):
    missing_file(tree, 8)
    tree.config()
    flags = [f"--config.data.folder.{name}_column={name}" for name in COLUMNS[1:6]]
    command = [sys.executable, "-m", "launch.data", "--config=configs/folder.py"]
    done = subprocess.run(
        [
            *command,
            *flags,
            f"--config.data.folder.path={tree.root}",
            "--config.data.resolution=16",
            "--check",
            f"--workdir={tmp_path / 'run'}",
        ],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("Doctor: folder\n")
    assert "'scan008.png' does not exist" in done.stdout
    assert not (tmp_path / "run" / "data").exists()
