"""When training stops, table by table; and a run that ends and ships its best."""

import json

import jax
import numpy as np
import pytest

from synthjax.core.checkpoint import Checkpoints
from synthjax.core.config import freeze
from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.core.errors import ConfigError, StudyError
from synthjax.gan.config import EarlyStopConfig, GanConfig
from synthjax.gan.generator import BEST, CHECKPOINTS, load_generator
from synthjax.gan.monitor import early_stop as early_stop_module
from synthjax.gan.monitor.early_stop import Decision, EarlyStopping
from synthjax.gan.presets import resolve
from synthjax.gan.schedule import Phase, Position
from synthjax.gan.train import train

pytestmark = pytest.mark.usefixtures("toy_model")
NAN = float("nan")


class Values:
    """A distance that gives these values, in order."""

    def __init__(self, name="FD[toy, n=8]", values=()):
        self.name, self._left = name, iter(values)

    def __call__(self, ema, sample):
        return next(self._left)


def stopping(measure="FD[toy, n=8]", **changes):
    config = EarlyStopConfig(encoder="random", **changes)
    resolved = resolve(GanConfig(early_stop=config), 32)
    return EarlyStopping(resolved.early_stop, Values(measure), resolution=32)


def after(kimg, step=0):
    return Position(images=1000 * kimg, step=step)


@pytest.mark.parametrize(
    ("patience", "values", "improved", "stops_after", "best"),
    [
        (1, [5.0, 6.0], "+-", 2, 1),
        (2, [5.0, 6.0, 4.0, 5.0, 3.0], "+-+-+", None, 5),
        (2, [5.0, 6.0, 7.0], "+--", 3, 1),
        (2, [5.0, 4.0, 4.0, 4.0], "++--", 4, 2),  # equal is no improvement
        (2, [5.0, 6.0, 4.0, 6.0, 4.5], "+-+--", 5, 3),  # in a row since the best
        (3, [NAN, 5.0, NAN, NAN, NAN], "-+---", 5, 2),
        (2, [NAN, NAN], "--", 2, None),
        (3, [9.0, 8.0, 7.0, 6.0], "++++", None, 4),
    ],
)
def test_stops_after_patience_without_a_new_best(
    patience, values, improved, stops_after, best
):
    """Every sequence also resumes from its JSON after each comparison."""
    whole = stopping(patience=patience)
    for number, value in enumerate(values, 1):
        resumed = stopping(patience=patience)
        resumed.restore(json.loads(json.dumps(whole.state(), allow_nan=False)))
        position = after(number, step=10 * number)
        decision = whole.observe(value, position)
        assert decision == Decision(improved[number - 1] == "+", number == stops_after)
        assert resumed.observe(value, position) == decision
        assert resumed.state() == whole.state()
    assert whole.stopped == (stops_after is not None)
    assert whole.best_step == (best and 10 * best)
    assert whole.best_kimg == (best and float(best))
    assert whole.best == (best and values[best - 1])
    assert len(whole.state()["values"]) == len(whole.state()["kimg"]) == len(values)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("min_kimg", "every_kimg", "growing", "expected"),
    [
        (0, 400, 0, [400, 800, 1200, 1600, 2000]),
        (700, 400, 0, [800, 1200, 1600, 2000]),
        (800, 400, 0, [800, 1200, 1600, 2000]),
        (0, 600, 1300, [1800]),
        (5000, 400, 0, []),
    ],
)
@pytest.mark.parametrize("batch", [64, 50_000])
def test_when_it_compares(min_kimg, every_kimg, growing, expected, batch):
    stop = stopping(min_kimg=min_kimg, every_kimg=every_kimg)
    shown = range(batch, 2_000_000 + batch, batch)
    found = []
    for images in shown:
        side = 32 if images > growing * 1000 else 16
        stop.set_phase(Phase(0, 0, 2_000_000, side, batch), draw=lambda *_: None)
        if stop.should_evaluate(images - batch, images):
            found.append(images)
    assert [images // 100_000 * 100 for images in found] == expected
    assert all(images % (every_kimg * 1000) < batch for images in found)


def test_a_larger_patience_goes_on():
    stop = stopping(patience=1)
    stop.observe(3.0, after(1))
    assert stop.observe(4.0, after(2)).stop
    longer = stopping(patience=2)
    longer.restore(stop.state())
    assert not longer.stopped
    assert longer.observe(2.0, after(3)) == Decision(improved=True, stop=False)


def test_nothing_is_compared_while_layers_fade_in():
    stop = stopping(min_kimg=0, every_kimg=1)
    fading = Phase(0, 0, 9000, 32, 16, fade_from=1, fade_over=4000)
    stop.set_phase(fading, draw=lambda *_: None)
    assert not stop.should_evaluate(990, 1006)
    stop.set_phase(Phase(1, 0, 9000, 32, 16), draw=lambda *_: None)
    assert stop.should_evaluate(990, 1006)


def test_values_of_another_measure_are_refused():
    stop = stopping("FD[random, n=100]")
    with pytest.raises(StudyError, match=r"by FD\[toy, n=8\], this run asks for FD\[r"):
        stop.restore(stopping().state())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"images": 1}, r"config.gan.early_stop.images=1: must be at least 2"),
        ({"min_kimg": -2}, "min_kimg=-2.0: must be at least 0, or None for the"),
        ({"every_kimg": 0}, "every_kimg=0.0: must be more than 0"),
        ({"patience": -1}, "patience=-1: must be at least 1"),
        ({"encoder": "flat"}, "encoder='flat': must be one of pixels, "),
        ({"encoder": "own"}, "config.gan.early_stop.encoder_path='': .* a trained"),
        ({"encoder_path": "x"}, "encoder_path='x': needs .*encoder, which is empty"),
    ],
)
def test_config_says_what_is_allowed(values, message):
    with pytest.raises(ConfigError, match=message):
        freeze(EarlyStopConfig, values, "gan.early_stop")


