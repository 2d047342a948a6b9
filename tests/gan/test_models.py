"""The table of models: what an entry says, and one from outside the package."""

import dataclasses
import functools

import jax
import numpy as np
import pytest

from synthjax.core.config import freeze, section
from synthjax.core.devices import DevicesConfig, make_devices
from synthjax.core.errors import ConfigError
from synthjax.core.identity import identity
from synthjax.gan.config import GanConfig
from synthjax.gan.generator import load_generator
from synthjax.gan.models import MODELS, make_networks
from synthjax.gan.presets import resolve
from synthjax.gan.train import train
from tests.toys.model import MODEL, ToyConfig


def asked(**changes):
    """The gan section as a study's config has it."""
    config = section(GanConfig)
    config.update(changes)
    return config


@pytest.mark.slow
def test_a_model_from_outside_is_resolved_and_trained(toy_data, tmp_path, monkeypatch):
    monkeypatch.setitem(MODELS, "toy", MODEL)
    config = freeze(GanConfig, asked(model="toy", indicators=False), "gan")
    resolved = resolve(config, 8)
    assert (resolved.loss, resolved.batch_size, resolved.path_weight) == (
        "hinge",
        16,
        0.5,
    )
    assert resolved.sizes == ToyConfig()
    devices = make_devices(DevicesConfig(count=1))
    train(config, seed=1, data=toy_data, out=tmp_path, devices=devices)
    generator = load_generator(tmp_path)
    assert (generator.config.model, generator.step) == ("toy", 4)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(generator.params))


def test_its_sizes_are_those_that_it_is_entered_with(monkeypatch):
    wide = dataclasses.replace(MODEL, config=functools.partial(ToyConfig, width=9))
    monkeypatch.setitem(MODELS, "toy", wide)
    config = resolve(GanConfig(model="toy"), 8)
    networks = make_networks(config, resolution=8, channels=1, labels=3)
    assert networks.w_size == 9


def test_a_model_that_is_not_entered_is_refused():
    with pytest.raises(ConfigError, match="model='toy': must be one of stylegan2, "):
        freeze(GanConfig, asked(model="toy"), "gan")


@pytest.mark.slow
@pytest.mark.parametrize("model", list(MODELS))
def test_networks_are_what_their_capabilities_say(model):
    config = resolve(GanConfig(model=model), 32)
    networks = make_networks(config, resolution=32, channels=1, labels=3)
    can = config.capabilities
    assert can.has_label_head == (networks.discriminate_with_labels is not None)
    assert can.has_mapping == (networks.num_ws > 1)
    params = jax.eval_shape(networks.init_generator, jax.random.key(0))
    names = {
        jax.tree_util.keystr(path[-2:], simple=True, separator="/")
        for path, _ in jax.tree_util.tree_flatten_with_path(params)[0]
    }
    assert not can.label_axes or set(can.label_axes) & names


@pytest.mark.slow
def test_the_sections_of_other_models_are_not_selected():
    config = resolve(GanConfig(model="prog_gan"), 32)
    assert config.unselected() == ("stylegan2", "cpd_gan")
    keys = identity(config)
    assert "prog_gan.channel_base" in keys
    assert not [key for key in keys if key.startswith(("stylegan2.", "cpd_gan."))]
