"""The commands that look at a generator: what they write, and what they say."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from builders.processes import fast_env
from synthjax.core.files import read_json
from synthjax.data.dataset import Dataset

ROOT = Path(__file__).parent.parent
CONFIG = "--config=configs/phantom_chest.py:tiny"
PX = 16


def run(command, *flags):
    return subprocess.run(
        [sys.executable, "-m", f"launch.{command}", CONFIG, *flags],
        check=False,
        cwd=ROOT,
        env=fast_env(),
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.fixture(scope="module")
def workdir(tiny_study, tmp_path_factory):
    """A workdir of its own around the first stages: other tests lock the study's."""
    folder = tmp_path_factory.mktemp("looking")
    for stage in ("data", "gan"):
        (folder / stage).symlink_to(tiny_study / stage)
    return f"--workdir={folder}"


def cells(path, columns):
    """The images of a sheet, row by row, [row, column, h, w]."""
    sheet = np.pad(np.asarray(Image.open(path)), ((0, 1), (0, 1)))
    rows = sheet.shape[0] // (PX + 1)
    cut = sheet.reshape(rows, PX + 1, columns, PX + 1)[:, :PX, :, :PX]
    return cut.transpose(0, 2, 1, 3).astype(int)


@pytest.mark.slow
def test_a_row_for_each_label_vector(workdir, tmp_path):
    out = tmp_path / "new" / "grid.png"
    labels = "--labels=none;Cardiomegaly,edema=0.5;NONE"
    done = run("sample", workdir, labels, "--psi=0.7", "--count=3", f"--out={out}")
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    assert told[0].startswith("checkpoint ") and told[0].endswith(" kimg)")
    assert told[1:] == [
        "columns: 3 latents, psi 0.7",
        "row 1: none",
        "row 2: Cardiomegaly,Edema=0.5",
        "row 3: none",
        f"picture: {out}",
    ]
    images = cells(out, 3)
    assert images.shape == (3, 3, PX, PX)
    np.testing.assert_array_equal(images[0], images[2])
    assert np.abs(images[0] - images[1]).mean() > 0.1
    assert np.abs(images[0, 0] - images[0, 1]).mean() > 0.1


@pytest.mark.slow
def test_a_column_for_each_truncation(workdir, tmp_path):
    out = tmp_path / "psis.png"
    flags = ("--labels=Edema", "--psis=0,1", "--count=2", "--seed=4", f"--out={out}")
    done = run("sample", workdir, *flags)
    assert done.returncode == 0, done.stderr
    assert "columns: psi 0, 1\nrows 1 to 2: Edema\n" in done.stdout
    images = cells(out, 2)
    spread = np.abs(images[0] - images[1]).mean(axis=(1, 2))
    assert spread[0] < spread[1]  # at psi 0 the styles are one; noise is left


@pytest.mark.slow
def test_real_images_over_the_nearest_that_can_be_drawn(workdir, tiny_study, tmp_path):
    metadata = Dataset.open(tiny_study / "data").metadata("valid")
    out, ids = tmp_path / "near.png", metadata.id[[3, 0]].tolist()
    flags = (f"--invert={','.join(ids)}", "--split=valid", "--search=4", f"--out={out}")
    done = run("sample", workdir, *flags)
    assert done.returncode == 0, done.stderr
    assert f"column 1: {ids[0]}, loss 0." in done.stdout
    assert done.stdout.endswith(f"picture: {out}\n")
    assert cells(out, 2).shape == (2, 2, PX, PX)
    numbers = read_json(out.with_suffix(".json"))
    assert [image["id"] for image in numbers["images"]] == ids
    done = run("sample", workdir, f"--invert={ids[0]}")  # of the test split
    assert done.returncode == 2 and 'It is in the split "valid"' in done.stderr


@pytest.mark.slow
def test_what_is_wrong_is_one_line(workdir, tmp_path):
    done = run("sample", workdir, "--labels=Cardiomegally")
    assert done.returncode == 2 and done.stdout == ""
    assert 'Did you mean "Cardiomegaly"?' in done.stderr
    assert "Traceback" not in done.stderr
    done = run("sample", f"--workdir={tmp_path}")
    assert done.returncode == 2
    assert "no finished checkpoint; run the gan stage" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "flags", [("--shows=training",), ("--shows=labels", "--labels=none;Edema")]
)
def test_films(workdir, tmp_path, flags):
    out = tmp_path / "film.gif"
    timing = ("--seconds=0.5", "--fps=8", "--count=2")
    done = run("video", workdir, *flags, *timing, f"--out={out}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"4 frames, 0.5 s: {out}"
    with Image.open(out) as film:
        assert film.is_animated and film.height > 100
