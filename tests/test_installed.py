"""An installed package, without a checkout beside it, gives the command `synthjax`."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from builders.processes import fast_env

ROOT = Path(__file__).parent.parent
SOURCES = ("synthjax", "launch", "configs", "setup.py", "pyproject.toml", "README.md")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def synthjax(tmp_path_factory):
    """Runs the installed command from an empty folder."""
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        path = ROOT / name
        if path.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(path, source / name, ignore=ignored)
        else:
            shutil.copy(path, source / name)
    installed = tmp_path_factory.mktemp("installed")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    command = [sys.executable, "-m", "pip", "install", *options]
    subprocess.run([*command, f"--target={installed}", source], check=True)
    shutil.rmtree(source)

    def run(*arguments, folder):
        return subprocess.run(
            [sys.executable, installed / "bin" / "synthjax", *arguments],
            cwd=folder,
            env=fast_env() | {"PYTHONPATH": str(installed)},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    return run


def test_help_lists_the_commands(synthjax, tmp_path):
    done = synthjax("--help", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    for name in ("pipeline", "data", "gan", "compare", "export", "reference"):
        assert f"\n  {name} " in done.stdout
    assert "traceback" not in done.stderr.lower()


def test_an_unknown_command_is_named(synthjax, tmp_path):
    done = synthjax("pipelin", folder=tmp_path)
    assert done.returncode == 2
    assert "no command 'pipelin'" in done.stderr


def test_a_shipped_config_goes_by_its_name(synthjax, tmp_path):
    flags = ("--config=phantom_chest:tiny", "--workdir=x")
    done = synthjax("data", *flags, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "x" / "data" / "dataset_info.json").exists()
    done = synthjax("pipeline", *flags, "--explain", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("data: done\ngan: runs, because nothing is there yet")


def test_a_copied_config_works_by_its_path(synthjax, tmp_path):
    shutil.copy(ROOT / "configs" / "phantom_brain.py", tmp_path / "mine.py")
    done = synthjax("pipeline", "--config=mine.py", "--explain", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "report: runs" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]


def test_a_config_that_is_not_there_names_those_that_are(synthjax, tmp_path):
    done = synthjax("gan", "--config=phantom", folder=tmp_path)
    assert done.returncode == 2
    assert "one of chexpert, compare, digits" in done.stderr
    done = synthjax("gan", "--config=configs/phantom.py", folder=tmp_path)
    assert done.returncode == 2
    assert "configs/phantom.py: there is no such file" in done.stderr
