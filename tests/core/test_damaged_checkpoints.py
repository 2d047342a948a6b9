"""Damaged checkpoints: noticed whatever is damaged, and the one before is used."""

import os
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from synthjax.core.checkpoint import DAMAGED, Checkpoints
from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.core.errors import StudyError
from synthjax.core.files import DamagedError

# One array that cannot be read closes the loop in which Orbax still reads the others.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)

PARAMS = {
    "a": {"weight": jnp.arange(120, dtype=jnp.float32).reshape(3, 40) / 7},
    "b": jnp.asarray([1.5, -2.0], jnp.bfloat16),
}
EMA = {"params": PARAMS, "images": jnp.uint32(320)}
META = {"config": {"rate": 0.0025, "model": "toy"}, "kimg": 0.32}


def train_state(step):
    moved = jax.tree.map(lambda x: x + step, PARAMS)
    return {"params": moved, "optimizer": optax.adam(1e-3).init(PARAMS)}


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    directory = tmp_path_factory.mktemp("run") / "checkpoints"
    checkpoints = Checkpoints(directory)
    for step in (10, 20):
        checkpoints.save(
            step, train=train_state(step), ema=EMA, data={"i": step}, meta=META
        )
    checkpoints.close()
    return directory


@pytest.fixture
def directory(pristine, tmp_path):
    return shutil.copytree(pristine, tmp_path / "checkpoints")


def restore_newest(directory):
    """The step that is used, and its state; all of it is what was saved."""
    checkpoints = Checkpoints(directory)
    try:
        step, (train, ema, data, meta) = checkpoints.read_newest(
            lambda step: checkpoints.restore(step, train=train_state(0), ema=EMA)
        )
        checkpoints.read_newest(lambda step: checkpoints.read_item(step, "ema"))
        alone = checkpoints.read_newest(
            lambda step: checkpoints.restore_ema(step, EMA)
        )[1]
    finally:
        checkpoints.close()
    same = np.testing.assert_array_equal
    jax.tree.map(same, train, train_state(step))
    for tree in (ema, alone):
        jax.tree.map(same, tree, EMA)
    assert (data, meta) == ({"i": step}, META)
    return step


def files(directory):
    found = (directory / "20").rglob("*")
    return sorted(path for path in found if path.is_file() and path.stat().st_size)


SPOILT = {
    "gone": lambda path, content: path.unlink(),
    "empty": lambda path, content: path.write_bytes(b""),
    "half": lambda path, content: path.write_bytes(content[: len(content) // 2]),
    "zeros": lambda path, content: path.write_bytes(bytes(len(content))),
    "noise": lambda path, content: path.write_bytes(os.urandom(len(content))),
}


@pytest.mark.slow
def test_whole_checkpoints_say_nothing(directory, capsys):
    assert restore_newest(directory) == 20
    assert "damaged" not in capsys.readouterr().err


@pytest.mark.parametrize("how", SPOILT)
@pytest.mark.parametrize(
    "item", ["train/d/*", "train/_METADATA", "meta/m*", "digest/*"]
)
def test_the_good_older_one_is_used(directory, how, item, capsys):
    for path in sorted((directory / "20").glob(item)):
        SPOILT[how](path, path.read_bytes())
    step = restore_newest(directory)  # and all that it reads is what was saved
    said = "20 is damaged" in capsys.readouterr().err
    assert said or (step == 20 and (item, how) == ("train/_METADATA", "gone"))


@pytest.mark.parametrize("item", ["train", "ema", "data", "meta", "."])
def test_a_folder_that_is_gone(directory, item, capsys):
    shutil.rmtree(directory / "20" / item)
    if item == ".":
        (directory / "20").mkdir()
    assert restore_newest(directory) == 10
    assert "20 is damaged" in capsys.readouterr().err


@pytest.mark.parametrize("seed", range(12))
def test_a_flipped_bit_changes_nothing_in_silence(directory, seed, capsys):
    """Either it is noticed, or everything that is read is what was saved."""
    draw = np.random.default_rng(seed)
    path = draw.choice(files(directory))
    content = bytearray(path.read_bytes())
    content[draw.integers(len(content))] ^= 1 << draw.integers(8)
    path.write_bytes(content)
    step = restore_newest(directory)
    assert step == 20 or "20 is damaged" in capsys.readouterr().err


def test_without_a_whole_one_nothing_is_used(directory):
    for step in ("10", "20"):
        shutil.rmtree(directory / step / "train")
        (directory / step / "train").mkdir()
    with pytest.raises(StudyError, match=r"no checkpoint in .* is whole: move"):
        restore_newest(directory)


def test_another_architecture_is_no_damage(directory):
    checkpoints = Checkpoints(directory)
    with pytest.raises(StudyError, match="another architecture") as told:
        checkpoints.restore_ema(20, {"params": PARAMS})
    assert not isinstance(told.value, DamagedError)
    checkpoints.close()


@pytest.mark.slow
def test_a_run_that_goes_on_moves_the_damaged_ones_aside(directory):
    (directory / "20" / "data" / "metadata").write_bytes(b"")
    devices = make_devices(DevicesConfig(count=1))
    checkpoints = Checkpoints(directory)
    step, _ = checkpoints.read_newest(
        lambda step: checkpoints.restore(step, train=train_state(0), ema=EMA)
    )
    checkpoints.set_aside_after(step, devices=devices)
    assert (checkpoints.steps(), checkpoints.latest()) == ([10], 10)
    assert (directory.parent / DAMAGED / "20-1" / "train").is_dir()
    for later in (15, 20):
        checkpoints.save(
            later, train=train_state(later), ema=EMA, data={"i": later}, meta=META
        )
    checkpoints.close()
    assert restore_newest(directory) == 20


def test_a_checkpoint_of_the_last_release_is_accepted(directory):
    shutil.rmtree(directory / "20" / "digest")
    assert restore_newest(directory) == 20