def run(toy, data, out, encoder="pixels", **changes):
    stop = {"encoder": encoder, "images": 48, "min_kimg": 0.0, "every_kimg": 0.064}
    config = toy.toy_config(early_stop=EarlyStopConfig(**(stop | changes)))
    devices = make_devices(DevicesConfig(count=1))
    train(config, seed=3, data=data, out=out, devices=devices)


def steps_of(folder):
    checkpoints = Checkpoints(folder)
    found = checkpoints.steps()
    checkpoints.close()
    return found


@pytest.fixture
def distances(monkeypatch):
    """Comparisons give these values, in order."""

    def give(values):
        left = iter(values)
        monkeypatch.setattr(
            early_stop_module.GeneratorDistance,
            "__call__",
            lambda self, ema, sample: next(left),
        )

    return give


@pytest.mark.slow
def test_it_ends_without_a_new_best_and_ships_the_best(
    toy, toy_data, tmp_path, distances
):
    distances([5.0, 3.0, 4.0, 4.5])  # at 4, 8, 12 and 16 updates of 16 images
    run(toy, toy_data, tmp_path, patience=2)
    assert steps_of(tmp_path / BEST) == [4, 8]  # one to fall back on
    assert steps_of(tmp_path / CHECKPOINTS)[-1] == 16  # of 20
    assert load_generator(tmp_path).step == 8
    assert load_generator(tmp_path, 16).step == 16


@pytest.mark.slow
def test_a_damaged_best_gives_way_to_the_one_before(
    toy, toy_data, tmp_path, distances, capfd
):
    distances([5.0, 3.0, 4.0, 4.5])
    run(toy, toy_data, tmp_path, patience=2)
    (tmp_path / BEST / "8" / "meta" / "metadata").write_bytes(b"")
    assert load_generator(tmp_path).step == 4
    assert "best/8 is damaged" in capfd.readouterr().err


@pytest.mark.slow
def test_a_larger_patience_goes_on_from_there(toy, toy_data, tmp_path, distances):
    distances([5.0, 6.0])
    run(toy, toy_data, tmp_path, patience=1)
    assert steps_of(tmp_path / CHECKPOINTS)[-1] == 8
    run(toy, toy_data, tmp_path, patience=1)  # it has ended: nothing is compared
    distances([4.0, 3.0, 2.0])
    run(toy, toy_data, tmp_path, patience=2)
    assert load_generator(tmp_path).step == 20


@pytest.mark.slow
def test_real_distances_are_finite_and_written_down(toy, toy_data, tmp_path):
    run(toy, toy_data, tmp_path, patience=9)
    checkpoints = Checkpoints(tmp_path / CHECKPOINTS)
    told = checkpoints.read_meta(20)["early_stop"]
    checkpoints.close()
    assert len(told["values"]) == 5
    assert np.isfinite(told["values"]).all()
    assert min(told["values"]) == told["best"]
    leaves = jax.tree.leaves(load_generator(tmp_path).params)
    assert all(np.isfinite(leaf).all() for leaf in leaves)


@pytest.mark.slow
def test_train_makes_the_encoder_that_the_config_names(toy, toy_data, tmp_path):
    """Called as from a notebook, without a launcher."""
    run(toy, toy_data, tmp_path, encoder="random", patience=9)
    checkpoints = Checkpoints(tmp_path / CHECKPOINTS)
    told = checkpoints.read_meta(20)["early_stop"]
    checkpoints.close()
    assert told["measure"].startswith("FD[random")
    assert len(told["values"]) == 5
    assert load_generator(tmp_path).step == told["best_step"]


@pytest.mark.slow
def test_a_run_too_short_to_compare_ships_its_newest(toy, toy_data, tmp_path, capfd):
    run(toy, toy_data, tmp_path, min_kimg=1.0)
    assert "nothing will be compared" in capfd.readouterr().err
    assert load_generator(tmp_path).step == 20
