"""What a run leaves: checkpoints, metrics, images; and its clock and signals."""

import itertools
import json
import os
import signal

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from PIL import Image

from synthjax.core import rng, signals
from synthjax.core.checkpoint import Checkpoints
from synthjax.core.clock import Clock, duration, progress
from synthjax.core.compile import compile_ahead
from synthjax.core.errors import StudyError
from synthjax.core.files import write_atomic, write_json
from synthjax.core.logbook import Logbook, grid


@flax.struct.dataclass
class State:
    step: jax.Array
    params: dict
    opt: optax.OptState


def make_state(width=4):
    params = {"a": jnp.ones((3, width)), "b": {"w": jnp.arange(5.0)}}
    opt = optax.adam(1e-3).init(params)
    return State(jnp.zeros((), jnp.int32), params, opt)


@pytest.mark.slow
def test_checkpoint_round_trip_and_ema_alone(tmp_path):
    state = make_state()
    checkpoints = Checkpoints(tmp_path, keep=2)
    for step in (1, 2, 3):
        moved = jax.tree.map(lambda x, step=step: x + step, state)
        ema = {"params": moved.params}
        checkpoints.save(step, train=moved, ema=ema, data={"i": step}, meta={"k": 1})
    checkpoints.wait()
    checkpoints.close()
    again = Checkpoints(tmp_path, keep=2)
    assert again.steps() == [2, 3] and again.latest() == 3
    ema_like = {"params": state.params}
    train, ema, data, meta = again.restore(3, train=state, ema=ema_like)
    expected = jax.tree.map(lambda x: np.asarray(x + 3), state)
    jax.tree.map(np.testing.assert_array_equal, train, expected)
    assert jax.tree.structure(train) == jax.tree.structure(state)
    assert (data, meta) == ({"i": 3}, {"k": 1})
    alone = again.restore_ema(2, ema_like)
    np.testing.assert_array_equal(alone["params"]["b"]["w"], np.arange(5) + 2)
    assert sorted(p.name for p in (tmp_path / "3").iterdir() if p.is_dir()) == [
        "data",
        "digest",
        "ema",
        "meta",
        "train",
    ]
    again.close()


def test_checkpoint_of_another_architecture(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    state = make_state()
    checkpoints.save(1, train=state, ema=state.params, data={}, meta={})
    checkpoints.wait()
    with pytest.raises(
        StudyError, match=r"another architecture: .*a has shape \(3, 4\) there and"
    ):
        checkpoints.restore(1, train=make_state(width=5), ema=state.params)
    checkpoints.close()


def test_resumed_metrics_are_as_uninterrupted(tmp_path):
    whole = Logbook(tmp_path / "whole")
    for kimg in range(5):
        whole.write(kimg=kimg, loss=kimg / 3)
    whole.close()
    cut = Logbook(tmp_path / "cut")
    for kimg in range(4):
        cut.write(kimg=kimg, loss=kimg / 3)
    cut.close()
    with open(tmp_path / "cut" / "metrics.jsonl", "a") as file:
        file.write('{"kimg": 4, "lo')  # killed inside a line
    resumed = Logbook(tmp_path / "cut", resume_at=2)
    for kimg in (3, 4):
        resumed.write(kimg=kimg, loss=kimg / 3)
    resumed.close()
    lines = (tmp_path / "cut" / "metrics.jsonl").read_text()
    assert lines == (tmp_path / "whole" / "metrics.jsonl").read_text()
    assert list((tmp_path / "whole").glob("events.out.tfevents*"))


def test_metrics_are_strict_json(tmp_path):
    book = Logbook(tmp_path)
    book.write(kimg=1, loss=float("nan"))
    with pytest.raises(ValueError, match="kimg"):
        book.write(loss=1.0)
    book.close()
    assert json.loads((tmp_path / "metrics.jsonl").read_text()) == {
        "kimg": 1,
        "loss": None,
    }


def test_grid_and_image(tmp_path):
    images = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones(
        (1, 2, 3, 1), np.uint8
    )
    sheet = grid(images, columns=2)
    assert sheet.shape == (3 * 3 - 1, 2 * 4 - 1, 1)
    assert sheet[3, 4, 0] == 3 and sheet[6, 0, 0] == 4
    book = Logbook(tmp_path)
    book.image("samples/000004", sheet)
    book.close()
    with Image.open(tmp_path / "samples" / "000004.png") as image:
        np.testing.assert_array_equal(np.asarray(image), sheet[..., 0])


def test_disabled_logbook_writes_nothing(tmp_path):
    book = Logbook(tmp_path / "none", enabled=False)
    book.write(kimg=0, loss=1.0)
    book.image("x", np.zeros((2, 2, 1), np.uint8))
    book.close()
    assert not (tmp_path / "none").exists()


def test_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file.json"
    write_json(path, {"old": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"new": float("nan")})
    with pytest.raises(TypeError):
        write_atomic(path, "text, not bytes")
    assert json.loads(path.read_text()) == {"old": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_clock_goes_on_after_a_restart():
    seconds = itertools.chain([0.0, 10.0, 12.0], itertools.repeat(20.0))
    clock = Clock(100, done=40, seconds=80.0, now=lambda: next(seconds))
    with clock.pause():
        pass  # from 10 to 12
    clock.tick(76)
    assert clock.seconds == 80 + 20 - 2
    assert clock.rate == pytest.approx(2.0)
    assert clock.eta == pytest.approx(12.0)
    assert [duration(s) for s in (8.24, 185, 3720)] == ["8.2s", "3m05s", "1h02m"]


def test_progress_is_plain_lines_without_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr("synthjax.core.clock._LINE_SECONDS", 0.0)
    assert list(progress(range(3), desc="reading", unit="images")) == [0, 1, 2]
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("reading: 3/3 images, ")
    assert not any("\r" in line for line in lines)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_stop_is_deferred_inside_a_loop_only(number):
    both = (signal.SIGTERM, signal.SIGHUP)
    before = {each: signal.getsignal(each) for each in both}
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # not as under nohup
    try:
        with signals.deferred() as request:
            os.kill(os.getpid(), number)
            assert request.requested
        with pytest.raises(signals.Preempted) as stopped:
            os.kill(os.getpid(), number)
            signal.pause()
        assert stopped.value.code == 143
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signals.install()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def test_streams_are_independent_of_each_other():
    def draw(*args):
        return np.asarray(jax.random.normal(rng.key(*args), (4,)))

    assert np.array_equal(draw(0, "latents", 3), draw(0, "latents", 3))
    others = [draw(1, "latents", 3), draw(0, "noise", 3), draw(0, "latents", 4)]
    assert not any(np.array_equal(draw(0, "latents", 3), other) for other in others)
    root = rng.key(0, "latents")
    traced = jax.jit(lambda i: jax.random.key_data(rng.key(root, "a", i)))(7)
    assert np.array_equal(traced, jax.random.key_data(rng.key(root, "a", 7)))


def test_compile_ahead_says_what_and_raises_what_fails(capsys):
    assert compile_ahead({"one": lambda: 1, "two": lambda: 2}) == {"one": 1, "two": 2}
    assert "compiling one, two ..." in capsys.readouterr().err
    with pytest.raises(ZeroDivisionError):
        compile_ahead({"bad": lambda: 1 / 0})
