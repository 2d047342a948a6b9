"""Learning rates and ends of runs: against optax, and against courses by hand."""

import numpy as np
import optax
import pytest

from configs import chexpert, rsna_ich
from synthjax.classifier import presets
from synthjax.classifier.config import SCHEDULES, ClassifierConfig
from synthjax.classifier.schedule import Plateau, PlateauConfig
from synthjax.core.config import freeze, section
from synthjax.core.errors import ConfigError


def plateau(**changes) -> Plateau:
    return Plateau(PlateauConfig(**changes), 1e-4, 48, 20000)


@pytest.mark.slow
@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5])
def test_cosine_is_that_of_optax(warmup) -> None:
    config = ClassifierConfig(steps=50, warmup=warmup)
    ours = SCHEDULES["cosine"](config, 1000)
    theirs = optax.warmup_cosine_decay_schedule(
        init_value=0.0,
        peak_value=config.learning_rate,
        warmup_steps=round(warmup * 50),
        decay_steps=50,
    )
    rates = [ours.rate(step) for step in range(50)]
    np.testing.assert_allclose(
        rates, [theirs(step) for step in range(50)], rtol=2e-6, atol=1e-9
    )
    assert (ours.steps, ours.eval_every) == (50, config.eval_every)
    ours.observe(False)
    assert not ours.finished()


@pytest.mark.parametrize(
    ("course", "rates"),
    [
        # "+" is a better validation. Two epochs without one: a tenth; three: the end.
        ("+---", [1e-4, 1e-4, 1e-5]),
        ("+--+--+---", [1e-4, 1e-4, 1e-5, 1e-5, 1e-5, 1e-6, 1e-6, 1e-6, 1e-7]),
        ("+-+-+-", [1e-4] * 6),
        ("---", [1e-4, 1e-4 / 10]),
    ],
)
def test_plateau_lowers_after_two_epochs_and_ends_after_three(course, rates) -> None:
    schedule = plateau()
    seen = []
    for epoch, mark in enumerate(course):
        assert not schedule.finished()
        schedule.observe(mark == "+")
        seen.append(schedule.rate(epoch))
    assert schedule.finished() == course.endswith("---")
    np.testing.assert_allclose(seen[: len(rates)], rates)


def test_plateau_counts_anew_after_each_reduction_and_has_a_floor() -> None:
    schedule = plateau(stop=100)
    seen = []
    for _ in range(12):
        schedule.observe(False)
        seen.append(schedule.rate(0))
    powers = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4, 4, 4]
    np.testing.assert_allclose(seen, [1e-4 * 0.1**power for power in powers])


def test_plateau_goes_on_from_its_state() -> None:
    one = plateau()
    one.observe(True)
    one.observe(False)
    one.observe(False)
    other = plateau()
    other.restore(one.state())
    assert other.rate(0) == one.rate(0) == pytest.approx(1e-5)
    other.observe(False)
    assert other.finished()
    assert not one.finished()


@pytest.mark.parametrize(
    ("images", "updates"), [(20000, 104), (5000, 104), (1200, 25), (30, 1)]
)
def test_epochs_of_the_publication(images, updates) -> None:
    """104 updates of 48 images, or as many as the training split has."""
    schedule = SCHEDULES["plateau"](presets.paper(), images)
    assert schedule.eval_every == updates
    assert schedule.steps == 100 * updates
    assert schedule.rate(0) == 1e-4


def test_preset_goes_into_a_config_and_values_set_later_hold() -> None:
    values = section(presets.paper())
    values.batch_size = 24
    config = freeze(ClassifierConfig, values, "classifier")
    assert (config.schedule, config.batch_size, config.flip) == ("plateau", 24, True)


@pytest.mark.parametrize("study", [chexpert, rsna_ich])
def test_studies_of_the_paper_take_the_preset_by_name(study) -> None:
    plain, published = study.get_config("64"), study.get_config("64:paper")
    assert plain.classifier.schedule == "cosine"
    config = freeze(ClassifierConfig, published.classifier, "classifier")
    assert config == presets.paper()
    assert published.data == plain.data
    with pytest.raises(ValueError, match="may be :paper only"):
        study.get_config("64:papers")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"schedule": "step"}, "schedule='step': must be one of cosine, plateau"),
        ({"plateau": {"stop": 0}}, "plateau.stop=0: must be at least 1"),
        ({"plateau": {"factor": 1.0}}, "plateau.factor=1.0"),
        ({"plateau": {"floor": -1.0}}, "plateau.floor=-1.0"),
        ({"loss": "hinge"}, "loss='hinge': must be one of bce, focal"),
        ({"class_weights": "inverse"}, "class_weights='inverse'"),
        ({"class_weight_cap": 0.5}, "class_weight_cap=0.5"),
        ({"label_smoothing": 1.0}, "label_smoothing=1.0"),
        ({"focal_gamma": -1.0}, "focal_gamma=-1.0"),
        ({"mixup": -0.1}, "mixup=-0.1"),
        ({"adam_epsilon": 0.0}, "adam_epsilon=0.0"),
    ],
)
def test_wrong_values_are_named(values, message) -> None:
    with pytest.raises(ConfigError, match=f"config.classifier.{message}"):
        freeze(ClassifierConfig, values, "classifier")
