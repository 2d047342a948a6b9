"""Reading an item of a checkpoint without knowing its architecture."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from synthjax.core.checkpoint import Checkpoints
from synthjax.core.errors import StudyError


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    params = {
        "a": {"weight": jnp.arange(12, dtype=jnp.float32).reshape(3, 4)},
        "b": jnp.asarray([1.5, -2.0], jnp.bfloat16),
        "scalar": jnp.float32(0.5),
    }
    train = {
        "params": params,
        "optimizer": optax.adam(1e-3).init(params),
        "step": jnp.int32(7),
    }
    directory = tmp_path_factory.mktemp("checkpoints")
    checkpoints = Checkpoints(directory)
    checkpoints.save(7, train=train, ema={"params": params}, data={}, meta={"k": 1})
    checkpoints.wait()
    checkpoints.close()
    return directory, params


@pytest.fixture
def checkpoints(saved):
    opened = Checkpoints(saved[0])
    yield opened
    opened.close()


@pytest.mark.slow
def test_an_item_is_read_as_it_was_saved(saved, checkpoints):
    params = saved[1]
    train = checkpoints.read_item(7, "train")
    assert sorted(train) == ["optimizer", "params", "step"]
    jax.tree.map(np.testing.assert_array_equal, train["params"], params)
    for leaf, old in zip(
        jax.tree.leaves(train["params"]), jax.tree.leaves(params), strict=True
    ):
        assert isinstance(leaf, np.ndarray) and leaf.dtype == old.dtype
    assert train["step"] == 7 and train["optimizer"]["0"]["count"] == 0
    ema = checkpoints.read_item(7, "ema")
    jax.tree.map(np.testing.assert_array_equal, ema, {"params": params})


def test_only_the_entries_asked_for_are_read(saved, checkpoints):
    train = checkpoints.read_item(7, "train", only=("params",))
    jax.tree.map(np.testing.assert_array_equal, train, {"params": saved[1]})
    with pytest.raises(StudyError, match="holds no ema, only optimizer, params, step"):
        checkpoints.read_item(7, "train", only=("params", "ema"))


def test_the_same_manager_still_restores_and_compares(saved, checkpoints):
    checkpoints.read_item(7, "ema")
    ema = checkpoints.restore_ema(7, {"params": saved[1]})
    jax.tree.map(np.testing.assert_array_equal, ema, {"params": saved[1]})
    assert checkpoints.read_meta(7) == {"k": 1}


def test_an_item_that_is_not_there(checkpoints):
    for step, item in ((8, "train"), (7, "discriminator")):
        with pytest.raises(StudyError, match=rf"no .*{item}; .* a step of \[7\]"):
            checkpoints.read_item(step, item)
