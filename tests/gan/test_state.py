"""The state: explicit types, no shared buffers, the lazy correction of Adam."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from synthjax.core.errors import ConfigError, StudyError
from synthjax.gan.config import GanConfig, check_batch
from synthjax.gan.networks.stylegan2_config import StyleGAN2Config
from synthjax.gan.state import (
    create,
    ema_item,
    lazy_ratio,
    make_optimizers,
    tick_means,
    zero_totals,
)


def test_every_array_has_an_explicit_type(toy):
    networks, optimizers = toy.toy_networks(), make_optimizers(toy.toy_config())
    state = jax.eval_shape(lambda: create(networks, optimizers, 1))
    leaves = jax.tree.leaves(state)
    assert not any(leaf.weak_type for leaf in leaves)
    assert {str(leaf.dtype) for leaf in leaves} == {"float32", "int32", "uint32"}


@pytest.mark.slow
def test_ema_starts_as_the_generator_in_buffers_of_its_own(toy):
    networks, optimizers = toy.toy_networks(), make_optimizers(toy.toy_config())
    state = jax.jit(lambda: create(networks, optimizers, 1))()
    jax.tree.map(np.testing.assert_array_equal, state.generator, state.ema)
    pointers = [leaf.unsafe_buffer_pointer() for leaf in jax.tree.leaves(state)]
    assert len(set(pointers)) == len(pointers)
    assert set(ema_item(state)) == {"params", "moments", "images"}


@pytest.mark.slow
def test_seeds_give_different_networks(toy):
    networks, optimizers = toy.toy_networks(), make_optimizers(toy.toy_config())
    first, second = (create(networks, optimizers, seed) for seed in (1, 2))
    for a, b in zip(
        jax.tree.leaves((first.generator, first.discriminator)),
        jax.tree.leaves((second.generator, second.discriminator)),
        strict=True,
    ):
        assert not np.allclose(a, b)


@pytest.mark.parametrize(("every", "ratio"), [(16, 16 / 17), (1, 0.5), (0, 1.0)])
def test_lazy_ratio(every, ratio):
    assert lazy_ratio(every) == pytest.approx(ratio)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "lazy"),
    [
        ("discriminator", {"r1_every": 3}),
        ("generator", {"path_weight": 2.0, "path_every": 3}),
    ],
)
def test_adam_is_corrected_for_lazy_regularisation(toy, network, lazy):
    config = toy.toy_config(adam_beta1=0.5, adam_beta2=0.9, **lazy)
    ratio = 3 / 4
    expected = optax.adam(0.0025 * ratio, b1=0.5**ratio, b2=0.9**ratio)
    params = {"kernel": jnp.arange(4.0)}
    updates = []
    for optimizer in (getattr(make_optimizers(config), network), expected):
        state = optimizer.init(params)
        for scale in (1.0, -0.3):
            gradient = {"kernel": scale * jnp.arange(1.0, 5.0)}
            change, state = optimizer.update(gradient, state, params)
        updates.append(change["kernel"])
    np.testing.assert_allclose(*updates, rtol=1e-6)


def test_over_a_cycle_lazy_adam_remembers_and_moves_as_much():
    """k + 1 corrected updates equal k plain ones in step size and in decay."""
    ratio = lazy_ratio(16)
    assert 17 * ratio == pytest.approx(16)
    assert (0.99**ratio) ** 17 == pytest.approx(0.99**16)


def test_tick_means_leave_out_what_was_not_measured():
    totals = zero_totals() | {"r1": np.array([3.0, 2.0], np.float32)}
    assert tick_means(totals) == {"r1": 1.5}


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "stylegan9"},
        {"loss": "hinge?"},
        {"batch_size": -1},
        {"kimg": -2.0},
        {"adam_beta2": 1.0},
        {"psi": 2.0},
        {"resident": "maybe"},
        {"style_mixing": 1.5},
        {"balanced_rows": -0.1},
        {"accumulate": 0},
        {"ema_decay": 1.0},
        {"path_weight": -2.0},
        {"label_weight": 1.0, "stylegan2": StyleGAN2Config(label_head=False)},
    ],
)
def test_config_names_the_bad_key(changes):
    with pytest.raises(ConfigError, match=next(iter(changes))):
        GanConfig(**changes)


def test_batch_must_split_into_groups_on_every_device():
    check_batch(GanConfig(), 32, device_count=8)
    check_batch(GanConfig(), 32, device_count=16)  # groups of the 2 images there are
    check_batch(GanConfig(accumulate=4), 32, device_count=2)
    with pytest.raises(StudyError, match="24 or 36"):
        check_batch(GanConfig(), 32, device_count=3)
    with pytest.raises(StudyError, match="choose 96 or 192"):
        check_batch(GanConfig(accumulate=3), 100, device_count=8)
    with pytest.raises(StudyError, match="choose 96"):
        check_batch(GanConfig(accumulate=3), 32, device_count=8)
